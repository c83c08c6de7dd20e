"""Moving in from other systems: files as people have them, and what becomes of them."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError

from accounts.models import Viewer
from channels.models import Channel, StreamRule
from guide.models import EpgSource, SourceKind
from portals.models import Portal, PortalKind
from portals.providers.records import GenreRecord, StreamRecord
from restreamer.moving import kptv
from tests.commands.test_commands import as_json, said

pytestmark = pytest.mark.django_db(transaction=True)

STB_PROXY = {
    "portals": {
        "8f14e45fceea167a5a36dedd4bea2543": {
            "enabled": "true",
            "name": "Home",
            "url": "http://panel.example:8080/portal.php",
            "macs": {"00:1A:79:00:00:01": "March 1, 2027, 12:00 am", "00:1a:79:00:00:02": "Unknown"},
            "streams per mac": "2",
            "proxy": "10.0.0.1:3128",
            "enabled channels": ["11", "12", "999"],
            "custom channel names": {"11": "The First"},
            "custom channel numbers": {"11": "101", "12": "none"},
            "custom genres": {"11": "Ours"},
            "custom epg ids": {"12": "two.example"},
            "fallback channels": {"13": "The First"},
        },
        "c9f0f895fb98ab9159f51fd0297e236d": {
            "name": "Old form",
            "url": "http://old.example/c/",
            "mac": "00:1A:79:00:00:03",
            "expires": "Unknown",
        },
        "45c48cce2e2d7fbdea1afc51c7c6ad26": {"name": "Empty", "url": "", "macs": {}},
    },
    "settings": {"enable hdhr": "true", "hdhr tuners": "4", "username": "admin", "password": "12345"},
}

KPTV = {
    "baseURL": "http://10.0.0.5:9500",
    "importRefreshInterval": "6h",
    "sources": [
        {
            "name": "Primary",
            "url": "http://one.example/list.m3u8",
            "order": 2,
            "maxConnections": 5,
            "userAgent": "VLC/3.0.18 LibVLC/3.0.18",
            "reqOrigin": "https://one.example",
            "reqReferrer": "https://one.example/player",
            "liveExcludeRegex": "^XXX",
            "vodIncludeRegex": "4K",
        },
        {
            "name": "Panel",
            "url": "http://panel.example",
            "username": "bob",
            "password": "hunter22",
            "order": 1,
            "maxConnections": 1,
        },
    ],
    "epgs": [{"name": "Guide", "url": "http://guide.example/all.xml.gz", "order": 3}],
    "xcOutputAccounts": [{"name": "Living room", "username": "living", "password": "room1234", "maxConnections": 2}],
}


@pytest.fixture
def file(tmp_path):
    def write(document, name="config.json"):
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return write


@pytest.fixture(autouse=True)
def listing(monkeypatch):
    """Whatever portal is asked, it lists three channels."""

    class Listed:
        def live_genres(self):
            return [GenreRecord("1", "News")]

        def live_streams(self, progress):
            yield from (StreamRecord(str(n), f"Channel {n}", number=str(n), genre_id="1") for n in (11, 12, 13))

    monkeypatch.setattr("channels.refresh.provider_for", lambda portal: Listed())


def test_stb_proxys_portals_macs_and_channels_come_along(file):
    report = as_json("import", "stb-proxy", file(STB_PROXY))
    home = Portal.objects.get(name="Home")
    assert (home.kind, home.address, home.proxy_url) == (
        PortalKind.STALKER,
        "http://panel.example:8080/portal.php",
        "http://10.0.0.1:3128",
    )
    assert list(home.subscriptions.values_list("mac", "streams")) == [
        ("00:1A:79:00:00:01", 2),
        ("00:1A:79:00:00:02", 2),
    ]
    assert Portal.objects.get(name="Old form").subscriptions.get().mac == "00:1A:79:00:00:03"
    ours = Channel.objects.filter(streams__portal=home)
    assert set(ours.values_list("name", "enabled", "group__name", "guide_id")) == {
        ("The First", True, "Ours", ""),
        ("Channel 12", True, "News", "two.example"),
    }
    first = ours.filter(name="The First").first()
    assert first is not None
    assert first.shown_number == "101"
    assert list(first.streams.values_list("provider_id", flat=True)) == ["11", "13"]
    assert (report["portals"][0]["channels_curated"], report["portals"][0]["channels_missing"]) == (3, 1)
    assert "portal Empty: it has no MAC or no address" in report["left"]


def test_a_rehearsal_tells_the_same_and_stores_nothing(file):
    text = said("import", "stb-proxy", file(STB_PROXY), "--dry-run")
    assert "portal Home: added with 2 subscription(s)." in text
    assert "Nothing was stored." in text
    assert not Portal.objects.exists()


def test_moving_in_twice_adds_nothing_twice(file):
    for _ in range(2):
        report = as_json("import", "stb-proxy", file(STB_PROXY))
    assert Portal.objects.count() == 2
    assert report["portals"][0]["result"].startswith("there already")
    assert Channel.objects.filter(name="The First").count() == 1


def test_kptvs_sources_guides_and_accounts_come_along(file):
    report = as_json("import", "kptv", file(KPTV), "--no-refresh")
    primary, panel = Portal.objects.get(name="Primary"), Portal.objects.get(name="Panel")
    assert (primary.kind, primary.priority, primary.max_streams, primary.refresh_hours) == (PortalKind.M3U, 2, 5, 6)
    assert (primary.user_agent, primary.origin) == ("VLC/3.0.18 LibVLC/3.0.18", "https://one.example")
    assert primary.referer == "https://one.example/player"
    assert (panel.kind, panel.subscriptions.get().login) == (PortalKind.XTREAM, "bob")
    assert list(StreamRule.objects.values_list("portal__name", "action", "pattern")) == [("Primary", "exclude", "^XXX")]
    assert EpgSource.objects.get(kind=SourceKind.URL).address == "http://guide.example/all.xml.gz"
    assert Viewer.objects.get().connections == 2
    assert report["left"] == ["source Primary: vodIncludeRegex (rules here are about live channels)"]


@pytest.mark.parametrize(
    "content",
    [
        "SOURCES=http://one.example/a,b.m3u|3,http://two.example/list|0\nUSER_AGENT='VLC/3'\nIMPORT_REFRESH_INTERVAL=90m",
        '      - SOURCES="http://one.example/a,b.m3u|3,http://two.example/list|0"\n      - USER_AGENT=VLC/3\n'
        "      - IMPORT_REFRESH_INTERVAL=2h",
        "  SOURCES: http://one.example/a,b.m3u|3,http://two.example/list|0\n  USER_AGENT: VLC/3\n"
        "  IMPORT_REFRESH_INTERVAL: 2h",
    ],
)
def test_variables_of_the_first_form_are_understood_wherever_they_stand(file, content):
    as_json("import", "kptv", file(content, ".env"), "--no-refresh")
    rows = Portal.objects.order_by("priority").values_list("address", "max_streams", "user_agent", "refresh_hours")
    assert list(rows) == [
        ("http://one.example/a,b.m3u", 3, "VLC/3", 2),
        ("http://two.example/list", 0, "VLC/3", 2),
    ]


def test_the_variable_alone_is_enough(monkeypatch):
    monkeypatch.setenv("SOURCES", "http://one.example/list.m3u|2")
    as_json("import", "kptv", "--no-refresh")
    assert Portal.objects.get().max_streams == 2


def test_one_bad_source_keeps_no_other_away(file):
    bad = [
        {"name": "Bad", "url": "ftp://x"},
        {"name": "Rule", "url": "http://r.example/l", "liveIncludeRegex": "("},
    ]
    broken = {**KPTV, "sources": bad + list(KPTV["sources"])}
    report = as_json("import", "kptv", file(broken), "--no-refresh")
    assert [row["result"].split(":")[0] for row in report["portals"][:2]] == ["not added", "not added"]
    assert set(Portal.objects.values_list("name", flat=True)) == {"Primary", "Panel"}


@pytest.mark.parametrize(
    ("verb", "content", "sentence"),
    [
        ("stb-proxy", "{broken", "is no JSON"),
        ("stb-proxy", "[]", "holds no JSON object"),
        ("stb-proxy", "{}", "holds no portals"),
        ("kptv", "{}", "holds no sources"),
        ("kptv", "NOTHING=1", "SOURCES is empty"),
    ],
)
def test_what_is_no_such_file_is_said(file, verb, content, sentence):
    with pytest.raises(CommandError, match=sentence):
        said("import", verb, file(content))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        said("import", "stb-proxy", str(tmp_path / "none.json"))


def test_hostile_shapes_are_no_trouble(file):
    document: dict[str, object] = {
        "portals": {"a": {"name": 7, "url": ["x"], "macs": {"00:1A:79:00:00:01": 1}}, "b": None, "c": []}
    }
    assert as_json("import", "stb-proxy", file(document), "--dry-run")["portals"] == []
    with pytest.raises(CommandError):
        said("import", "kptv", file({"sources": 7}))
    assert kptv.from_variables({"SOURCES": "http://h/x|99999999"}).portals[0].columns["max_streams"] == 99999999
