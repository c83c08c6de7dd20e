"""What a stream consists of, read from what ffmpeg says about an input (`ffmpeg -i`); no ffprobe is needed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.command import Input, reading
from streaming.ffmpeg.features import Features
from streaming.ffmpeg.process import ChildProcess, Pipes

#: `  Stream #0:1[0x101](deu): Audio: aac (LC) ([15][0][0][0] / 0x000F), 48000 Hz, stereo, fltp, 128 kb/s (default)`
#: Source: `dump_stream_format` in libavformat/dump.c, the same in 4 to 9.
_STREAM = re.compile(r"^Stream #0:\d+(?:\[0x[0-9a-f]+\])?(?:\((\w{2,8})\))?: (Video|Audio|Subtitle): (.*)$")
_CONTAINER = re.compile(r"^Input #0, ([\w,]{1,80}), from")
_DURATION = re.compile(r"^Duration: (\d+):(\d+):(\d+(?:\.\d+)?)")
_WHOLE_BITRATE = re.compile(r"bitrate: (\d+) kb/s")
_SIZE = re.compile(r"^(\d{2,5})x(\d{2,5})(?: |$)")
_RATE = re.compile(r"^(\d+(?:\.\d+)?)(k?) (?:fps|tbr)$")
_BITRATE = re.compile(r"^(\d+) kb/s")
_SAMPLES = re.compile(r"^(\d+) Hz$")
_CHANNELS = {"mono": 1, "stereo": 2, "2.1": 3, "quad": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8}
_COUNTED = re.compile(r"^(\d+) channels")


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """A picture. 0 and "" are unknown."""

    codec: str
    profile: str = ""
    width: int = 0
    height: int = 0
    frames_per_s: float = 0.0
    bitrate_bps: int = 0
    interlaced: bool = False


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """A sound."""

    codec: str
    profile: str = ""
    language: str = ""
    sample_rate_hz: int = 0
    channels: int = 0
    bitrate_bps: int = 0


@dataclass(frozen=True, slots=True)
class SubtitleFacts:
    """Text or teletext."""

    codec: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """A stream."""

    container: str = ""
    duration_s: float = 0.0
    bitrate_bps: int = 0
    videos: tuple[VideoFacts, ...] = ()
    audios: tuple[AudioFacts, ...] = ()
    subtitles: tuple[SubtitleFacts, ...] = ()

    @property
    def badge(self) -> str:
        """The stream in a few words: `h264 1920×1080 25 fps · aac 5.1 deu`."""
        words = []
        for video in self.videos[:1]:
            size = f" {video.width}×{video.height}" if video.width else ""
            scan = "i" if video.interlaced else ""
            rate = f" {video.frames_per_s:g} fps" if video.frames_per_s else ""
            words.append(f"{video.codec}{size}{scan}{rate}")
        for audio in self.audios[:1]:
            names = {count: name for name, count in _CHANNELS.items()}
            parts = (audio.codec, names.get(audio.channels, ""), audio.language)
            words.append(" ".join(part for part in parts if part))
        return " · ".join(words)


def probe(source: Input, able: Features, *, timeout_s: float = 20.0, data: bytes = b"") -> MediaFacts:
    """Look at a stream: at an address ffmpeg opens (one connection, closed on return), or at `data` (`pipe:0`).

    Raises UpstreamError when it cannot be opened, holds neither picture nor sound, or takes too long.
    """

    def command(pipes: Pipes) -> list[str]:
        return [able.path, "-hide_banner", "-nostdin", *reading(source, able)]

    child = ChildProcess(command, inputs=int(source.is_pipe))
    try:
        if source.is_pipe:
            child.write(data)
            child.end_input()
        with contextlib.suppress(TimeoutError):
            while child.read(timeout_s):
                """It has no output; the wait ends when it does."""
            return _facts(child)
        raise UpstreamError(Fault.TIMED_OUT, "The stream could not be examined in time.")
    finally:
        child.stop()


def _facts(child: ChildProcess) -> MediaFacts:
    reason = child.reason()
    facts = facts_of(child.last_lines)
    if not facts.videos and not facts.audios:
        # It always ends by complaining that there is no output; without streams the line before tells why.
        raise reason if facts.container == "" else UpstreamError(Fault.NO_VIDEO)
    return facts


def facts_of(lines: Iterable[str]) -> MediaFacts:
    """The facts in what ffmpeg said about input 0."""
    container, duration_s, bitrate_bps = "", 0.0, 0
    videos: list[VideoFacts] = []
    audios: list[AudioFacts] = []
    subtitles: list[SubtitleFacts] = []
    for line in (line.strip() for line in lines):
        if found := _CONTAINER.match(line):
            container = found[1]
        elif line.startswith("Duration: "):
            duration_s, bitrate_bps = _whole(line)
        elif found := _STREAM.match(line):
            language, kind, said = found[1] or "", found[2], _parts(found[3])
            if kind == "Video" and "(attached pic)" not in line:
                videos.append(_video(said))
            elif kind == "Audio":
                audios.append(_audio(said, language))
            elif kind == "Subtitle":
                subtitles.append(SubtitleFacts(_codec(said[0])[0], language))
    return MediaFacts(container, duration_s, bitrate_bps, tuple(videos), tuple(audios), tuple(subtitles))


def _whole(line: str) -> tuple[float, int]:
    duration, bitrate = _DURATION.match(line), _WHOLE_BITRATE.search(line)
    hours, minutes, seconds = (float(part) for part in duration.groups()) if duration else (0.0, 0.0, 0.0)
    return hours * 3600 + minutes * 60 + seconds, int(bitrate[1]) * 1000 if bitrate else 0


def _parts(said: str) -> list[str]:
    """Split at commas, not at those inside parentheses: `yuv420p(tv, bt709, top first), 720x576`."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(said):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth <= 0:
            parts.append(said[start:at].strip())
            start = at + 1
    return [*parts, said[start:].strip()]


def _codec(part: str) -> tuple[str, str]:
    """Codec and profile: `h264 (High) ([27][0][0][0] / 0x001B)`. Decoder names and tags stand in parentheses too."""
    name, _, rest = part.partition(" ")
    profile = re.match(r"^\(([^()\[\]/]{1,40})\)", rest)
    known = profile[1] if profile and not profile[1].endswith(("float", "native")) else ""
    return name, known


def _video(parts: list[str]) -> VideoFacts:
    codec, profile = _codec(parts[0])
    width = height = bitrate_bps = 0
    rates: list[float] = []
    for part in parts[1:]:
        if size := _SIZE.match(part):
            width, height = int(size[1]), int(size[2])
        elif rate := _RATE.match(part):
            rates.append(float(rate[1]) * (1000 if rate[2] else 1))
        elif bits := _BITRATE.match(part):
            bitrate_bps = int(bits[1]) * 1000
    layout = parts[1] if len(parts) > 1 else ""
    interlaced = any(word in layout for word in ("top first", "bottom first", "top coded", "bottom coded"))
    return VideoFacts(codec, profile, width, height, rates[0] if rates else 0.0, bitrate_bps, interlaced)


def _audio(parts: list[str], language: str) -> AudioFacts:
    codec, profile = _codec(parts[0])
    sample_rate_hz = channels = bitrate_bps = 0
    for part in parts[1:]:
        if samples := _SAMPLES.match(part):
            sample_rate_hz = int(samples[1])
        elif bits := _BITRATE.match(part):
            bitrate_bps = int(bits[1]) * 1000
        elif counted := _COUNTED.match(part):
            channels = int(counted[1])
        else:
            channels = _CHANNELS.get(part.partition("(")[0], channels)
    return AudioFacts(codec, profile, language, sample_rate_hz, channels, bitrate_bps)
