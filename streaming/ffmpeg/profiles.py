"""What ffmpeg shall do with a stream: remux it, transcode it, or run the owner's own command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum

from restreamer.lib.errors import InvalidInput

PLACEHOLDERS = ("<url>", "<proxy>", "<timeout>", "<user_agent>")
#: Programs in containers and on the command line that would hand the template to a shell after all.
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "fish", "env", "cmd", "cmd.exe", "powershell", "pwsh"})
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow")


class Kind(StrEnum):
    """The three sorts of profile."""

    REMUX = "remux"
    TRANSCODE = "transcode"
    CUSTOM = "custom"


class Acceleration(StrEnum):
    """Which hardware decodes and encodes the picture."""

    NONE = "none"
    VAAPI = "vaapi"
    NVENC = "nvenc"
    QSV = "qsv"


@dataclass(frozen=True, slots=True)
class Profile:
    """One way of treating a stream. Call `check` before it is kept."""

    name: str
    kind: Kind = Kind.REMUX
    #: Greatest height in lines, a smaller picture is left as it is; 0 keeps every size.
    height: int = 0
    video_bps: int = 4_000_000
    audio_bps: int = 160_000
    #: Speed against size, x264's names; the others are given their nearest.
    preset: str = "veryfast"
    #: Keyframes come this often, whatever the source does.
    gop_s: float = 2.0
    deinterlace: bool = False
    acceleration: Acceleration = Acceleration.NONE
    #: The graphics card, for VAAPI and QSV.
    device: str = "/dev/dri/renderD128"
    #: Further ffmpeg arguments, as typed: in front of the input and in front of the output.
    input_arguments: str = ""
    output_arguments: str = ""
    #: Custom only: the whole command; it must write MPEG-TS to its standard output.
    template: str = ""

    def check(self) -> None:
        """Raises InvalidInput with the reason when the profile cannot work."""
        if self.kind is Kind.CUSTOM:
            template_words(self.template)
            return
        words(self.input_arguments, "input arguments")
        words(self.output_arguments, "output arguments")
        if self.kind is Kind.TRANSCODE:
            self._check_transcode()

    def _check_transcode(self) -> None:
        _within("height", self.height, 144, 4320, or_zero=True)
        _within("video bit rate", self.video_bps, 50_000, 100_000_000)
        _within("audio bit rate", self.audio_bps, 16_000, 1_024_000)
        _within("keyframe distance", self.gop_s, 0.5, 10)
        if self.preset not in _PRESETS:
            raise InvalidInput(f"The preset {self.preset!r} is unknown; choose one of {', '.join(_PRESETS)}.")


REMUX = Profile("remux")
TRANSCODE = Profile("transcode", Kind.TRANSCODE)


def words(text: str, what: str = "command") -> list[str]:
    """The arguments a line of text stands for, split as a shell would, with nothing else a shell does.

    Raises InvalidInput when a quote is not closed.
    """
    try:
        found = shlex.split(text)
    except ValueError as err:
        raise InvalidInput(f"The {what} cannot be split into words: a quote is not closed.") from err
    if any("\x00" in word for word in found):
        raise InvalidInput(f"The {what} must not hold a zero byte.")
    return found


def template_words(template: str) -> list[str]:
    """The words of a custom command. Raises InvalidInput when it is empty, has no `<url>`, or starts a shell."""
    found = words(template)
    if not found:
        raise InvalidInput("The command is empty.")
    if "<url>" in found[0] or not any("<url>" in word for word in found):
        raise InvalidInput("The command must hold <url> where the stream's address belongs.")
    if found[0].rpartition("/")[2].lower() in _SHELLS:
        raise InvalidInput("The command must start a program, not a shell: an address must never become a command.")
    return found


def _within(what: str, value: float, least: float, most: float, *, or_zero: bool = False) -> None:
    if not (least <= value <= most or (or_zero and value == 0)):
        raise InvalidInput(f"The {what} {value:g} is out of range: {least:g} to {most:g}.")
