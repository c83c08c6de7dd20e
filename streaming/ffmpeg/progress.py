"""What ffmpeg reports while it runs (`-progress`): how fast it is and how far it came."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest report. Numbers ffmpeg does not know yet ("N/A") are 0."""

    frames: int = 0
    frames_per_s: float = 0.0
    bitrate_bps: float = 0.0
    out_bytes: int = 0
    #: Media time written so far.
    out_s: float = 0.0
    dropped_frames: int = 0
    #: Media time per wall time since the start: under 1 the picture cannot keep up.
    speed: float = 0.0
    #: ffmpeg said that this is its last report.
    ended: bool = False


class ProgressReader:
    """Feed it what the pipe gives; `latest` changes with each complete report.

    Source: `print_report` in ffmpeg's fftools/ffmpeg.c: lines `key=value`, a report ends with `progress=`.
    """

    def __init__(self) -> None:
        self.latest = Progress()
        self._growing = Progress()
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Lines may be cut anywhere; unknown keys are passed over."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-1024:]
        for line in lines:
            key, _, value = line.decode("ascii", "replace").partition("=")
            self._take(key.strip(), value.strip())

    def _take(self, key: str, value: str) -> None:
        if key == "progress":
            self.latest = replace(self._growing, ended=value == "end")
            return
        field = _FIELDS.get(key)
        if field is None:
            return
        name, kind, scale = field
        number = _number(value) * scale
        self._growing = replace(self._growing, **{name: kind(number)})


_FIELDS: dict[str, tuple[str, type, float]] = {
    "frame": ("frames", int, 1),
    "fps": ("frames_per_s", float, 1),
    "bitrate": ("bitrate_bps", float, 1000),
    "total_size": ("out_bytes", int, 1),
    "out_time_us": ("out_s", float, 1e-6),
    "drop_frames": ("dropped_frames", int, 1),
    "speed": ("speed", float, 1),
}


def _number(value: str) -> float:
    """`1234.5kbits/s`, `1.01x`, `N/A`."""
    text = value.removesuffix("kbits/s").removesuffix("x").strip()
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if abs(number) < 1e15 else 0.0
