"""Making slates: a text drawn without any font of the system, and the ffmpeg command that turns it into a stream.

Nothing is run here. The caller writes `picture(...)` to a file, runs `command(...)` once per format, and keeps what
comes out.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from streaming.mpegts.psi import Codec, Programme

#: What slates say; keys are their names.
TEXTS = {
    "limit_reached": "All connections are in use. Please try again later.",
    "nothing_available": "This channel is not available right now.",
    "source_lost": "The source of this channel was lost. Trying again.",
}
#: Sizes worth making; a slate need not have the size of what it interrupts.
SIZES = ((640, 360), (1280, 720), (1920, 1080))
SECONDS = 4
RATE = 25

_VIDEO = {
    Codec.H264: ["libx264", "-preset", "veryfast", "-tune", "stillimage", "-profile:v", "main", "-sc_threshold", "0"],
    Codec.H265: ["libx265", "-preset", "veryfast", "-x265-params", "open-gop=0:scenecut=0:log-level=error"],
    Codec.MPEG2: ["mpeg2video", "-q:v", "4", "-sc_threshold", "1000000000"],
}
_AUDIO = {
    Codec.AAC: ["aac", "-b:a", "64k"],
    Codec.MPEG_AUDIO: ["mp2", "-b:a", "128k"],
    Codec.AC3: ["ac3", "-b:a", "128k"],
    Codec.EAC3: ["eac3", "-b:a", "128k"],
}


@dataclass(frozen=True, slots=True)
class SlateFormat:
    """What a slate is encoded as. Silent; `audio` None: without any sound track."""

    video: Codec
    audio: Codec | None
    width: int = 1280
    height: int = 720

    @classmethod
    def like(cls, programme: Programme, width: int = 1280, height: int = 720) -> SlateFormat | None:
        """The format that can take over from this programme; None when none is made for its codecs.

        Of the sizes that are made, the one next to this.
        """
        audio = programme.audio[0].codec if programme.audio else None
        if programme.video is None or programme.video.codec not in _VIDEO or (audio and audio not in _AUDIO):
            return None
        width, height = min(SIZES, key=lambda size: abs(size[1] - height))
        return cls(programme.video.codec, audio, width, height)

    @property
    def name(self) -> str:
        """For a file name: `h264-aac-1280x720`."""
        return f"{self.video}-{self.audio or 'silent'}-{self.width}x{self.height}"


def command(ffmpeg: str, slate: SlateFormat, picture_path: str, out_path: str) -> list[str]:
    """The ffmpeg command that makes a slate of `SECONDS` out of a picture file, a keyframe a second."""
    inputs = ["-loop", "1", "-framerate", str(RATE), "-i", picture_path]
    outputs = ["-map", "0:v", "-c:v", *_VIDEO[slate.video], "-pix_fmt", "yuv420p"]
    outputs += ["-g", str(RATE), "-keyint_min", str(RATE), "-bf", "0"]
    if slate.audio is not None:
        inputs += ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo"]
        outputs += ["-map", "1:a", "-c:a", *_AUDIO[slate.audio], "-ac", "2"]
    size = f"scale={slate.width}:{slate.height}"
    return [
        *(ffmpeg, "-nostdin", "-v", "error", "-y"), *inputs, "-t", str(SECONDS), "-vf", size, *outputs,
        *("-f", "mpegts", out_path),
    ]  # fmt: skip


# The picture ----------------------------------------------------------------------------------------------------

_BACKGROUND = bytes((24, 28, 36))
_INK = bytes((232, 234, 238))
_COLUMNS = 26

#: Seven rows of five pixels per letter, as numbers.
_FONT = {
    "A": "0E11111F111111", "B": "1E11111E11111E", "C": "0E11101010110E", "D": "1E11111111111E", "E": "1F10101E10101F",
    "F": "1F10101E101010", "G": "0E11101711110F", "H": "1111111F111111", "I": "0E04040404040E", "J": "0702020202120C",
    "K": "11121418141211", "L": "1010101010101F", "M": "111B1515111111", "N": "11111915131111", "O": "0E11111111110E",
    "P": "1E11111E101010", "Q": "0E11111115120D", "R": "1E11111E141211", "S": "0F10100E01011E", "T": "1F040404040404",
    "U": "1111111111110E", "V": "11111111110A04", "W": "1111111515150A", "X": "11110A040A1111", "Y": "11110A04040404",
    "Z": "1F01020408101F", "0": "0E11131519110E", "1": "040C040404040E", "2": "0E11010204081F", "3": "1F02040201110E",
    "4": "02060A121F0202", "5": "1F101E0101110E", "6": "0608101E11110E", "7": "1F010204080808", "8": "0E11110E11110E",
    "9": "0E11110F01020C", " ": "00000000000000", ".": "00000000000C0C", ",": "000000000C0408", ":": "000C0C000C0C00",
    "!": "04040404040004", "?": "0E110102040004", "-": "0000001F000000", "'": "04040800000000", "/": "00010204081000",
    "(": "02040808080402", ")": "08040202020408", "+": "0004041F040400", "%": "18190204081303", "&": "0C12140815120D",
}  # fmt: skip


def picture(text: str, width: int = 1280, height: int = 720) -> bytes:
    """The text in the middle of a dark picture, as a PPM file.

    Letters are shown as capitals without accents; what the font does not have becomes a question mark.
    """
    lines = textwrap.wrap(_plain(text), _COLUMNS) or [" "]
    longest = max(len(line) for line in lines)
    scale = max(1, min(width * 8 // 10 // (longest * 6), height * 8 // 10 // (len(lines) * 10)))
    blank = _BACKGROUND * width
    above = max(0, (height - len(lines) * 10 * scale) // 2)
    rows = [blank] * above
    for line in lines:
        rows += [row for row in _pixel_rows(line, width, scale) for _ in range(scale)]
        rows += [blank] * (3 * scale)
    rows = (rows + [blank] * height)[:height]
    return b"P6\n%d %d\n255\n" % (width, height) + b"".join(rows)


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.upper())
    return "".join(letter if letter in _FONT else "?" for letter in letters if not unicodedata.combining(letter))


def _pixel_rows(line: str, width: int, scale: int) -> Sequence[bytes]:
    """The seven rows of one line of text, each as wide as the picture."""
    rows = []
    for row in range(7):
        bits = "".join(f"{int(_FONT[letter][2 * row : 2 * row + 2], 16):05b}0" for letter in line)
        pixels = b"".join((_INK if bit == "1" else _BACKGROUND) * scale for bit in bits)[: width * 3]
        left = (width - len(pixels) // 3) // 2
        rows.append((_BACKGROUND * left + pixels + _BACKGROUND * width)[: width * 3])
    return rows
