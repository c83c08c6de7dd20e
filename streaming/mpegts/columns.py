"""A block of packets as columns of bytes: what a loop over packets would ask one by one, answered for all at once.

`block[1::188]` is the second byte of every packet. Columns are translated through tables of 256 and combined as large
integers, so a question about ten thousand packets costs some microseconds and no Python loop. Measured on
8 Mbit/s: 0.5 µs to cut or translate a column of a tenth of a second (532 packets).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from streaming.mpegts.packets import NULL_PID, PACKET_SIZE

#: Classes are numbers in the upper four bits of a byte, the lower four are free for a continuity counter.
MAX_CLASSES = 14
NULL_CLASS = 14 << 4
OTHER_CLASS = 15 << 4

_ALL = bytes(range(256))
_SCRAMBLED_FREE = bytes(byte for byte in _ALL if not byte & 0xC0)
_DAMAGED_FREE = bytes(byte for byte in _ALL if not byte & 0x80)
#: Packets without payload do not count: they get the class of no PID.
_COUNTED = bytes(byte & 0x0F if byte & 0x10 else 0xF0 | byte & 0x0F for byte in _ALL)
_WITHOUT_PAYLOAD = bytes(0 if byte & 0x10 else 1 for byte in _ALL)
#: 0x01: an adaptation field; 0x80: encrypted.
_ADAPTED = bytes((1 if byte & 0x20 else 0) | (0x80 if byte & 0xC0 else 0) for byte in _ALL)
#: A discontinuity or a PCR.
_CLOCKED = bytes(1 if byte & 0x90 else 0 for byte in _ALL)

_OF_CLASS = {code: bytes(byte for byte in _ALL if byte & 0xF0 == code) for code in range(0, 256, 16)}
_DELETE_ALL_BUT = {code: bytes(byte for byte in _ALL if byte & 0xF0 != code) for code in range(0, 256, 16)}
#: Of packets without payload or of no known PID, and of null packets.
_NOT_COUNTED = _OF_CLASS[OTHER_CLASS] + _OF_CLASS[NULL_CLASS]


@lru_cache(maxsize=256)
def _run(code: int, length: int) -> bytes:
    return bytes(code | counter for counter in range(16)) * (length // 16 + 2)


def counters_run(column: bytes, code: int, previous: int) -> bool:
    """The counters of one class (see `Columns.counters_of`) rise by one each, beginning after `previous`."""
    start = (previous + 1) & 0x0F
    # Lengths are rounded up so that few patterns serve all blocks.
    pattern = _run(code, (len(column) + 1023) & ~1023)
    return pattern.startswith(column, start)


class PidClasses:
    """Deals packets into classes by PID, at most 14 PIDs and the null packets; all others are one class.

    Class n (as `n << 4`) is the n-th of `pids`. The units of the PIDs in `units` and every packet of those in `every`
    are events.
    """

    def __init__(self, pids: Sequence[int], units: Sequence[int] = (), every: Sequence[int] = ()) -> None:
        self.pids = tuple(_fitting(pids))
        self.code_of = {pid: index << 4 for index, pid in enumerate(self.pids)}
        classes = {**self.code_of, NULL_PID: NULL_CLASS}
        highs = sorted({pid >> 8 for pid in classes})
        lows = sorted({pid & 0xFF for pid in classes})
        width = len(lows) + 1
        high_index = {high: (index + 1) * width for index, high in enumerate(highs)}
        low_index = {low: index + 1 for index, low in enumerate(lows)}
        unit_shift = (len(highs) + 1) * width
        # A packet with a transport error belongs to nobody: even its PID may be wrong.
        self._high = bytes(
            0 if byte & 0x80 else high_index.get(byte & 0x1F, 0) + (unit_shift if byte & 0x40 else 0) for byte in _ALL
        )
        self._low = bytes(low_index.get(byte, 0) for byte in _ALL)
        self._class = bytearray([OTHER_CLASS]) * 256
        self._event = bytearray(256)
        for pid, code in classes.items():
            key = high_index[pid >> 8] + low_index[pid & 0xFF]
            self._class[key] = self._class[key + unit_shift] = code
            self._event[key] = pid in every
            self._event[key + unit_shift] = pid in every or pid in units

    def keys(self, second: bytes, third: bytes) -> bytes:
        """A key per packet out of its second and third byte, to be translated to a class or an event."""
        high = int.from_bytes(second.translate(self._high), "little")
        low = int.from_bytes(third.translate(self._low), "little")
        return (high + low).to_bytes(len(second), "little")

    def classes(self, keys: bytes) -> bytes:
        """The class of each packet."""
        return keys.translate(self._class)

    def events(self, keys: bytes) -> bytes:
        """1 for each packet that is an event, else 0."""
        return keys.translate(self._event)


@lru_cache(maxsize=256)
def pid_classes(pids: tuple[int, ...], units: tuple[int, ...] = (), every: tuple[int, ...] = ()) -> PidClasses:
    """`PidClasses`, made once for all streams that are laid out alike."""
    return PidClasses(pids, units, every)


def _fitting(pids: Sequence[int]) -> list[int]:
    """The first of `pids` that fit: 14 at most, and their halves must combine to 256 keys."""
    chosen: list[int] = []
    for pid in pids:
        if pid in chosen or pid == NULL_PID or len(chosen) == MAX_CLASSES:
            continue
        halves = [*chosen, pid, NULL_PID]
        highs, lows = len({p >> 8 for p in halves}), len({p & 0xFF for p in halves})
        if 2 * (highs + 1) * (lows + 1) <= 256:
            chosen.append(pid)
    return chosen


class Columns:
    """The columns of one block, each made when first asked for."""

    __slots__ = ("_adapted", "_fourth", "_second", "_sixth", "block", "classes", "count", "events")

    def __init__(self, block: bytes, pid_classes: PidClasses) -> None:
        self.block = block
        self.count = len(block) // PACKET_SIZE
        self._second = block[1::PACKET_SIZE]
        self._fourth = block[3::PACKET_SIZE]
        self._adapted = self._fourth.translate(_ADAPTED)
        self._sixth = block[5::PACKET_SIZE]
        keys = pid_classes.keys(self._second, block[2::PACKET_SIZE])
        self.classes = pid_classes.classes(keys)
        self.events = pid_classes.events(keys)

    def scrambled(self) -> int:
        """How many packets are encrypted."""
        # Whether all are below 0x80 is known eight at a time.
        return 0 if self._adapted.isascii() else len(self._fourth.translate(None, _SCRAMBLED_FREE))

    def damaged(self) -> int:
        """How many packets say they have a transport error."""
        return 0 if self._second.isascii() else len(self._second.translate(None, _DAMAGED_FREE))

    def counters(self) -> bytes:
        """Class and continuity counter of every packet with payload in one byte; 0xF? for those that do not count."""
        counted = int.from_bytes(self._fourth.translate(_COUNTED), "little")
        return (counted | int.from_bytes(self.classes, "little")).to_bytes(self.count, "little")

    def without_payload(self) -> list[int]:
        """Indices of the packets without payload."""
        return each(self._fourth.translate(_WITHOUT_PAYLOAD))

    def clocked(self) -> list[int]:
        """Indices of the packets whose adaptation field may hold a PCR or a discontinuity; look before believing."""
        adapted = int.from_bytes(self._adapted, "little")
        marks = adapted & int.from_bytes(self._sixth.translate(_CLOCKED), "little")
        return each(marks.to_bytes(self.count, "little")) if marks else []


def each(marks: bytes) -> list[int]:
    """Indices of the ones in a column of ones and zeros."""
    found, find = [], marks.find
    index = find(1)
    while index >= 0:
        found.append(index)
        index = find(1, index + 1)
    return found


def counters_of(counters: bytes, code: int) -> bytes:
    """The counters of one class out of `Columns.counters`, in their order, class bits still in place."""
    return counters.translate(None, _DELETE_ALL_BUT[code])


def counters_without(counters: bytes, code: int) -> bytes:
    """The counters of all classes but one that count, out of `Columns.counters`."""
    return counters.translate(None, _OF_CLASS[code] + _NOT_COUNTED)
