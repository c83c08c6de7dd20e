"""Kodi with IPTV Simple finds channels, groups and guide in a whole house, and plays."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.clients import kodi
from tests.clients.kodi import IPTV_SIMPLE, Kodi
from tests.clients.stage import NAMES, Stage, stage
from tests.fakes.upstream import Script

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Seen:
    """What Kodi showed."""

    version: str
    channels: list[dict[str, object]]
    groups: list[str]
    titles: list[str]
    picture: dict[str, object]
    positions: list[float]


def guide_file(folder: Path, playlist: str) -> Path:
    """A guide of the first channel, as it is called in the playlist."""
    name = next(line.rpartition(",")[2] for line in playlist.splitlines() if line.startswith("#EXTINF"))
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    programmes = "".join(
        f'<programme start="{start + timedelta(hours=at):%Y%m%d%H%M%S} +0000" '
        f'stop="{start + timedelta(hours=at + 1):%Y%m%d%H%M%S} +0000" channel="first">'
        f"<title>Show {at}</title></programme>"
        for at in range(8)
    )
    path = folder / "data" / "guide" / "guide.xml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'<tv><channel id="first"><display-name>{name}</display-name></channel>{programmes}</tv>')
    return path


def fetched(address: str) -> str:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=15)
    connection.request("GET", f"/{path}")
    body = connection.getresponse().read().decode()
    connection.close()
    return body


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    if lack := kodi.missing():
        pytest.skip(lack)
    folder = tmp_path_factory.mktemp("kodi")
    with stage(folder) as here:
        yield watched(here, folder)


def watched(here: Stage, folder: Path) -> Seen:
    here._first.always(NAMES[0], Script())
    added = here.house.manage("viewer", "add", "kodi", "--connections", "2")
    guide = guide_file(folder, fetched(added["playlist"]))
    here.house.manage("epg", "add", "Guide", str(guide), "--refresh")
    here.house.manage("epg", "match")
    with Kodi(added["playlist"], added["playlist"].replace("/playlist.m3u8", "/epg.xml")) as one:
        one.enable(IPTV_SIMPLE)
        channels = one.channels(at_least=5)
        first = int(channels[0]["channelid"])
        titles = one.guide(first)
        picture, positions = one.play(first)
        return Seen(one.version, channels, one.groups(), titles, picture, positions)


def test_channels_have_their_numbers_and_groups(seen: Seen) -> None:
    assert len(seen.channels) >= 5
    assert all(int(str(one["channelnumber"])) > 0 for one in seen.channels)
    assert len(seen.groups) > 1


def test_the_guide_is_there(seen: Seen) -> None:
    assert "Show 2" in seen.titles, "what is on now"


def test_it_plays_over_wall_time(seen: Seen) -> None:
    assert seen.picture["width"] == 640
    advanced = [later - earlier for earlier, later in itertools.pairwise(seen.positions)]
    assert sum(step > 0.2 for step in advanced) >= 4, seen.positions
