"""A part being rewritten: packets dropped, packets put in, counters and PIDs renumbered by columns."""

from __future__ import annotations

from collections.abc import Iterator

from streaming.mpegts.entries import Part
from streaming.mpegts.packets import PACKET_SIZE, is_duplicate

_ALL = bytes(range(256))
_COUNTER = bytes(byte & 0x0F for byte in _ALL)
_NOT_COUNTER = bytes(byte & 0xF0 for byte in _ALL)
_NOT_PID = bytes(byte & 0xE0 for byte in _ALL)


class PidMap:
    """What becomes of each class of a `PidClasses`: another PID, or nothing."""

    def __init__(self, code_of: dict[int, int], pairs: dict[int, int]) -> None:
        #: Output PID to class, and back.
        self.code_of = {out: code_of[pid] for pid, out in pairs.items() if pid in code_of}
        self.changes = any(pid != out for pid, out in pairs.items())
        drop, high, low = bytearray(b"\x01" * 256), bytearray(256), bytearray(256)
        for out, code in self.code_of.items():
            drop[code], high[code], low[code] = 0, out >> 8, out & 0xFF
        self.drop, self.high, self.low = bytes(drop), bytes(high), bytes(low)


class Sheet:
    """The packets `start` to before `stop` of a part, on their way out."""

    def __init__(self, part: Part, start: int, stop: int, pid_map: PidMap) -> None:
        self.part = part
        self.start = start
        self.stop = stop
        self.out = bytearray(part.columns.block)
        self._map = pid_map
        #: 1 for each packet that does not leave.
        self._dropped = bytearray(part.columns.classes.translate(pid_map.drop))
        self._dropped[:start] = b"\x01" * start
        self._dropped[stop:] = b"\x01" * (part.columns.count - stop)
        self._inserted: list[tuple[int, int, bytearray]] = []
        #: Classes that have lost packets here.
        self._touched: set[int] = set()
        self._whole = start == 0 and stop == part.columns.count

    # Editing --------------------------------------------------------------------------------------------------

    def is_kept(self, index: int) -> bool:
        """The packet leaves."""
        return not self._dropped[index]

    def drop(self, pid: int, start: int, stop: int) -> None:
        """Drop the packets of a source PID from `start` to before `stop`."""
        for index in self.packets_of(pid, start, stop):
            self._dropped[index] = 1
            self._touched.add(self.part.pids.code_of[pid])

    def packets_of(self, pid: int, start: int, stop: int) -> Iterator[int]:
        """The packets of a source PID from `start` to before `stop`."""
        code = self.part.pids.code_of.get(pid)
        return iter(()) if code is None else self._indices(code, start, stop)

    def insert(self, index: int, pid: int, packets: bytes) -> None:
        """Put packets of one output PID before packet `index`; what is put there first goes first."""
        self._inserted.append((index, pid, bytearray(packets)))

    def inserted_until(self, index: int, pid: int) -> int:
        """How many packets of an output PID were put in up to before packet `index`."""
        return sum(len(packets) for i, p, packets in self._inserted if p == pid and i <= index) // PACKET_SIZE

    def _indices(self, code: int, start: int, stop: int) -> Iterator[int]:
        classes = self.part.columns.classes
        index = classes.find(code, start, stop)
        while index >= 0:
            yield index
            index = classes.find(code, index + 1, stop)

    # Renumbering ----------------------------------------------------------------------------------------------

    def renumber(self, counters: dict[int, int], previous: Part | None) -> None:
        """Give every packet its output PID and the counter after the last in `counters`, which is kept up to date.

        `previous` is the part before, in which a duplicate's first packet may lie.
        """
        self._inserted.sort(key=lambda item: item[0])
        new_counter = bytearray(256)
        walked, before = [], dict(counters)
        for pid in {*self._map.code_of, *(pid for _, pid, _ in self._inserted)}:
            code = self._map.code_of.get(pid)
            if code is None or not self._runs_on(code, pid):
                walked.append(pid)
                continue
            first, last = self.part.measured.runs[code]
            shift = counters.get(pid, 15) + 1 - first
            for counter in range(16):
                new_counter[code | counter] = (counter + shift) & 0x0F
            counters[pid] = (last + shift) & 0x0F
        self._write_columns(new_counter)
        self._repeat_counters(before)
        for pid in walked:
            self._walk(pid, counters, previous)

    def _runs_on(self, code: int, pid: int) -> bool:
        """All counters of the class may be shifted by the same number."""
        measured = self.part.measured
        if not self._whole or code in self._touched or code in measured.broken or code not in measured.runs:
            return False
        return all(inserted != pid for _, inserted, _ in self._inserted)

    def _write_columns(self, new_counter: bytearray) -> None:
        classes = self.part.columns.classes
        count, out = self.part.columns.count, self.out
        fourth = out[3::PACKET_SIZE]
        keys = _or(classes, fourth.translate(_COUNTER), count)
        out[3::PACKET_SIZE] = _or(fourth.translate(_NOT_COUNTER), keys.translate(new_counter), count)
        if self._map.changes:
            out[1::PACKET_SIZE] = _or(out[1::PACKET_SIZE].translate(_NOT_PID), classes.translate(self._map.high), count)
            out[2::PACKET_SIZE] = classes.translate(self._map.low)

    def _repeat_counters(self, before: dict[int, int]) -> None:
        """Packets without payload have the counter of the packet before them, whatever the source gave them."""
        classes, out = self.part.columns.classes, self.out
        pid_of = {code: pid for pid, code in self._map.code_of.items()}
        for index in self.part.columns.without_payload():
            code = classes[index]
            if code not in pid_of:
                continue
            earlier = classes.rfind(code, 0, index)
            counter = out[earlier * PACKET_SIZE + 3] if earlier >= 0 else before.get(pid_of[code], 15)
            at = index * PACKET_SIZE + 3
            out[at] = out[at] & 0xF0 | counter & 0x0F

    def _walk(self, pid: int, counters: dict[int, int], previous: Part | None) -> None:
        """One PID packet by packet: with packets lost, put in, or sent twice."""
        code = self._map.code_of.get(pid)
        counter = counters.get(pid, 15)
        inserted = [(index, packets) for index, own, packets in self._inserted if own == pid]
        broken = code in self.part.measured.broken
        before = _last_packet(previous, pid, self._map) if broken and code is not None else b""
        for index in [*self._indices(code, self.start, self.stop)] if code is not None else []:
            if self._dropped[index]:
                continue
            while inserted and inserted[0][0] <= index:
                counter = _count_packets(inserted.pop(0)[1], counter)
            at = index * PACKET_SIZE
            packet = self.part.columns.block[at : at + PACKET_SIZE]
            if broken and is_duplicate(packet, before):
                self._dropped[index] = 1
                continue
            before, flags = packet, self.out[at + 3]
            counter = (counter + (flags >> 4 & 1)) & 0x0F
            self.out[at + 3] = flags & 0xF0 | counter
        for _, packets in inserted:
            counter = _count_packets(packets, counter)
        counters[pid] = counter

    # Result ---------------------------------------------------------------------------------------------------

    def offset_of(self, index: int) -> int:
        """Where the packet stands in what `assemble` returns, behind what was put before it."""
        kept = index - self.start - self._dropped.count(1, self.start, index)
        return kept * PACKET_SIZE + sum(len(packets) for i, _, packets in self._inserted if i <= index)

    def assemble(self) -> list[memoryview]:
        """The packets that leave, in order, as few pieces."""
        pieces: list[memoryview] = []
        done = self.start
        for index, _, packets in self._inserted:
            self._collect(done, index, pieces)
            pieces.append(memoryview(packets))
            done = max(done, index)
        self._collect(done, self.stop, pieces)
        return pieces

    def _collect(self, start: int, stop: int, pieces: list[memoryview]) -> None:
        dropped, out = self._dropped, memoryview(self.out)
        while start < stop:
            start = dropped.find(0, start, stop)
            if start < 0:
                return
            end = dropped.find(1, start, stop)
            end = stop if end < 0 else end
            pieces.append(out[start * PACKET_SIZE : end * PACKET_SIZE])
            start = end


def _or(one: bytes | bytearray, other: bytes | bytearray, count: int) -> bytes:
    return (int.from_bytes(one, "little") | int.from_bytes(other, "little")).to_bytes(count, "little")


def _count_packets(packets: bytearray, counter: int) -> int:
    for at in range(3, len(packets), PACKET_SIZE):
        counter = (counter + (packets[at] >> 4 & 1)) & 0x0F
        packets[at] = packets[at] & 0xF0 | counter
    return counter


def _last_packet(part: Part | None, pid: int, pid_map: PidMap) -> bytes:
    code = pid_map.code_of.get(pid, -1)
    if part is None or code < 0:
        return b""
    index = part.columns.classes.rfind(code)
    return part.columns.block[index * PACKET_SIZE : (index + 1) * PACKET_SIZE] if index >= 0 else b""
