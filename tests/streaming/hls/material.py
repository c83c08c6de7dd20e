"""HLS segments to test with, made by ffmpeg on first use, and what ffmpeg says about what we made of them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.mpegts.material import AAC, H264, ffmpeg, picture, tone


@dataclass(frozen=True)
class Cut:
    """A stream cut into segments of one second; `beginning` stands in front of fMP4 segments."""

    segments: tuple[bytes, ...]
    beginning: bytes = b""


@cache
def cut(*arguments: str, form: str = "mpegts") -> Cut:
    """What ffmpeg's HLS muxer makes of these inputs and codecs."""
    name = hashlib.sha256("\0".join((*arguments, form)).encode()).hexdigest()[:20]
    root = Path(tempfile.gettempdir()) / f"restreamer-material-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    folder = root / f"hls-{name}"
    if not folder.exists():
        part = Path(tempfile.mkdtemp(dir=root))
        hls = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_segment_type", form]
        hls += ["-hls_segment_filename", str(part / "%03d.seg"), "-hls_fmp4_init_filename", "init"]
        command = [ffmpeg(), "-nostdin", "-v", "error", "-y", *arguments, *hls, str(part / "index.m3u8")]
        subprocess.run(command, check=True, timeout=60, capture_output=True)
        try:
            part.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(part)
    beginning = folder / "init"
    segments = tuple(path.read_bytes() for path in sorted(folder.glob("*.seg")))
    return Cut(segments, beginning.read_bytes() if beginning.exists() else b"")


SECONDS = 12
_PICTURE = picture("160x90", SECONDS)
_TONE = tone(SECONDS)
_VIDEO = [*H264, "-b:v", "300k"]


def television(size: str = "160x90") -> Cut:
    """H.264 and AAC in transport stream."""
    return cut(*picture(size, SECONDS), *_TONE, *_VIDEO, *AAC)


def picture_alone(form: str = "mpegts") -> Cut:
    """H.264 without sound."""
    return cut(*_PICTURE, *_VIDEO, form=form)


def sound_alone(form: str = "mpegts") -> Cut:
    """AAC without a picture."""
    return cut(*_TONE, *AAC, form=form)


def fragmented() -> Cut:
    """H.264 and AAC in fragmented MP4."""
    return cut(*_PICTURE, *_TONE, *_VIDEO, *AAC, form="fmp4")


@cache
def bare_audio() -> Cut:
    """AAC frames without a container, each segment with an ID3 tag that holds its place in time."""
    command = [ffmpeg(), "-v", "error", *_TONE, *AAC, "-f", "adts", "pipe:1"]
    data = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    frames = []
    while data:
        length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
        frames.append(data[:length])
        data = data[length:]
    per_segment = 47  # frames of 1024 samples at 48 kHz: 1.0027 s
    segments = []
    for at in range(0, len(frames), per_segment):
        # The picture's clock begins at 1.4 s in ffmpeg's transport streams.
        stamp = 126_000 + at * 1024 * 90_000 // 48_000
        segments.append(id3(stamp) + b"".join(frames[at : at + per_segment]))
    return Cut(tuple(segments))


def id3(stamp: int | None = None) -> bytes:
    """An ID3 tag as a packager writes it in front of bare audio."""
    owner = b"com.apple.streaming.transportStreamTimestamp\x00"
    content = owner + stamp.to_bytes(8, "big") if stamp is not None else b""
    frame = b"PRIV" + len(content).to_bytes(4, "big") + b"\x00\x00" + content
    return b"ID3\x04\x00\x00" + bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0)) + frame


@dataclass(frozen=True)
class Verdict:
    """What ffmpeg found in a transport stream. `complaints` are its warnings while decoding all of it."""

    complaints: str
    frames: int
    sound_frames: int
    #: Of the first and the last picture and sound, seconds.
    video_span: tuple[float, float] = (0.0, 0.0)
    audio_span: tuple[float, float] = (0.0, 0.0)


def verdict(ts: bytes) -> Verdict:
    """Decode everything and count."""
    decoded = subprocess.run(
        [ffmpeg(), "-v", "warning", "-f", "mpegts", "-i", "pipe:0", "-f", "null", "-"],
        input=ts, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    command = [
        "ffprobe",
        "-v",
        "error",
        "-f",
        "mpegts",
        "-show_entries",
        "packet=codec_type,pts_time",
        "-of",
        "csv=p=0",
    ]
    probed = subprocess.run([*command, "-i", "pipe:0"], input=ts, capture_output=True, timeout=60, check=False)
    times: dict[str, list[float]] = {"video": [], "audio": []}
    for line in probed.stdout.decode().split():
        kind, _, at = line.partition(",")
        times.setdefault(kind, []).append(float(at.strip(",") or "nan") if at.strip(",") != "N/A" else float("nan"))
    return Verdict(
        complaints=decoded.stderr.decode(),
        frames=len(times["video"]),
        sound_frames=len(times["audio"]),
        video_span=_span(times["video"]),
        audio_span=_span(times["audio"]),
    )


def widths(ts: bytes) -> list[int]:
    """The width of every picture that decodes."""
    command = ["ffprobe", "-v", "error", "-f", "mpegts", "-select_streams", "v", "-show_entries", "frame=width"]
    probed = subprocess.run([*command, "-of", "csv=p=0", "-i", "pipe:0"], input=ts, capture_output=True, timeout=60)
    return [int(line.strip(",")) for line in probed.stdout.decode().split()]


def _span(times: list[float]) -> tuple[float, float]:
    return (min(times), max(times)) if times else (0.0, 0.0)
