"""What somebody tries who means no good, at the addresses of players."""

from __future__ import annotations

import datetime

import pytest
from django.http import HttpResponse

from accounts.guessing import MOST_WRONG
from accounts.models import LimitPolicy
from channels.models import Channel, Lineup
from streaming import tuner_devices
from streaming.redirecting import _usable
from streaming.relay.seams import SessionFacts
from streaming.sessions import Sessions
from streaming.views import live
from tests.factories import ChannelFactory, LinkFactory, ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer():
    return ViewerFactory(name="kitchen", connections=2)


@pytest.fixture
def tickets(monkeypatch):
    taken = []

    def take(request, ticket):
        taken.append(ticket)
        return HttpResponse(b"G", content_type="video/mp2t")

    monkeypatch.setattr(live, "hand_over", take)
    return taken


# --- guessing -----------------------------------------------------------------------------------------------------


def test_wrong_tokens_and_passwords_at_any_address_count_together(client, viewer):
    doors = [
        "/playlist?token={}", "/epg.xml?token={}", "/stream/1?token={}", "/t/{}/stream/1", "/hdhr/{}/discover.json",
        "/logo/channel/1/a?token={}", "/player/?token={}", "/live/kitchen/{}/1.ts", "/kitchen/{}/1",
        "/get.php?username=kitchen&password={}", "/player_api.php?username=kitchen&password={}", "/chplay/1?token={}",
    ]  # fmt: skip
    for n in range(MOST_WRONG):
        assert client.get(doors[n % len(doors)].format(f"guess{n}")).status_code in (200, 401)
    for door in doors:
        told = client.get(door.format("onemore"))
        assert told.status_code == 429 or b'"auth":0' in told.content, door
    assert "Retry-After" in client.get(doors[0].format("onemore"))
    assert client.get(doors[0].format("onemore"), REMOTE_ADDR="192.0.2.7").status_code == 401, "others are not held up"


def test_a_made_up_forwarded_address_starts_no_new_count(client, viewer):
    for n in range(MOST_WRONG):
        client.get(f"/playlist?token=guess{n}", headers={"X-Forwarded-For": f"192.0.2.{n}"})
    assert client.get("/playlist?token=more", headers={"X-Forwarded-For": "192.0.2.99"}).status_code == 429


# --- paths --------------------------------------------------------------------------------------------------------

TRICKS = [
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e", "....//", "%00", "a%00b", "%0d%0aSet-Cookie:a=b",
    "%ff%fe", "\\..\\..", "%c0%ae%c0%ae/", "'OR 1=1--", "{{7*7}}", "%25%30%30", "💥", "\u202eevil", "x" * 6000, "-1",
    "99999999999999999999", "1e9", "0x10", "%u0000", ";", "?", "#", "/", "//", "*",
]  # fmt: skip
PLACES = [
    "/stream/{}", "/play/home/{}", "/play/{}/1", "/chplay/{}", "/player/{}", "/player/home/{}", "/logo/channel/1/{}",
    "/logo/{}/1/a", "/logo/channel/{}/a", "/auto/v{}", "/hdhr/{}/lineup.json", "/live/kitchen/{}/1.ts", "/{}",
    "/epg.xml/{}", "/portal/{}/channels", "/t/{}/stream/1", "/series/a/b/{}.mkv", "/timeshift/a/b/{}/{}/1.ts",
    "/hls/1/{}",
]  # fmt: skip
WORDS = ["/playlist?group={}", "/playlist?lineup={}", "/playlist?portal={}", "/playlist?sort={}", "/epg.xml?days={}",
         "/player/?q={}", "/playlist?pin={}"]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_in_a_path_or_word_gets_more_than_a_plain_no(client, viewer, tickets, trick):
    for place in PLACES + WORDS:
        path = place.replace("{}", trick)
        answer = client.get(path + ("&" if "?" in path else "?") + f"token={viewer.token}", follow=False)
        assert answer.status_code in (200, 301, 302, 400, 401, 403, 404, 405, 410), (path[:60], answer.status_code)
        assert not any(name == "Set-Cookie" for name in answer.headers)
        assert b"root:" not in answer.getvalue()
        assert not answer.get("Location", "/").startswith(("//", "http", "\\"))


# --- headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ['a"b', "a\r\nSet-Cookie: x=y", "a;b", "Ünïcödé", "\u202e\u0000", "a" * 400])
def test_no_name_breaks_out_of_a_header(client, viewer, tickets, name):
    stored = name.replace("\0", "")
    channel = LinkFactory(channel=ChannelFactory(name=stored)).channel
    Lineup.objects.create(name=stored[:80], slug="one")
    paths = [f"/stream/{channel.pk}", "/playlist", "/playlist?lineup=one", "/movies", "/epg.xml.gz", "/groups_playlist"]
    for path in paths:
        answer = client.get(path + ("&" if "?" in path else "?") + f"token={viewer.token}")
        said = answer.get("Content-Disposition", "")
        assert "\r" not in said
        assert "\n" not in said
        assert said.count('"') in (0, 2)
        assert "Set-Cookie" not in answer


@pytest.mark.parametrize(
    "address",
    [
        "http://h/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "//h/x",
        "file:///etc/passwd",
        "http://",
        "http://h/" + "a" * 9000,
    ],
)
def test_a_player_is_sent_nowhere_strange(address):
    with pytest.raises(Exception, match="no player can be sent"):
        _usable(address)


def test_no_address_is_taken_from_a_question(client, viewer):
    for name in ("next", "url", "redirect", "return", "logo"):
        answer = client.get("/playlist", {"token": viewer.token, name: "http://evil.example/"})
        assert (answer.status_code, "Location" in answer) == (400, False)


# --- limits over all protocols ------------------------------------------------------------------------------------


@pytest.fixture
def channels() -> list[Channel]:
    return [LinkFactory(channel__number=n).channel for n in range(1, 5)]


def _active(client, viewer) -> str:
    login = {"username": viewer.name, "password": viewer.token}
    return client.get("/player_api.php", login).json()["user_info"]["active_cons"]


def _ways(viewer, channels):
    one, two, three, four = channels
    return {
        "ts": f"/stream/{one.pk}?token={viewer.token}",
        "xtream": f"/live/{viewer.name}/{viewer.token}/{two.pk}.ts",
        "tuner": f"/hdhr/{viewer.token}/auto/v{int(three.number)}",
        "short": f"/{viewer.name}/{viewer.token}/{four.pk}",
    }


def test_one_limit_counts_over_all_protocols_and_active_cons_is_true_throughout(
    client, viewer, channels, tickets, monkeypatch, redis
):
    monkeypatch.setattr("streaming.limits.GRACE_S", 0.0)
    ways = _ways(viewer, channels)
    assert _active(client, viewer) == "0"
    assert client.get(ways["ts"], headers={"User-Agent": "VLC"}).status_code == 200
    assert _active(client, viewer) == "1"
    assert client.get(ways["xtream"], headers={"User-Agent": "TiviMate"}).status_code == 200
    assert client.get(ways["xtream"], headers={"User-Agent": "TiviMate"}).status_code == 200, "a second look"
    refused = client.get(ways["tuner"], headers={"User-Agent": "Plex"})
    assert (refused.status_code, refused["X-HDHomeRun-Error"]) == (503, "805 All Tuners In Use")
    assert "Retry-After" in refused
    assert client.get(ways["short"], headers={"User-Agent": "Kodi"}).status_code == 503
    sessions = Sessions(redis)
    assert {row.facts.title for row in sessions.of_viewer(viewer.pk)} == {channels[0].name, channels[1].name}
    # What ends frees its place at once, whoever served it.
    gone = next(row.facts for row in sessions.of_viewer(viewer.pk) if row.facts.title == channels[0].name)
    assert isinstance(gone, SessionFacts)
    sessions.forget(gone)
    assert client.get(ways["tuner"], headers={"User-Agent": "Plex"}).status_code == 200


def test_the_oldest_is_ended_when_the_viewer_is_set_so(client, viewer, channels, tickets, monkeypatch):
    monkeypatch.setattr("streaming.limits.GRACE_S", 0.0)
    viewer.limit_policy = LimitPolicy.END_OLDEST
    viewer.save()
    for agent, way in zip("ABCD", _ways(viewer, channels).values(), strict=True):
        assert client.get(way, headers={"User-Agent": agent}).status_code == 200
    assert _active(client, viewer) == "2"


def test_a_device_names_no_more_tuners_than_may_run(client, viewer):
    assert client.get(f"/hdhr/{viewer.token}/discover.json").json()["TunerCount"] == viewer.connections
    assert tuner_devices.TunerDevice.objects.get().viewer == viewer


def test_time_runs_out_at_the_second(client, viewer, channels, tickets, monkeypatch):
    viewer.expires_at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    viewer.save()
    way = _ways(viewer, channels)["ts"]
    assert client.get(way).status_code == 200
    later = viewer.expires_at + datetime.timedelta(milliseconds=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert client.get(way).status_code == 403
