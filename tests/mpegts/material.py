"""Transport streams to test with, made by ffmpeg on first use and kept beside the machine's other temporary files."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

PACKET = 188


def ffmpeg() -> str:
    """The ffmpeg to make material with."""
    found = shutil.which("ffmpeg")
    if found is None:
        import imageio_ffmpeg

        found = imageio_ffmpeg.get_ffmpeg_exe()
    return found


def make(*arguments: str, suffix: str = "ts") -> bytes:
    """What ffmpeg writes with these arguments; made once per machine."""
    return path_of(*arguments, suffix=suffix).read_bytes()


@cache
def path_of(*arguments: str, suffix: str = "ts") -> Path:
    """The file ffmpeg wrote with these arguments (the output's name excluded)."""
    name = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:20]
    folder = Path(tempfile.gettempdir()) / f"restreamer-material-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{name}.{suffix}"
    if not path.exists():
        part = folder / f"{name}.{os.getpid()}.{suffix}"
        subprocess.run(
            [ffmpeg(), "-nostdin", "-v", "error", "-y", *arguments, str(part)],
            check=True,
            timeout=60,
            capture_output=True,
        )
        part.replace(path)
    return path


def picture(size: str = "320x180", seconds: float = 4, rate: int = 25, source: str = "testsrc2") -> list[str]:
    """Input arguments of a moving picture."""
    return ["-f", "lavfi", "-t", str(seconds), "-i", f"{source}=size={size}:rate={rate}"]


def tone(seconds: float = 4, sample_rate: int = 48000, frequency: int = 440) -> list[str]:
    """Input arguments of a tone."""
    return ["-f", "lavfi", "-t", str(seconds), "-i", f"sine=frequency={frequency}:sample_rate={sample_rate}"]


H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0"]
AAC = ["-c:a", "aac", "-b:a", "96k", "-ac", "2"]
TS = ["-f", "mpegts"]


@cache
def h264_aac(size: str = "320x180", seconds: float = 4, *extra: str) -> bytes:
    """H.264 without B-frames and AAC stereo, a keyframe a second."""
    return make(*picture(size, seconds), *tone(seconds), *H264, *AAC, *extra, *TS)


@cache
def h264_b_frames(size: str = "320x180", seconds: float = 4) -> bytes:
    """H.264 with three B-frames in a pyramid, closed groups, and AAC."""
    video = [*H264, "-preset", "veryfast", "-bf", "3", "-x264-params", "b-adapt=0:b-pyramid=normal"]
    return make(*picture(size, seconds), *tone(seconds), *video, *AAC, *TS)


@cache
def h264_open_gop(seconds: float = 6) -> bytes:
    """H.264 whose only IDR picture is the first: recovery points and parameter sets at open groups."""
    video = [*H264, "-preset", "veryfast", "-bf", "3", "-x264-params", "open-gop=1:b-adapt=0:keyint=25:min-keyint=13"]
    return make(*picture(seconds=seconds), *tone(seconds), *video, *AAC, *TS)


@cache
def h264_long_gop(seconds: float = 12) -> bytes:
    """A keyframe every ten seconds."""
    return make(*picture("160x90", seconds), *tone(seconds), *H264, "-g", "250", "-keyint_min", "250", *AAC, *TS)


@cache
def h265_aac(size: str = "320x180", seconds: float = 4) -> bytes:
    """H.265 with B-frames and AAC."""
    video = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=25:min-keyint=25:log-level=none"]
    return make(*picture(size, seconds), *tone(seconds), *video, *AAC, *TS)


@cache
def mpeg2_mp2(size: str = "320x180", seconds: float = 4, *extra: str) -> bytes:
    """MPEG-2 video with two B-frames and MPEG audio layer II."""
    video = ["-c:v", "mpeg2video", "-g", "25", "-bf", "2", "-b:v", "1M", "-c:a", "mp2", "-b:a", "128k", "-ac", "2"]
    return make(*picture(size, seconds), *tone(seconds), *video, *extra, *TS)


@cache
def mpeg4(seconds: float = 4) -> bytes:
    """MPEG-4 part 2, no sound."""
    return make(*picture(seconds=seconds), "-c:v", "mpeg4", "-g", "25", *TS)


@cache
def h264_ac3(seconds: float = 4) -> bytes:
    """H.264 and AC-3."""
    return make(*picture(seconds=seconds), *tone(seconds), *H264, "-c:a", "ac3", "-ac", "2", *TS)


@cache
def h264_mono_44k(seconds: float = 4) -> bytes:
    """H.264 and AAC mono at 44.1 kHz."""
    return make(*picture(seconds=seconds), *tone(seconds, 44100), *H264, "-c:a", "aac", "-ac", "1", *TS)


@cache
def video_only(size: str = "320x180", seconds: float = 4) -> bytes:
    """H.264 and nothing else."""
    return make(*picture(size, seconds), *H264, *TS)


@cache
def audio_only(seconds: float = 4) -> bytes:
    """A radio: AAC and nothing else."""
    return make(*tone(seconds), *AAC, *TS)


@cache
def wrapping(seconds: float = 6) -> bytes:
    """H.264 and AAC whose clocks pass 2^33 in the middle."""
    return h264_aac("320x180", seconds, "-output_ts_offset", "95440")


@cache
def two_programmes() -> bytes:
    """Two programmes: a radio first, then one with a picture."""
    return make(
        *tone(4, frequency=300), *picture(), *tone(4, frequency=600),
        "-map", "0:a", "-map", "1:v", "-map", "2:a", *H264, *AAC,
        "-program", "title=radio:st=0", "-program", "title=tv:st=1:st=2", *TS,
    )  # fmt: skip


# Variations that need no encoder ---------------------------------------------------------------------------------


def packets(data: bytes) -> list[bytes]:
    """One bytes object per packet."""
    return [data[i : i + PACKET] for i in range(0, len(data) - PACKET + 1, PACKET)]


def as_192(data: bytes) -> bytes:
    """Each packet with a four-byte time stamp in front, as in M2TS files."""
    return b"".join(i.to_bytes(4, "big") + packet for i, packet in enumerate(packets(data)))


def as_204(data: bytes) -> bytes:
    """Each packet with sixteen parity bytes behind."""
    return b"".join(packet + b"\xa5" * 16 for packet in packets(data))


def with_losses(data: bytes, every: int) -> bytes:
    """Every n-th packet is missing."""
    return b"".join(packet for i, packet in enumerate(packets(data)) if i % every != every - 1)


def with_duplicates(data: bytes, every: int) -> bytes:
    """Every n-th packet is sent twice, as is legal."""
    return b"".join(packet * 2 if i % every == every - 1 else packet for i, packet in enumerate(packets(data)))
