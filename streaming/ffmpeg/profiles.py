"""What ffmpeg shall do with a stream: remux it, transcode it, or run the owner's own command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from enum import StrEnum

from restreamer.lib.errors import InvalidInput
from streaming.ffmpeg.typed import check_typed

#: Programs in containers and on the command line that would hand the template to a shell after all.
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "fish", "env", "cmd", "cmd.exe", "powershell", "pwsh"})
#: Families of codecs a transcode can make, and the encoder of each.
PICTURES = {"h264": "libx264", "h265": "libx265", "mpeg2": "mpeg2video"}
SOUNDS = {"aac": "aac", "ac3": "ac3", "eac3": "eac3", "mpeg_audio": "mp2"}
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow")


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
    #: Codec families of picture and sound, in the words of `streaming.mpegts.psi.Codec`.
    picture: str = "h264"
    sound: str = "aac"
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
        for text, what in ((self.input_arguments, "input arguments"), (self.output_arguments, "output arguments")):
            words(text, what)
            check_typed(text, what)
        if self.kind is Kind.TRANSCODE:
            self._check_transcode()

    def _check_transcode(self) -> None:
        _within("height", self.height, 144, 4320, or_zero=True)
        _within("video bit rate", self.video_bps, 50_000, 100_000_000)
        _within("audio bit rate", self.audio_bps, 16_000, 1_024_000)
        _within("keyframe distance", self.gop_s, 0.5, 10)
        if self.picture not in PICTURES or self.sound not in SOUNDS:
            raise InvalidInput(f"ffmpeg is not asked to make {self.picture} and {self.sound} here.")
        if self.preset not in PRESETS:
            raise InvalidInput(f"The preset {self.preset!r} is unknown; choose one of {', '.join(PRESETS)}.")


REMUX = Profile("remux")
TRANSCODE = Profile("transcode", Kind.TRANSCODE)


def matching(profile: Profile, picture: str, sound: str) -> Profile | None:
    """The profile bent so that players who decode these families go on; "" = they have no such track.

    None when it cannot be: a remux changes no codec, and some families we do not make. A custom command is taken at its
    word.
    """
    if profile.kind is Kind.CUSTOM:
        return profile
    if profile.kind is Kind.REMUX or picture not in PICTURES or (sound and sound not in SOUNDS):
        return None
    # Cards are asked for H.264 only.
    acceleration = profile.acceleration if picture == "h264" else Acceleration.NONE
    return replace(profile, picture=picture, sound=sound or profile.sound, acceleration=acceleration)


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
    check_typed(template, "command")
    return found


def _within(what: str, value: float, least: float, most: float, *, or_zero: bool = False) -> None:
    if not (least <= value <= most or (or_zero and value == 0)):
        raise InvalidInput(f"The {what} {value:g} is out of range: {least:g} to {most:g}.")
