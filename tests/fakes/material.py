"""Television made for tests: small MPEG-TS files from ffmpeg's own pictures, and an endless stream of each."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from functools import cache, lru_cache
from pathlib import Path

PACKET = 188
#: 375 AAC frames of 1024 samples at 48 kHz last exactly this long, so sound and picture loop without a hole.
SECONDS = 8


@cache
def ts(
    gop_s: float = 1.0,
    size: str = "320x180",
    video: str = "libx264",
    audio: str = "aac",
    bitrate: str = "300k",
    extra: tuple[str, ...] = (),
) -> bytes:
    """Eight seconds of a moving picture at 25 frames/s with a tone. `video` or `audio` may be "" for none."""
    command = ["ffmpeg", "-nostdin", "-v", "error"]
    if video:
        command += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25"]
    if audio:
        command += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    command += ["-t", str(SECONDS)]
    if video:
        gop = str(round(gop_s * 25))
        command += ["-c:v", video, "-preset", "ultrafast", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0"]
        command += ["-bf", "0", "-pix_fmt", "yuv420p", "-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate]
    if audio:
        command += ["-c:a", audio, "-b:a", "64k"]
    # One sound frame per PES packet, so that whole frames can be left out at the end of a loop.
    command += ["-muxdelay", "0.3", "-pes_payload_size", "0", *extra, "-f", "mpegts"]
    folder = Path(tempfile.gettempdir()) / "restreamer-test-material"
    folder.mkdir(exist_ok=True)
    made = folder / (hashlib.sha256(" ".join(command).encode()).hexdigest()[:20] + ".ts")
    if not made.exists():
        unfinished = made.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, str(unfinished)], check=True, timeout=120)
        unfinished.rename(made)
    return _without_overhang(made.read_bytes())


class Endless:
    """A TS file for ever: continuity counters, PCR, PTS and DTS run on over the loops."""

    def __init__(self, data: bytes) -> None:
        self.data = data[: len(data) // PACKET * PACKET]
        self.bytes_per_s = len(self.data) / SECONDS
        self._payloads: dict[int, int] = {}
        self._cc: list[tuple[int, int, int]] = []
        self._clocks: list[tuple[int, int]] = []
        for at in range(0, len(self.data), PACKET):
            self._note(at)
        self.loop = lru_cache(maxsize=4)(self._loop)

    def read(self, position: int, size: int) -> bytes:
        """`size` bytes of the endless stream from `position`."""
        out = bytearray()
        while len(out) < size:
            number, offset = divmod(position + len(out), len(self.data))
            out += self.loop(number)[offset : offset + size - len(out)]
        return bytes(out)

    def _note(self, at: int) -> None:
        packet = self.data[at : at + PACKET]
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        if pid != 0x1FFF:
            # A packet without payload repeats the counter of the one before.
            has_payload = bool(packet[3] & 0x10)
            count = self._payloads[pid] = self._payloads.get(pid, 0) + has_payload
            self._cc.append((at + 3, pid, count))
        for kind, where in clocks(packet):
            self._clocks.append((kind, at + where))

    def _loop(self, number: int) -> bytes:
        out = bytearray(self.data)
        for at, pid, nth in self._cc:
            out[at] = out[at] & 0xF0 | (nth - 1 + number * self._payloads[pid]) & 15
        for kind, at in self._clocks:
            (shift_pcr if kind == PCR else shift_pts)(out, at, number * SECONDS * 90000)
        return bytes(out)


PCR, PTS = 0, 1


def clocks(packet: bytes) -> list[tuple[int, int]]:
    """Where the packet's clocks stand: (PCR or PTS, offset)."""
    found = []
    payload = 4
    if packet[3] & 0x20:
        payload = 5 + packet[4]
        if packet[4] >= 7 and packet[5] & 0x10:
            found.append((PCR, 6))
    if packet[1] & 0x40 and packet[3] & 0x10 and packet[payload : payload + 3] == b"\0\0\1":
        flags = packet[payload + 7] >> 6
        if flags & 2:
            found.append((PTS, payload + 9))
        if flags == 3:
            found.append((PTS, payload + 14))
    return found


def pts(block: bytes | bytearray, at: int) -> int:
    """The 33-bit time stamp whose five bytes stand at `at`."""
    b = block[at : at + 5]
    return (b[0] >> 1 & 7) << 30 | b[1] << 22 | (b[2] >> 1) << 15 | b[3] << 7 | b[4] >> 1


def shift_pts(block: bytearray, at: int, by: int) -> None:
    value = (pts(block, at) + by) & (1 << 33) - 1
    block[at : at + 5] = bytes(
        (
            block[at] & 0xF1 | (value >> 30 & 7) << 1,
            value >> 22 & 255,
            (value >> 15 & 127) << 1 | 1,
            value >> 7 & 255,
            (value & 127) << 1 | 1,
        )
    )


def shift_pcr(block: bytearray, at: int, by: int) -> None:
    value = int.from_bytes(block[at : at + 6], "big")
    base = ((value >> 15) + by) & (1 << 33) - 1
    block[at : at + 6] = (base << 15 | value & 0x7FFF).to_bytes(6, "big")


def _without_overhang(data: bytes) -> bytes:
    """The file without PES packets that begin a whole loop after the first of their PID (an encoder's extra frame)."""
    first: dict[int, int] = {}
    over: set[int] = set()
    out = bytearray()
    for at in range(0, len(data) // PACKET * PACKET, PACKET):
        packet = data[at : at + PACKET]
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        stamps = [where for kind, where in clocks(packet) if kind == PTS]
        if stamps:
            value = pts(packet, stamps[-1])
            if value - first.setdefault(pid, value) >= SECONDS * 90000:
                over.add(pid)
        if pid not in over:
            out += packet
    return bytes(out)
