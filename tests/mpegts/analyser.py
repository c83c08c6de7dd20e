"""Judges a transport stream packet by packet, sharing no code with what it judges.

    report = analyse(received)
    assert report.problems == []

`problems` are sentences a person can act on. What is no problem but of interest stands beside them: first PIDs, frames,
DTS differences, gaps. Source: ISO/IEC 13818-1.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

VIDEO_TYPES = {0x01: "mpeg2", 0x02: "mpeg2", 0x10: "mpeg4", 0x1B: "h264", 0x24: "h265"}
AUDIO_TYPES = {0x03: "mpa", 0x04: "mpa", 0x0F: "aac", 0x11: "latm", 0x81: "ac3", 0x87: "eac3"}
WRAP = 1 << 33
#: The list of problems ends here; one fault seldom comes alone.
MOST_PROBLEMS = 200


@dataclass
class Limits:
    """What is still good. Seconds."""

    pcr_gap_s: float = 0.5
    video_gap_s: float = 0.5
    audio_gap_s: float = 0.5
    #: Sound may lie so far from the picture's clock where both are transmitted.
    audio_off_s: float = 2.5
    #: Sound may arrive so long after it was due.
    late_s: float = 0.0


@dataclass
class TrackReport:
    """One elementary stream."""

    pid: int
    codec: str = "?"
    kind: str = "data"
    packets: int = 0
    #: PES packets that began.
    units: int = 0
    #: Unwrapped, 90 kHz, in transmission order.
    pts: list[int] = field(default_factory=list)
    dts: list[int] = field(default_factory=list)
    #: Number of the packet each unit began in.
    at: list[int] = field(default_factory=list)
    #: Per unit of a picture: a decoder can begin there.
    random_access: list[bool] = field(default_factory=list)

    @property
    def dts_deltas(self) -> list[int]:
        """Differences of neighbouring DTS."""
        return [later - earlier for earlier, later in zip(self.dts, self.dts[1:], strict=False)]

    @property
    def largest_gap_s(self) -> float:
        """The longest time without a unit."""
        return max(self.dts_deltas, default=0) / 90000


@dataclass
class Report:
    """What was found."""

    problems: list[str] = field(default_factory=list)
    packets: int = 0
    null_packets: int = 0
    first_pids: list[int] = field(default_factory=list)
    programme_number: int | None = None
    pcr_pid: int | None = None
    pmt_versions: list[int] = field(default_factory=list)
    tracks: dict[int, TrackReport] = field(default_factory=dict)
    pcrs: list[int] = field(default_factory=list)
    cc_errors: int = 0
    duplicates: int = 0
    discontinuities: int = 0

    @property
    def video(self) -> TrackReport:
        """The first picture; one of no packets and PID -1 when there is none."""
        return self._first("video")

    @property
    def audio(self) -> TrackReport:
        """The first sound; one of no packets and PID -1 when there is none."""
        return self._first("audio")

    def _first(self, kind: str) -> TrackReport:
        found = (track for track in self.tracks.values() if track.kind == kind)
        return next(found, TrackReport(-1, kind=kind))

    @property
    def frames(self) -> int:
        """Units of the first picture."""
        return self.video.units


def analyse(data: bytes, limits: Limits | None = None, *, from_start: bool = True) -> Report:
    """Judge a whole received stream. `from_start`: it is what a viewer got from its first byte on."""
    return _Analyser(limits or Limits(), from_start).run(data)


def crc(section: bytes) -> int:
    """CRC-32/MPEG-2, bit by bit."""
    value = 0xFFFFFFFF
    for byte in section:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1
        value &= 0xFFFFFFFF
    return value


class _Pes:
    """A PES packet being received."""

    def __init__(self, at: int, pcr: int | None) -> None:
        self.at = at
        #: The clock when it began to arrive.
        self.pcr = pcr
        self.data = bytearray()

    @property
    def announced(self) -> int | None:
        """Its whole length, if it says so."""
        if len(self.data) < 6 or not (self.data[4] or self.data[5]):
            return None
        return 6 + (self.data[4] << 8 | self.data[5])


class _Analyser:
    def __init__(self, limits: Limits, from_start: bool) -> None:
        self.limits = limits
        self.from_start = from_start
        self.report = Report()
        self.counters: dict[int, int] = {}
        self.repeated: dict[int, bool] = {}
        self.last_packet: dict[int, bytes] = {}
        self.sections: dict[int, bytearray] = {}
        self.pmt_pids: dict[int, int] = {}
        self.pes: dict[int, _Pes] = {}
        self.strangers: Counter[int] = Counter()
        self.number = 0
        self.broken_units: set[int] = set()

    def problem(self, sentence: str) -> None:
        if len(self.report.problems) < MOST_PROBLEMS:
            self.report.problems.append(f"packet {self.number}: {sentence}")

    # Packets --------------------------------------------------------------------------------------------------

    def run(self, data: bytes) -> Report:
        if len(data) % 188:
            self.problem(f"{len(data)} bytes are no whole number of packets")
        for offset in range(0, len(data) - 187, 188):
            self.packet(data[offset : offset + 188])
            self.number += 1
        for pid in list(self.pes):
            self.finish_pes(pid, at_end=True)
        self.report.packets = self.number
        self.judge_whole()
        return self.report

    def packet(self, packet: bytes) -> None:
        if packet[0] != 0x47:
            self.problem("does not begin with 0x47")
            return
        pid = (packet[1] & 31) << 8 | packet[2]
        if len(self.report.first_pids) < 10:
            self.report.first_pids.append(pid)
        if pid == 0x1FFF:
            self.report.null_packets += 1
            return
        if packet[1] & 0x80:
            self.problem(f"PID {pid:#x} has a transport error")
            return
        if packet[3] & 0xC0:
            self.problem(f"PID {pid:#x} is scrambled")
        start, flags = self.adaptation(packet, pid)
        if not self.continuity(packet, pid, flags):
            return
        payload = packet[start:] if packet[3] & 0x10 else b""
        if payload:
            self.payload(pid, bool(packet[1] & 0x40), payload)

    def adaptation(self, packet: bytes, pid: int) -> tuple[int, int]:
        if not packet[3] & 0x20:
            return 4, 0
        length = packet[4]
        if length > 183 or (length == 183 and packet[3] & 0x10):
            self.problem(f"PID {pid:#x} has an adaptation field of {length} bytes")
            return 188, 0
        flags = packet[5] if length else 0
        if flags & 0x80:
            self.report.discontinuities += 1
        if flags & 0x10 and pid == self.report.pcr_pid:
            raw = int.from_bytes(packet[6:12], "big")
            self.pcr((raw >> 15) * 300 + (raw & 511), bool(flags & 0x80))
        return 5 + length, flags

    def continuity(self, packet: bytes, pid: int, flags: int) -> bool:
        """False for a duplicate, whose payload does not count again."""
        counter, last = packet[3] & 15, self.counters.get(pid)
        before, self.last_packet[pid] = self.last_packet.get(pid), packet
        self.counters[pid] = counter
        if last is None or flags & 0x80:
            return True
        if not packet[3] & 0x10:
            if counter != last:
                self.cc_error(pid, f"has counter {counter} without payload after {last}")
            return True
        same = before is not None and before[3] & 0x10 and before[12:] == packet[12:]
        if counter == last and same and not self.repeated.get(pid):
            self.report.duplicates += 1
            self.repeated[pid] = True
            return False
        self.repeated[pid] = False
        if counter != (last + 1) & 15:
            self.cc_error(pid, f"jumps from counter {last} to {counter}")
        return True

    def cc_error(self, pid: int, what: str) -> None:
        self.report.cc_errors += 1
        self.broken_units.add(pid)
        self.problem(f"PID {pid:#x} {what}")

    def payload(self, pid: int, starts: bool, payload: bytes) -> None:
        if pid == 0 or pid in self.pmt_pids:
            self.section(pid, starts, payload)
        elif pid in self.report.tracks:
            self.elementary(pid, starts, payload)
        elif pid >= 0x20 and self.pmt_pids:
            self.strangers[pid] += 1

    # Tables ---------------------------------------------------------------------------------------------------

    def section(self, pid: int, starts: bool, payload: bytes) -> None:
        if starts:
            pointer = payload[0]
            if pid in self.sections:
                self.sections[pid] += payload[1 : 1 + pointer]
                self.whole_sections(pid)
            self.sections[pid] = bytearray(payload[1 + pointer :])
        elif pid in self.sections:
            self.sections[pid] += payload
        self.whole_sections(pid)

    def whole_sections(self, pid: int) -> None:
        part = self.sections.get(pid)
        while part and part[0] != 0xFF and len(part) >= 3:
            length = 3 + ((part[1] & 15) << 8 | part[2])
            if len(part) < length:
                return
            section = bytes(part[:length])
            del part[:length]
            if crc(section):
                self.problem(f"a table on PID {pid:#x} has a wrong CRC")
            elif pid == 0:
                self.pat(section)
            elif section[0] == 2:
                self.pmt(section, pid)
        if part is not None and part and part[0] == 0xFF:
            del self.sections[pid]

    def pat(self, section: bytes) -> None:
        programmes = {}
        for i in range(8, len(section) - 4, 4):
            number = section[i] << 8 | section[i + 1]
            if number:
                programmes[(section[i + 2] & 31) << 8 | section[i + 3]] = number
        if not programmes:
            self.problem("the PAT announces no programme")
        if self.pmt_pids and programmes != self.pmt_pids:
            self.problem(f"the PAT changed from {self.pmt_pids} to {programmes}")
        self.pmt_pids = programmes

    def pmt(self, section: bytes, pid: int) -> None:
        number = section[3] << 8 | section[4]
        if self.pmt_pids.get(pid) != number:
            return
        if self.report.programme_number not in (None, number):
            return
        self.report.programme_number = number
        pcr_pid = (section[8] & 31) << 8 | section[9]
        if self.report.pcr_pid not in (None, pcr_pid):
            self.problem(f"the PCR moved from PID {self.report.pcr_pid:#x} to {pcr_pid:#x}")
        self.report.pcr_pid = pcr_pid
        version = section[5] >> 1 & 31
        if not self.report.pmt_versions or self.report.pmt_versions[-1] != version:
            self.report.pmt_versions.append(version)
        i, seen = 12 + ((section[10] & 15) << 8 | section[11]), set()
        while i < len(section) - 4:
            track_pid = (section[i + 1] & 31) << 8 | section[i + 2]
            length = (section[i + 3] & 15) << 8 | section[i + 4]
            self.track(track_pid, section[i], section[i + 5 : i + 5 + length])
            seen.add(track_pid)
            i += 5 + length
        if i != len(section) - 4:
            self.problem("the PMT's lengths do not add up")
        for gone in set(self.report.tracks) - seen:
            self.problem(f"PID {gone:#x} is no longer announced")

    def track(self, pid: int, stream_type: int, descriptors: bytes) -> None:
        kind, codec = "data", f"{stream_type:#04x}"
        if stream_type in VIDEO_TYPES:
            kind, codec = "video", VIDEO_TYPES[stream_type]
        elif stream_type in AUDIO_TYPES:
            kind, codec = "audio", AUDIO_TYPES[stream_type]
        elif stream_type == 6 and (b"\x6a" in descriptors[:1] or b"AC-3" in descriptors):
            kind, codec = "audio", "ac3"
        old = self.report.tracks.get(pid)
        if old is None:
            self.report.tracks[pid] = TrackReport(pid, codec, kind)
        elif old.codec != codec:
            self.problem(f"PID {pid:#x} turned from {old.codec} to {codec}")

    # Clocks and units -----------------------------------------------------------------------------------------

    def pcr(self, pcr: int, flagged: bool) -> None:
        pcrs = self.report.pcrs
        if pcrs:
            step = (pcr - pcrs[-1] + WRAP * 150) % (WRAP * 300) - WRAP * 150
            if step < 0 and not flagged:
                self.problem(f"the PCR goes back by {-step / 27e6:.3f} s")
            if step > self.limits.pcr_gap_s * 27e6 and not flagged:
                self.problem(f"the PCR leaps by {step / 27e6:.3f} s")
            pcr = pcrs[-1] + step
        pcrs.append(pcr)

    def elementary(self, pid: int, starts: bool, payload: bytes) -> None:
        self.report.tracks[pid].packets += 1
        if starts:
            self.finish_pes(pid)
            self.pes[pid] = _Pes(self.number, self.report.pcrs[-1] if self.report.pcrs else None)
        if pid in self.pes:
            self.pes[pid].data += payload

    def finish_pes(self, pid: int, *, at_end: bool = False) -> None:
        pes = self.pes.pop(pid, None)
        track = self.report.tracks[pid]
        if pes is None or track.kind == "data":
            return
        data, here = pes.data, self.number
        self.number = pes.at
        if data[:3] != b"\x00\x00\x01" or len(data) < 9:
            self.problem(f"PID {pid:#x} begins a unit without a PES header")
        else:
            announced = pes.announced
            cut = announced is not None and len(data) != announced
            if cut and not at_end and pid not in self.broken_units:
                self.problem(f"PID {pid:#x}: a PES packet of {announced} bytes has {len(data)}")
            if len(data) > 9 + data[8]:
                self.unit(track, bytes(data), pes)
        self.broken_units.discard(pid)
        self.number = here

    def unit(self, track: TrackReport, data: bytes, pes: _Pes) -> None:
        track.units += 1
        if track.kind == "video":
            track.random_access.append(_is_random_access(track.codec, data[9 + data[8] :]))
        if not data[7] & 0x80:
            return
        pts = _timestamp(data, 9)
        dts = _timestamp(data, 14) if data[7] & 0x40 else pts
        self.clock(track, pts, dts, pes.pcr)
        track.at.append(pes.at)

    def clock(self, track: TrackReport, pts: int, dts: int, pcr: int | None) -> None:
        name = f"{track.kind} PID {track.pid:#x}"
        if track.dts:
            step = (dts - track.dts[-1] + WRAP // 2) % WRAP - WRAP // 2
            limit = self.limits.video_gap_s if track.kind == "video" else self.limits.audio_gap_s
            if step <= 0:
                self.problem(f"{name}: time goes back by {-step / 90000:.3f} s")
            elif step > limit * 90000:
                self.problem(f"{name}: time leaps by {step / 90000:.3f} s")
            dts = track.dts[-1] + step
        elif pcr is not None:
            dts = self.near(dts, pcr // 300)
        shown = dts + (pts - dts + WRAP // 2) % WRAP - WRAP // 2
        if shown < dts:
            self.problem(f"{name}: shown {(dts - shown) / 90000:.3f} s before it is decoded")
        late_s = self.limits.late_s if track.kind == "audio" else 0.0
        if pcr is not None and self.near(dts, pcr // 300) * 300 <= pcr - late_s * 27e6:
            self.problem(f"{name}: decoded {pcr / 27e6 - self.near(dts, pcr // 300) / 90000:.3f} s before it arrives")
        track.dts.append(dts)
        track.pts.append(shown)

    @staticmethod
    def near(value: int, reference: int) -> int:
        return reference + (value - reference + WRAP // 2) % WRAP - WRAP // 2

    # In all ---------------------------------------------------------------------------------------------------

    def judge_whole(self) -> None:
        report = self.report
        if not report.tracks:
            self.problem("no programme was announced")
            return
        for pid, count in self.strangers.items():
            self.problem(f"{count} packets on PID {pid:#x}, which no table announces")
        video, audio = report.video, report.audio
        if self.from_start:
            self.judge_start()
        if video.random_access and not video.random_access[0]:
            self.problem("the first picture is no random access point")
        if video.dts and audio.dts:
            for name, one, other in (("begins", video.dts[0], audio.dts[0]), ("ends", video.dts[-1], audio.dts[-1])):
                if abs(one - other) > self.limits.audio_off_s * 90000:
                    self.problem(f"the sound {name} {(other - one) / 90000:.3f} s after the picture")
        for track in (video, audio):
            if track.pid >= 0 and not track.units:
                self.problem(f"the announced {track.kind} never comes")

    def judge_start(self) -> None:
        report = self.report
        if report.first_pids[:1] != [0]:
            self.problem("the first packet is no PAT")
        elif report.first_pids[1] not in self.pmt_pids:
            self.problem("the second packet is no PMT")


def _timestamp(data: bytes, at: int) -> int:
    if len(data) < at + 5:
        return 0
    bits = int.from_bytes(data[at : at + 5], "big")
    return (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF


def _is_random_access(codec: str, unit: bytes) -> bool:
    """A whole picture of this codec can be decoded without anything before it."""
    codes = [part[:8] for part in unit.split(b"\x00\x00\x01")[1:] if part]
    if codec == "h264":
        kinds = [code[0] & 31 for code in codes]
        return 7 in kinds and 8 in kinds and (5 in kinds or 1 in kinds)
    if codec == "h265":
        kinds = [code[0] >> 1 & 63 for code in codes]
        return {32, 33, 34} <= set(kinds) and any(16 <= kind <= 21 for kind in kinds)
    if codec == "mpeg2":
        pictures = [code for code in codes if code[0] == 0 and len(code) > 2]
        return any(code[0] == 0xB3 for code in codes) and bool(pictures) and pictures[0][2] >> 3 & 7 == 1
    if codec == "mpeg4":
        return any(code[0] == 0xB6 and len(code) > 1 and code[1] >> 6 == 0 for code in codes)
    return True
