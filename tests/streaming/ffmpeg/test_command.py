"""Command lines: what each profile asks of ffmpeg, and that nothing from outside becomes an option of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restreamer.lib.errors import InvalidInput
from streaming.ffmpeg.command import WRITING, Input, build, custom, remux_of
from streaming.ffmpeg.features import Features
from streaming.ffmpeg.profiles import REMUX, TRANSCODE, Acceleration, Kind, Profile

OPTIONS = frozenset({"tls_verify", "extension_picky", "allowed_extensions", "http_multiple", "http_persistent"})
ABLE = Features("/usr/bin/ffmpeg", (9, 0), OPTIONS, frozenset(), frozenset())
OLD = replace(ABLE, version=(4, 3), options=frozenset())
PIPE = Input("pipe:0", form="mpegts")


def after(command, option):
    return command[command.index(option) + 1]


def test_a_remux_copies_picture_sound_and_subtitles():
    command = build(REMUX, PIPE, ABLE)

    assert command[0] == "/usr/bin/ffmpeg"
    assert after(command, "-c") == "copy"
    assert [command[n + 1] for n, word in enumerate(command) if word == "-map"] == ["0:V:0?", "0:a?", "0:s?"]
    assert tuple(command[-len(WRITING) :]) == WRITING


def test_a_transcode_has_its_rates_size_and_a_keyframe_every_two_seconds():
    command = build(replace(TRANSCODE, height=720, video_bps=3_000_000), PIPE, ABLE)

    assert after(command, "-b:v") == "3000000"
    assert after(command, "-vf") == "scale=-2:'min(720,ih)'"
    assert after(command, "-force_key_frames") == "expr:gte(t,n_forced*2)"
    assert after(command, "-c:v") == "libx264"
    assert after(command, "-c:a") == "aac"


def test_interlaced_pictures_can_be_made_whole():
    assert after(build(replace(TRANSCODE, deinterlace=True), PIPE, ABLE), "-vf") == "yadif=deint=interlaced"


@pytest.mark.parametrize(
    ("acceleration", "encoder", "option"),
    [
        (Acceleration.VAAPI, "h264_vaapi", "-filter_hw_device"),
        (Acceleration.NVENC, "h264_nvenc", "-hwaccel"),
        (Acceleration.QSV, "h264_qsv", "-init_hw_device"),
    ],
)
def test_hardware_is_named_before_the_input_and_encodes_after_it(acceleration, encoder, option):
    command = build(replace(TRANSCODE, acceleration=acceleration, device="/dev/dri/renderD129", height=720), PIPE, ABLE)

    assert command.index(option) < command.index("-i") < command.index("-c:v")
    assert after(command, "-c:v") == encoder
    if acceleration is not Acceleration.NVENC:
        assert "/dev/dri/renderD129" in after(command, "-init_hw_device")


def test_the_owner_s_own_arguments_stand_before_the_input_and_before_the_output():
    command = build(replace(REMUX, input_arguments="-re", output_arguments="-map -0:s"), PIPE, ABLE)

    assert command.index("-re") < command.index("-i") < command.index("-0:s") < command.index("-mpegts_flags")


def test_progress_is_asked_for_when_there_is_a_pipe_for_it():
    assert after(build(REMUX, PIPE, ABLE, progress="pipe:7"), "-progress") == "pipe:7"
    assert "-progress" not in build(REMUX, PIPE, ABLE)


# Addresses ffmpeg opens itself ------------------------------------------------------------------------------------

WEB = Input(
    "https://tv.example/1.m3u8",
    form="hls",
    headers={"User-Agent": "MAG", "Referer": "http://p/", "Cookie": "mac=1"},
    cookies={"lang": "en"},
    proxy_url="http://proxy:3128",
    ca_file="/ca.pem",
    timeout_s=2.5,
)


def test_an_address_gets_headers_cookies_agent_proxy_and_time_out():
    command = build(REMUX, WEB, ABLE)

    assert after(command, "-user_agent") == "MAG"
    assert after(command, "-headers") == "Referer: http://p/\r\nCookie: mac=1; lang=en\r\n"
    assert after(command, "-http_proxy") == "http://proxy:3128"
    assert after(command, "-rw_timeout") == "2500000"


@pytest.mark.parametrize(("verify", "said"), [(True, "1"), (False, "0")])
def test_the_tls_check_is_said_either_way(verify, said):
    command = build(REMUX, replace(WEB, verify_tls=verify), ABLE)

    assert after(command, "-tls_verify") == said
    assert after(command, "-ca_file") == "/ca.pem"


def test_an_option_nobody_would_consume_is_left_out():
    plain = build(REMUX, replace(WEB, url="http://tv.example/1.ts", form=""), ABLE)

    assert "-tls_verify" not in plain
    assert "-extension_picky" not in plain


def test_hls_segments_may_have_any_name_and_come_over_one_connection():
    command = build(REMUX, WEB, ABLE)

    assert (after(command, "-extension_picky"), after(command, "-http_multiple")) == ("0", "0")
    assert "-extension_picky" not in build(REMUX, WEB, OLD)


def test_a_playlist_may_not_lead_to_files():
    assert "file" not in after(build(REMUX, WEB, ABLE), "-protocol_whitelist").split(",")


def test_other_addresses_get_no_http_options():
    command = build(REMUX, Input("rtsp://cam.example/1", headers={"User-Agent": "x"}), ABLE)

    assert "-headers" not in command
    assert "-user_agent" not in command


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\n": "a"}, {"User-Agent": "a\nb"}, {"Cookie": "a\r"}])
def test_a_line_break_in_a_header_is_refused(headers):
    with pytest.raises(InvalidInput, match="line break"):
        build(REMUX, replace(WEB, headers=headers), ABLE)


def test_a_proxy_ffmpeg_cannot_use_is_refused():
    with pytest.raises(InvalidInput, match="http proxy"):
        build(REMUX, replace(WEB, proxy_url="socks5h://proxy:1080"), ABLE)


# Custom commands --------------------------------------------------------------------------------------------------

TEMPLATE = "ffmpeg -re -http_proxy <proxy> -timeout <timeout> -user_agent <user_agent> -i <url> -c copy -f mpegts pipe:"


def test_placeholders_are_filled_and_ffmpeg_is_the_one_we_found():
    assert custom(TEMPLATE, WEB, "/opt/ffmpeg") == [
        "/opt/ffmpeg", "-re", "-http_proxy", "http://proxy:3128", "-timeout", "2500000", "-user_agent", "MAG",
        "-i", "https://tv.example/1.m3u8", "-c", "copy", "-f", "mpegts", "pipe:",
    ]  # fmt: skip


def test_an_empty_proxy_vanishes_with_its_option():
    command = custom(TEMPLATE, Input("http://h/1", timeout_s=1), "/opt/ffmpeg")

    assert " ".join(command) == "/opt/ffmpeg -re -timeout 1000000 -i http://h/1 -c copy -f mpegts pipe:"


def test_other_programs_are_run_as_they_are():
    assert custom("streamlink --stdout <url> best", PIPE, "/opt/ffmpeg")[:2] == ["streamlink", "--stdout"]


def test_a_placeholder_may_stand_inside_a_word():
    assert custom("x --from=<url>", Input("http://h/1"), "f") == ["x", "--from=http://h/1"]


@given(st.text(max_size=60).filter(lambda text: "\x00" not in text))
def test_no_address_becomes_more_than_one_argument(url):
    command = custom("ffmpeg -i <url> -f mpegts pipe:1", Input(url or "x"), "f")

    assert command == ["f", "-i", url or "x", "-f", "mpegts", "pipe:1"]


def test_an_address_that_looks_like_a_placeholder_is_not_filled_again():
    assert custom("x <url>", Input("http://h/<proxy>", proxy_url="secret"), "f") == ["x", "http://h/<proxy>"]


def test_a_zero_byte_in_an_address_is_refused():
    with pytest.raises(InvalidInput):
        custom("x <url>", Input("http://h/\x00"), "f")


def test_a_custom_profile_is_built_from_its_template():
    assert build(Profile("x", Kind.CUSTOM, template="ffmpeg <url>"), Input("u"), ABLE) == ["/usr/bin/ffmpeg", "u"]


# Joining tracks ---------------------------------------------------------------------------------------------------


def test_two_tracks_keep_their_clocks():
    command = remux_of([Input("pipe:0", "mp4"), Input("pipe:5", "aac", offset_s=1.4)], ABLE)

    assert "-copyts" in command
    assert command.index("-itsoffset") > command.index("pipe:0")
    assert [command[n + 1] for n, word in enumerate(command) if word == "-map"] == ["0:V:0?", "1:a:0?"]
