"""Builds the command line: a profile and an input in, a list of arguments out. No shell, ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from restreamer.lib.errors import InvalidInput
from streaming.ffmpeg.features import Features
from streaming.ffmpeg.profiles import PICTURES, SOUNDS, Acceleration, Kind, Profile, template_words, words

#: What a playlist or a redirect may lead ffmpeg to. Neither files nor pipes: addresses come from outside.
_WEB_PROTOCOLS = "http,https,tcp,tls,crypto,httpproxy"
#: How much is looked at before the first byte leaves; a stream that hides its sound longer than this loses it. What
#: we feed begins with a keyframe and needs little; ffmpeg reads so much of it even when it knows all after a moment.
_PROBE_BYTES = 5_000_000
_ANALYSE_US = 5_000_000
_ANALYSE_FED_US = 1_000_000
_NVENC_PRESETS = {"ultrafast": "p1", "superfast": "p1", "veryfast": "p2", "faster": "p3", "fast": "p4", "medium": "p5"}


@dataclass(frozen=True, slots=True)
class Input:
    """Where ffmpeg reads: an address it opens itself, or a pipe we fill (`pipe:0`)."""

    url: str
    #: Name of the demuxer when known ("mpegts", "hls", "mp4"…).
    form: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    proxy_url: str = ""
    verify_tls: bool = True
    ca_file: str = ""
    timeout_s: float = 10.0
    #: Moves the input's clock; bare audio has none of its own.
    offset_s: float = 0.0

    @property
    def is_pipe(self) -> bool:
        """We fill it."""
        return self.url.startswith("pipe:")

    @property
    def scheme(self) -> str:
        """Of the address, lower case."""
        return urlsplit(self.url).scheme.lower()

    @property
    def user_agent(self) -> str:
        """The User-Agent among the headers, "" when there is none."""
        return next((value for name, value in self.headers.items() if name.lower() == "user-agent"), "")


def build(profile: Profile, source: Input, able: Features, *, progress: str = "") -> list[str]:
    """The command for a profile. `progress` is the pipe ffmpeg shall report to (`pipe:5`), if any.

    Raises InvalidInput when the profile or the input cannot be put into a command.
    """
    profile.check()
    if profile.kind is Kind.CUSTOM:
        return custom(profile.template, source, able.path)
    before, after = _transcode(profile) if profile.kind is Kind.TRANSCODE else ([], _remux(source))
    return [
        able.path,
        *_general(progress),
        *before,
        *words(profile.input_arguments),
        *reading(source, able),
        *after,
        *words(profile.output_arguments),
        *WRITING,
    ]


def remux_of(sources: Sequence[Input], able: Features) -> list[str]:
    """The command that joins the picture of the first input with the sound of the last, clocks kept as they are."""
    keep_clocks = ["-copyts"] if len(sources) > 1 else []
    inputs = [argument for source in sources for argument in reading(source, able)]
    sound = ["-map", f"{len(sources) - 1}:a:0?"] if len(sources) > 1 else ["-map", "0:a?"]
    return [able.path, *_general(""), *keep_clocks, *inputs, "-map", "0:V:0?", *sound, "-dn", "-c", "copy", *WRITING]


def trial(profile: Profile, able: Features) -> list[str]:
    """The command that encodes half a second of a test picture as the profile would."""
    before, after = _transcode(profile)
    picture = ["-f", "lavfi", "-t", "0.5", "-i", "testsrc2=size=640x360:rate=25"]
    return [able.path, *_general(""), *before, *picture, *after, *WRITING]


def custom(template: str, source: Input, binary: str) -> list[str]:
    """The owner's command with its placeholders filled, each inside the word it stands in.

    `<timeout>` is in microseconds, as ffmpeg wants it. A word that is only `<proxy>` or `<user_agent>` with nothing
    to fill in vanishes together with the option before it. `ffmpeg` as the program means the one we found.
    """
    values = {
        "<url>": source.url,
        "<proxy>": source.proxy_url,
        "<timeout>": str(int(source.timeout_s * 1_000_000)),
        "<user_agent>": source.user_agent,
    }
    found = template_words(template)
    command = [binary if found[0] == "ffmpeg" else found[0]]
    for word in found[1:]:
        if values.get(word) == "":
            if len(command) > 1 and command[-1].startswith("-"):
                command.pop()
            continue
        command.append(_filled(word, values))
    if any("\x00" in word for word in command):
        raise InvalidInput("The stream's address holds a zero byte.")
    return command


def _filled(word: str, values: Mapping[str, str]) -> str:
    """Fill left to right in one pass, so that an address that holds `<proxy>` is not filled again."""
    out = ""
    while word:
        name = next((name for name in values if word.startswith(name)), "")
        out += values[name] if name else word[0]
        word = word[len(name) or 1 :]
    return out


def _general(progress: str) -> list[str]:
    reports = ["-progress", progress, "-stats_period", "1"] if progress else []
    return ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning", *reports]


def reading(source: Input, able: Features) -> list[str]:
    """The arguments of one input, `-i` included."""
    analyse_us = _ANALYSE_FED_US if source.is_pipe else _ANALYSE_US
    probe = ["-probesize", str(_PROBE_BYTES), "-analyzeduration", str(analyse_us), "-fflags", "+genpts+discardcorrupt"]
    form = ["-f", source.form] if source.form else []
    offset = ["-itsoffset", f"{source.offset_s:.6f}"] if source.offset_s else []
    options = [] if source.is_pipe else [*_web(source, able), *_hls(source, able)]
    return [*probe, *offset, *form, *options, "-i", source.url]


def _web(source: Input, able: Features) -> list[str]:
    """Options of an address ffmpeg opens itself. One that nobody consumes ends ffmpeg, so each has its condition."""
    if source.scheme not in ("http", "https"):
        return []
    arguments = ["-protocol_whitelist", _WEB_PROTOCOLS, "-rw_timeout", str(int(source.timeout_s * 1_000_000))]
    if source.user_agent:
        arguments += ["-user_agent", _one_line(source.user_agent)]
    lines = _header_lines(source)
    if lines:
        arguments += ["-headers", lines]
    if source.proxy_url:
        if not source.proxy_url.lower().startswith("http://"):
            raise InvalidInput("ffmpeg can only go through an http proxy.")
        arguments += ["-http_proxy", source.proxy_url]
    if source.scheme == "https" and "tls_verify" in able.options:
        # Said always: 5 does not verify unless told to, 9 does unless told not to.
        arguments += ["-tls_verify", str(int(source.verify_tls))]
        arguments += ["-ca_file", source.ca_file] if source.ca_file else []
    return arguments


def _hls(source: Input, able: Features) -> list[str]:
    if source.form != "hls":
        return []
    # One connection for the segments, and segments may be called whatever the provider likes.
    options = {"http_multiple": "0", "http_persistent": "1", "allowed_extensions": "ALL", "extension_picky": "0"}
    return [word for name, value in options.items() if name in able.options for word in (f"-{name}", value)]


def _header_lines(source: Input) -> str:
    lines = [
        f"{_one_line(name)}: {_one_line(value)}"
        for name, value in source.headers.items()
        if name.lower() not in ("user-agent", "cookie")
    ]
    written = next((value for name, value in source.headers.items() if name.lower() == "cookie"), "")
    cookies = "; ".join(
        [*([written] if written else []), *(f"{name}={value}" for name, value in source.cookies.items())]
    )
    if cookies:
        lines.append(f"Cookie: {_one_line(cookies)}")
    return "".join(f"{line}\r\n" for line in lines)


def _one_line(value: str) -> str:
    if any(character in value for character in "\r\n\x00"):
        raise InvalidInput("A header of the stream holds a line break.")
    return value


#: MPEG-TS to standard output: tables first and often, nothing held back. `muxdelay` costs no time: by so much the clock
#: runs behind the pictures, because sound, packed several frames at a time, would else be decoded before it arrives.
WRITING = (
    "-f", "mpegts", "-mpegts_flags", "+resend_headers", "-pat_period", "0.2", "-muxdelay", "0.5", "-muxpreload", "0",
    "-flush_packets", "1", "-max_muxing_queue_size", "4096", "pipe:1",
)  # fmt: skip


def _remux(source: Input) -> list[str]:
    """Picture and every sound; DVB subtitles and teletext only from TS, as other text cannot live in one."""
    subtitles = ["-map", "0:s?"] if source.form == "mpegts" else []
    return ["-map", "0:V:0?", "-map", "0:a?", *subtitles, "-dn", "-c", "copy"]


def _transcode(profile: Profile) -> tuple[list[str], list[str]]:
    """Arguments before the input and after it."""
    before, filters, encoder = _PICTURES[profile.acceleration](profile)
    picture = [
        "-b:v", str(profile.video_bps), "-maxrate", str(profile.video_bps * 5 // 4),
        "-bufsize", str(profile.video_bps * 2), "-force_key_frames", f"expr:gte(t,n_forced*{profile.gop_s:g})",
    ]  # fmt: skip
    sound = [
        "-c:a", SOUNDS[profile.sound], "-b:a", str(profile.audio_bps), "-ac", "2", "-ar", "48000",
        "-af", "aresample=async=1000",
    ]  # fmt: skip
    maps = ["-map", "0:V:0?", "-map", "0:a:0?", "-sn", "-dn"]
    return before, [*maps, *(["-vf", ",".join(filters)] if filters else []), *encoder, *picture, *sound]


def _software(profile: Profile) -> tuple[list[str], list[str], list[str]]:
    filters = [*(["yadif=deint=interlaced"] if profile.deinterlace else []), *_scaled("scale", profile)]
    encoder = ["-c:v", PICTURES[profile.picture], "-pix_fmt", "yuv420p"]
    return [], filters, [*encoder, *_SOFTWARE_OPTIONS[profile.picture](profile)]


#: A keyframe where one is asked for, none where the picture changes, and no waiting for frames ahead.
_SOFTWARE_OPTIONS: Mapping[str, Callable[[Profile], list[str]]] = {
    "h264": lambda profile: ["-preset", profile.preset, "-profile:v", "high", "-sc_threshold", "0"],
    "h265": lambda profile: ["-preset", profile.preset, "-x265-params", "scenecut=0:open-gop=0:log-level=error"],
    "mpeg2": lambda profile: ["-bf", "0", "-sc_threshold", "1000000000"],
}


def _vaapi(profile: Profile) -> tuple[list[str], list[str], list[str]]:
    before = [
        "-init_hw_device", f"vaapi=card:{profile.device}", "-filter_hw_device", "card",
        "-hwaccel", "vaapi", "-hwaccel_device", "card", "-hwaccel_output_format", "vaapi",
    ]  # fmt: skip
    # What the card could not decode arrives in main memory: hwupload takes it up, and passes the rest.
    filters = ["format=nv12|vaapi", "hwupload"]
    filters += ["deinterlace_vaapi"] if profile.deinterlace else []
    size = f"w=-2:h='min({profile.height},ih)':" if profile.height else ""
    filters += [f"scale_vaapi={size}format=nv12"]
    return before, filters, ["-c:v", "h264_vaapi"]


def _nvenc(profile: Profile) -> tuple[list[str], list[str], list[str]]:
    filters = [*(["yadif=deint=interlaced"] if profile.deinterlace else []), *_scaled("scale", profile)]
    preset = _NVENC_PRESETS.get(profile.preset, "p6")
    encoder = ["-c:v", "h264_nvenc", "-preset", preset, "-forced-idr", "1", "-pix_fmt", "yuv420p"]
    return ["-hwaccel", "cuda"], filters, encoder


def _qsv(profile: Profile) -> tuple[list[str], list[str], list[str]]:
    filters = [*(["yadif=deint=interlaced"] if profile.deinterlace else []), *_scaled("scale", profile), "format=nv12"]
    preset = "veryfast" if profile.preset in ("ultrafast", "superfast") else profile.preset
    before = ["-init_hw_device", f"qsv=card,child_device={profile.device}"]
    return before, filters, ["-c:v", "h264_qsv", "-preset", preset, "-forced_idr", "1"]


def _scaled(scaler: str, profile: Profile) -> list[str]:
    return [f"{scaler}=-2:'min({profile.height},ih)'"] if profile.height else []


_PICTURES = {
    Acceleration.NONE: _software,
    Acceleration.VAAPI: _vaapi,
    Acceleration.NVENC: _nvenc,
    Acceleration.QSV: _qsv,
}
