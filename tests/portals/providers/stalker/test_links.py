"""Play orders: when to ask create_link, every form of its answer, and the errors it names."""

from __future__ import annotations

from typing import Any

import pytest

from portals import errors
from portals.providers.stalker import links
from portals.providers.stalker.envelope import Envelope
from tests.fakes.portal_wire import Reply, js, page, panel_js

HOME = "http://portal.example:88/stalker_portal"
PLACEHOLDER = "ffrt http://localhost/ch/500"
MAC = "00:1A:79:00:00:01"
NOTHING = "The portal has nothing to play for this item right now. Try another stream of it."
EMPTY = "The portal answered without an address for this item. Try again, or try another stream of it."
LOCAL = (
    "The portal gave an address only its own machine can open. Refresh the portal; if it stays so, tell your provider."
)


def made(answer: Any, listed: str = PLACEHOLDER, **beside: Any) -> str:
    return links.made_address(Envelope(answer, beside), listed, HOME)


@pytest.mark.parametrize(
    ("cmd", "address"),
    [
        ("ffmpeg http://h/a", "http://h/a"),
        ("ffrt http://h/a", "http://h/a"),
        ("ffrt2 http://h/a", "http://h/a"),
        ("ffrt4 http://h/a", "http://h/a"),
        ("auto http://h/a.m3u8", "http://h/a.m3u8"),
        ("rtp rtp://239.0.0.1:1234", "rtp://239.0.0.1:1234"),
        ("rtsp rtsp://h/a", "rtsp://h/a"),
        ("mp3 http://h/a.mp3", "http://h/a.mp3"),
        ("udp://239.0.0.1:1234", "udp://239.0.0.1:1234"),
        ("http://h/a", "http://h/a"),
        ("  http://h/a  ", "http://h/a"),
        ("ffmpeg  http://h/a?x=http://y/z", "http://h/a?x=http://y/z"),
        ("ffmpeg http://h/a position:123 media_len:456", "http://h/a"),
        ("extTimeShift http://h/a.ts", "http://h/a.ts"),
        (r"ffmpeg http:\/\/h\/a", "http://h/a"),
        ('"http://h/a"', "http://h/a"),
        ("ffmpeg 'http://h/a'", "http://h/a"),
        ("ffmpeg /play/live.php?x=1", "/play/live.php?x=1"),
        ("auto /media/5.mpg", "/media/5.mpg"),
        ("ffmpeg ?token=1", "?token=1"),
        ("ffrt http:///ch/521", "http:///ch/521"),
        ("", ""),
        ("ffmpeg ", ""),
        ("dvb dvb://1-2-3", "dvb://1-2-3"),
    ],
)
def test_the_address_is_found_in_every_order(cmd, address):
    assert links.listed_address(cmd) == address


@pytest.mark.parametrize(
    "cmd",
    [
        "ffrt http://localhost/ch/500",
        "ffrt http:///ch/500",
        "ffmpeg http://localhost/ch/12_",
        "ffmpeg http://stream.example:8080/ch/500",
        "ffmpeg http://127.0.0.1/live/5.ts",
        "ffmpeg http://127.0.0.53:80/x",
        "ffmpeg /play/live.php?stream=5",
        "ffrt4://ch/5",
        "http://[::1]/x",
        "",
    ],
)
def test_what_only_the_portal_can_resolve_is_always_asked(cmd):
    assert links.needs_create_link(cmd, {"known": True}, forced=False, home=HOME)


@pytest.mark.parametrize(
    ("flags", "forced", "asks"),
    [
        ({"known": True}, False, False),
        ({"known": True, "tmp": True}, False, True),
        ({"known": True, "balanced": True}, False, True),
        ({"known": True}, True, True),
        ({}, False, True),
    ],
)
def test_a_finished_address_is_asked_for_only_when_flags_or_profile_say_so(flags, forced, asks):
    cmd = "ffmpeg http://edge.example/play/live.php?mac=1&stream=5&play_token=x"
    assert links.needs_create_link(cmd, flags, forced=forced, home=HOME) is asks


def test_flags_are_read_from_a_row_in_any_spelling():
    assert links.flags_of({"use_http_tmp_link": "1", "use_load_balancing": 0}) == {"tmp": True, "known": True}
    assert links.flags_of({"use_http_tmp_link": 0, "use_load_balancing": "1"}) == {"balanced": True, "known": True}
    assert links.flags_of({"nginx_secure_link": 1}) == {"tmp": True}
    assert links.flags_of({}) == {}


@pytest.mark.parametrize(
    ("answer", "address"),
    [
        (
            {"cmd": "ffmpeg http://h/ch/0123456789abcdef0123456789abcdef"},
            "http://h/ch/0123456789abcdef0123456789abcdef",
        ),
        ({"cmd": "ffmpeg http://h/a?st=AbC&e=1700000000"}, "http://h/a?st=AbC&e=1700000000"),
        ({"cmd": "rtp rtp://239.0.0.5:1234"}, "rtp://239.0.0.5:1234"),
        ({"cmd": "http://h/a position:5 media_len:9"}, "http://h/a"),
        ({"cmd": "/play/5.ts"}, "http://portal.example:88/play/5.ts"),
        ({"cmd": "ffmpeg play/5.ts"}, "http://portal.example:88/stalker_portal/play/5.ts"),
        ({"cmd": "//edge.example/5.ts"}, "http://edge.example/5.ts"),
        ({"url": "http://h/a"}, "http://h/a"),
        ("ffmpeg http://h/a", "http://h/a"),
        ([{"media_type": "advert", "cmd": "http://ad/1"}, {"cmd": "ffmpeg http://h/a"}], "http://h/a"),
        ([{"type": "ad", "cmd": "http://ad/1"}, {"id": 1, "cmd": "http://h/a"}], "http://h/a"),
    ],
)
def test_every_form_of_answer_gives_its_address(answer, address):
    assert made(answer) == address


def test_a_bare_query_belongs_to_the_listed_address():
    listed = "ffmpeg http://edge.example/live/5?old=1"
    assert made({"cmd": "?token=new"}, listed) == "http://edge.example/live/5?token=new"


@pytest.mark.parametrize(
    ("answer", "listed", "address"),
    [
        (
            "http://h/live.php?stream=&extension=ts",
            "http://localhost/ch/77_",
            "http://h/live.php?stream=77&extension=ts",
        ),
        ("http://h/live.php?mac=1&stream=.&e=ts", "http://localhost/ch/77_", "http://h/live.php?mac=1&stream=77&e=ts"),
        ("http://h/live.php?stream=", "http://h/live.php?stream=88&play_token=x", "http://h/live.php?stream=88"),
    ],
)
def test_an_empty_stream_is_repaired(answer, listed, address):
    assert made({"cmd": answer}, listed) == address


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (
            {"id": None, "cmd": "", "error": "link_fault"},
            errors.ItemRefused,
            "The portal could make no address for this item. Refresh the portal; if it stays so, tell your provider.",
        ),
        (
            {"cmd": "", "error": "nothing_to_play"},
            errors.ItemRefused,
            NOTHING,
        ),
        (
            {"cmd": "", "error": "limit"},
            errors.ItemBusy,
            "The portal's streaming servers are full. Try again in a moment.",
        ),
        (
            {"cmd": "", "error": "access_denied"},
            errors.ItemNotSubscribed,
            "This item is not part of the subscription. Choose another stream, or ask your provider.",
        ),
        (
            {"cmd": "", "error": "server_error"},
            errors.ItemRefused,
            "The portal refuses this item. Try another stream of it. The portal's words: “server_error”",
        ),
        (
            {"cmd": "", "error": ""},
            errors.ItemRefused,
            EMPTY,
        ),
        (
            {"cmd": None},
            errors.ItemRefused,
            EMPTY,
        ),
        (
            {"cmd": "ffmpeg http://localhost/ch/500"},
            errors.ItemRefused,
            LOCAL,
        ),
        (
            {"cmd": "http://:/storage/get.php"},
            errors.ItemRefused,
            LOCAL,
        ),
        (
            [{"media_type": "advert", "cmd": "http://ad/1"}],
            errors.ItemRefused,
            "The portal sent only adverts for this item. Try again, or try another stream of it.",
        ),
        (
            [],
            errors.ItemRefused,
            NOTHING,
        ),
        (
            False,
            errors.ItemRefused,
            NOTHING,
        ),
        (
            None,
            errors.ItemRefused,
            NOTHING,
        ),
        (
            {"cmd": "http://h/live.php?stream="},
            errors.ItemRefused,
            EMPTY,
        ),
        (
            {"cmd": "http://[bad/x"},
            errors.ItemRefused,
            EMPTY,
        ),
    ],
)
def test_every_refusal_of_an_item_has_its_sentence(answer, kind, sentence):
    with pytest.raises(errors.ItemRefused) as caught:
        made(answer, "ffrt http://edge.example/x")
    assert type(caught.value) is kind
    assert caught.value.message == sentence


def test_a_full_portal_says_when_to_come_back():
    with pytest.raises(errors.ItemBusy) as caught:
        made({"cmd": "", "error": "limit"})
    assert caught.value.retry_after_s == 10
    assert not caught.value.permanent


def test_an_error_beside_the_envelope_counts_too():
    with pytest.raises(errors.ItemBusy):
        made({"cmd": ""}, error="limit")


def test_what_is_the_macs_own_is_taken_out_and_put_back():
    for spelled in (MAC, MAC.lower(), MAC.replace(":", "%3A"), MAC.replace(":", "%3a")):
        cmd = f"ffmpeg http://h/live.php?mac={spelled}&stream=5&play_token=secret"
        stored = links.portable(cmd, MAC, "secret")
        assert stored == "ffmpeg http://h/live.php?mac=%mac%&stream=5&play_token=%play_token%"
        assert links.personal(stored, "00:1A:79:00:00:02", "other").endswith(
            "mac=00:1A:79:00:00:02&stream=5&play_token=other"
        )


def test_a_token_of_the_channels_own_stays():
    cmd = "ffmpeg http://h/live.php?mac=x&play_token=mine"
    assert links.portable(cmd, MAC, "") == cmd


def test_alternates_follow_the_portals_ranking():
    row = {
        "cmd": "ffmpeg http://a/1",
        "cmds": [{"url": "ffmpeg http://a/1"}, {"url": "ffmpeg http://b/1"}, "nonsense", {"url": None}],
        "cmd_1": "ffmpeg http://c/1",
        "cmd_2": "",
    }
    assert links.alternates_of(row, MAC, "") == ["ffmpeg http://b/1", "ffmpeg http://c/1"]


@pytest.mark.parametrize(
    ("address", "form"),
    [("http://h/a.m3u8?x=1", "hls"), ("http://h/A.M3U8", "hls"), ("http://h/a.ts", ""), ("udp://h:1", "")],
)
def test_the_form_is_told_only_when_it_is_sure(address, form):
    assert links.form_of(address) == form


# --- through the provider


def play(home, cmd: str, data: dict[str, Any] | None = None):
    return home.provider().play_url(
        home.subscription, "5", cmd, data if data is not None else {"known": True, "tmp": True}
    )


def test_a_box_only_channel_is_never_asked_for(house):
    home = house()
    with pytest.raises(errors.ItemRefused, match="aerial of a set-top box"):
        play(home, "dvb dvb://1")
    assert home.fake.doings().create_links == 0


def test_a_finished_address_costs_no_question(house):
    home = house("panel")
    home.fake.secure = False
    stream = home.streams()["5"]
    before = len(home.fake.requests)
    url = play(home, stream.cmd, dict(stream.provider_data))
    assert f"mac={MAC}&stream=5" in url.url
    assert f"play_token={home.fake.play_token(MAC)}" in url.url
    assert len(home.fake.requests) == before


def test_a_finished_address_follows_the_session_to_its_new_token(house):
    home = house("panel")
    home.fake.secure = False
    stream = home.streams()["5"]
    home.fake.account().token = None
    home.provider().check(home.subscription)
    assert f"play_token={home.fake.play_token(MAC)}" in play(home, stream.cmd, dict(stream.provider_data)).url


def test_no_secret_of_the_session_is_stored_with_a_stream(house):
    home = house("panel")
    home.fake.secure = False
    stream = home.streams()["5"]
    stored = f"{stream.cmd} {stream.provider_data}"
    assert MAC not in stored
    assert home.fake.play_token(MAC) not in stored


def test_the_empty_stream_of_panels_is_repaired(house):
    home = house("panel")
    cmd = f"ffmpeg {home.fake.origin}/play/live.php?mac={MAC}&stream=5&extension=ts&play_token=x"
    assert "stream=5&" in play(home, cmd).url


def test_an_old_dialect_without_flags_falls_back_to_the_listed_address(house):
    home = house()
    assert play(home, "ffmpeg http://edge.example/live/5.ts", {}).url == "http://edge.example/live/5.ts"
    assert home.fake.doings().create_links == 1


def test_a_portal_that_forces_the_check_is_asked_for_finished_addresses_too(house):
    home = house("panel")
    home.fake.account().extra["force_ch_link_check"] = "1"
    play(home, f"ffmpeg {home.fake.origin}/play/live.php?stream=5", {"known": True})
    assert home.fake.doings().create_links == 1


def test_an_alternate_of_the_portals_own_is_tried_next(house):
    home = house()
    home.fake.catalogue.channels[4].link_error = "nothing_to_play"
    data = {"known": True, "tmp": True, "alternates": ["ffrt http://localhost/ch/50006"]}
    assert play(home, "ffrt http://localhost/ch/50005", data).url
    assert home.fake.doings().create_links == 2


def test_the_first_refusal_is_told_when_no_alternate_works(house):
    home = house()
    home.fake.catalogue.channels[4].link_error = "limit"
    data = {"known": True, "tmp": True, "alternates": ["ffrt http://localhost/ch/1"]}
    with pytest.raises(errors.ItemBusy):
        play(home, "ffrt http://localhost/ch/50005", data)


def test_a_bare_order_as_the_whole_answer_is_an_answer(house):
    home = house("panel")
    home.fake.fault("itv.create_link", panel_js("ffmpeg http://edge.example/5.ts"))
    assert play(home, "ffmpeg http://localhost/ch/5_").url == "http://edge.example/5.ts"


def test_radio_plays_its_listed_address_without_a_question(house):
    home = house()
    station = home.streams()["radio:1"]
    assert play(home, station.cmd, dict(station.provider_data)).url == "http://radio.example/1.mp3"
    assert home.fake.doings().create_links == 0


def test_adverts_in_front_of_the_link_are_asked_away(house):
    home = house()
    order = "ffrt http://localhost/ch/50005"
    home.fake.fault("itv.create_link", js([{"type": "ad", "cmd": "http://ad/1"}, {"id": 5, "cmd": order}]), times=1)
    assert "/ch/" in play(home, order).url
    assert home.fake.doings().create_links == 1


def test_a_link_that_two_people_want_is_made_twice(house):
    home = house("panel")
    stream = home.streams()["5"]
    assert (
        play(home, stream.cmd, dict(stream.provider_data)).url != play(home, stream.cmd, dict(stream.provider_data)).url
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (page(404), errors.AnswerNotFound),
        (page(403, headers={"CF-RAY": "1"}), errors.PortalThrottled),
        (Reply(status=429), errors.PortalThrottled),
        (page(500), errors.PortalOverloaded),
        (page(200), errors.AnswerUnreadable),
        (js(None), errors.ItemRefused),
        (panel_js({"error": "Channel gone"}), errors.PortalError),
    ],
)
def test_trouble_while_a_viewer_waits_is_told_at_once(house, answer, kind):
    home = house()
    home.provider().check(home.subscription)
    home.fake.fault("itv.create_link", answer)
    with pytest.raises(kind):
        play(home, PLACEHOLDER)
    assert home.fake.count("itv.create_link") == 1


def test_what_must_be_sent_with_the_stream_is_told(house):
    home = house(portal={"referer": "http://r/", "origin": "http://o", "language": "de"})
    url = play(home, "ffrt http://localhost/ch/50005")
    assert "MAG200 stbapp" in url.headers["User-Agent"]
    assert (url.headers["Referer"], url.headers["Origin"]) == ("http://r/", "http://o")
    assert url.cookies == {"mac": "00%3A1A%3A79%3A00%3A00%3A01", "stb_lang": "de"}
    assert "Authorization" not in url.headers


def test_nothing_is_sent_along_where_there_is_no_http(house):
    home = house()
    url = play(home, "rtp rtp://239.0.0.1:1234", {"known": True})
    assert (url.url, dict(url.headers), dict(url.cookies)) == ("rtp://239.0.0.1:1234", {}, {})


def test_an_order_with_escapes_is_not_encoded_twice(house):
    home = house()
    with pytest.raises(errors.ItemRefused):
        play(home, "ffrt http://localhost/x%20y/1?a=b&c=d e#f")
    asked = [path for path in home.fake.paths if "create_link" in path]
    assert "cmd=ffrt%20http%3A%2F%2Flocalhost%2Fx%20y%2F1%3Fa%3Db%26c%3Dd%20e%23f&" in asked[0]
