"""The libraries players are built on read our lists over a real socket and understand what we meant."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from guide.importer import import_guide
from guide.models import Decision, EpgSource, GuideMatch
from guide.records import GuideChannelRecord, GuideRecord
from tests.clients.programs import NODE_MODULES
from tests.factories import GroupFactory, LinkFactory, PortalFactory, ViewerFactory
from vod.models import Category, Episode, EpisodeOffer, Movie, MovieOffer, Season, Series, SeriesOffer

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]

HERE = Path(__file__).parent
#: Names that have broken parsers: `|` and quotes end values elsewhere, a leading number is taken for a channel's.
NAMES = ["News É HD", "24 Küche, Kochen & <Co>", 'The "Late" Show ]]>', "أخبار 📺"]
PASSWORD = "correct-horse"
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def house(live_server):
    """A seeded catalogue; the address of a server that answers for it, and its channels."""
    viewer = ViewerFactory(name="kitchen", connections=3)
    viewer.set_password(PASSWORD)
    viewer.save()
    group = GroupFactory(name="News")
    channels = [
        LinkFactory(channel__name=name, channel__number=at, channel__group=group, stream__archive_hours=48).channel
        for at, name in enumerate(NAMES, 1)
    ]
    source = EpgSource.objects.create(name="Guide", address="http://g/", days_back=5, days_ahead=5)
    records: list[Any] = [GuideChannelRecord("news.example", ("News",))]
    records += [
        GuideRecord("news.example", HOUR + timedelta(hours=at), HOUR + timedelta(hours=at + 1), f"Sendung {at} & mehr")
        for at in range(-3, 4)
    ]
    import_guide(source, iter(records), now=HOUR)
    GuideMatch.objects.create(
        channel_id=channels[0].pk, source=source, guide_id="news.example", decision=Decision.ACCEPTED
    )
    _titles()
    return live_server.url, channels


def _titles() -> None:
    portal = PortalFactory()
    crime = Category.objects.create(kind="movie", name="Crime")
    movie = Movie.objects.create(name="Heat", year=1995, enabled=True, category=crime)
    movie.lead = MovieOffer.objects.create(
        portal=portal, movie=movie, provider_id="1", name="Heat", container="mkv", detailed=True, rating=8.3
    )
    movie.save()
    drama = Category.objects.create(kind="series", name="Drama")
    series = Series.objects.create(name="Dark", enabled=True, category=drama)
    series.lead = SeriesOffer.objects.create(
        portal=portal, series=series, provider_id="5", name="Dark", details_at=timezone.now(), rating=8.7
    )
    series.save()
    for season_number, number in ((1, 1), (1, 2), (2, 1)):
        season, _ = Season.objects.get_or_create(series=series, number=season_number)
        name = f"Part {season_number}.{number}"
        episode = Episode.objects.create(series=series, season=season, number=number, name=name, enabled=True)
        episode.lead = EpisodeOffer.objects.create(
            series_offer=series.lead,
            episode=episode,
            provider_id=name,
            name=name,
            season=season_number,
            number=number,
            container="mp4",
        )
        episode.save()


def understood(command: list[str], **environment: str) -> Any:
    """What the program printed. A parser that hangs is ended: one is known to, at an attribute without quotes."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def by_node(what: str, base: str, module: str) -> Any:
    modules = Path(os.environ.get(NODE_MODULES, ""))
    if not shutil.which("node") or not modules.is_absolute() or not (modules / module).exists():
        pytest.skip(f"{NODE_MODULES} names no folder with {module} (npm install it)")
    return understood(["node", str(HERE / "readers.mjs"), what, base, "kitchen", PASSWORD])


def test_the_npm_xtream_client_finds_everything(house):
    base, channels = house
    told = by_node("xtream", base, "@iptv/xtream-api/package.json")
    assert told["profile"]["username"] == "kitchen"
    assert told["profile"]["auth"] == 1
    assert told["server"]["timezone"] == "UTC"
    assert [one["name"] for one in told["channels"]] == NAMES
    assert told["categories"] == ["News"]
    assert told["movie"]["info"]["name"] == "Heat"
    assert sorted(told["show"]["episodes"]) == ["1", "2"]
    titles = [one["title"] for one in told["short"]["epg_listings"]]
    assert len(titles) == 2
    assert len(told["full"]["epg_listings"]) == 7
    assert told["stream"].startswith(f"{base}/live/kitchen/{PASSWORD}/{channels[0].pk}")


def test_both_npm_playlist_parsers_read_every_name_back(house):
    base, channels = house
    told = by_node("playlists", base, "iptv-playlist-parser/package.json")
    for parser in ("first", "second"):
        live = told[parser][: len(NAMES)]
        # A double quote has no escape in this format and is written as a single one.
        assert [one["name"] for one in live] == [name.replace('"', "'") for name in NAMES], parser
        assert [one["url"] for one in live] == [f"{base}/live/kitchen/{PASSWORD}/{one.pk}.ts" for one in channels]
        assert live[0]["id"] == f"{channels[0].pk}.restreamer"
        assert {one["group"] for one in live} == {"News"}
        assert [one["name"] for one in told[parser][len(NAMES) :]] == [
            "Heat",
            "Dark S01E01",
            "Dark S01E02",
            "Dark S02E01",
        ]
    assert told["header"]["x-tvg-url"].startswith(f"{base}/xmltv.php?")


def test_the_npm_guide_parser_reads_times_and_titles(house):
    base, channels = house
    told = by_node("guide", base, "epg-parser/package.json")
    assert told["channels"][0]["id"] == f"{channels[0].pk}.restreamer"
    assert told["channels"][0]["names"] == ["News É HD", "1"]
    assert len(told["programmes"]) == 7
    # It leaves entities as they stand.
    assert unescape(told["programmes"][3]["title"]) == "Sendung 0 & mehr"
    assert told["programmes"][3]["start"][:19] == f"{HOUR:%Y-%m-%dT%H:%M:%S}"


def test_pyxtream_logs_in_and_lists_everything(house, tmp_path):
    python = os.environ.get("TEST_PYXTREAM_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import pyxtream"], capture_output=True, check=False).returncode:
        pytest.skip("pyxtream is not installed (pip install pyxtream, or name a Python in TEST_PYXTREAM_PYTHON)")
    base, channels = house
    told = understood([python, str(HERE / "read_xtream.py"), base, "kitchen", PASSWORD, str(tmp_path)])
    assert told["state"] == {"authenticated": True, "loaded": True}
    assert [one["name"] for one in told["channels"]] == NAMES
    assert told["channels"][0]["url"].startswith(f"{base}/live/kitchen/{PASSWORD}/{channels[0].pk}")
    assert [one["name"] for one in told["movies"]] == ["Heat"]
    assert told["series"][0]["name"] == "Dark"
    assert len(told["series"][0]["seasons"]) == 2
    assert {"News", "Crime", "Drama"} <= set(told["groups"])


def test_the_guides_own_validator_finds_nothing_in_what_players_fetch(house, tmp_path):
    if shutil.which("tv_validate_file") is None:
        pytest.skip("tv_validate_file (xmltv-util) is not installed")
    base, _ = house
    host = base.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("GET", f"/xmltv.php?username=kitchen&password={PASSWORD}")
    guide = tmp_path / "epg.xml"
    guide.write_bytes(connection.getresponse().read())
    connection.close()
    dtd = Path("/usr/share/xmltv/xmltv.dtd")
    command = ["tv_validate_file", *(["--dtd-file", str(dtd)] if dtd.exists() else []), str(guide)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout + done.stderr).strip() == "Validated ok."
