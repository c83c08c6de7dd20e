"""A refresh through the real providers: what is stored, and that channels stay who they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.models import Channel, Stream
from portals import refreshing, runs
from portals.errors import PortalError
from portals.models import Genre, Portal, PortalKind, Run, RunKind, RunState
from tests.factories import PortalFactory
from tests.fakes.web_files import WebFiles
from tests.fakes.xtream_panel import Fault, Line

SAMPLES = Path(__file__).parents[2] / "samples" / "m3u"
pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Iterator[WebFiles]:
    with WebFiles() as server:
        yield server


def refresh(portal: Portal) -> Run:
    return refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))


def m3u_at(address: str) -> Portal:
    return PortalFactory(kind=PortalKind.M3U, address=address)


def panel_list(host: str, password: str, names: dict[int, str]) -> str:
    lines = [
        f'#EXTINF:-1 group-title="All",{name}\nhttp://{host}/live/user/{password}/{key}.ts\n'
        for key, name in names.items()
    ]
    return "#EXTM3U\n" + "".join(lines)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("iptvorg*.m3u")), ids=lambda path: path.stem)
def test_a_real_list_is_stored_to_its_counted_facts(web, path):
    expected = json.loads((SAMPLES / "expected.json").read_text())[path.name]
    portal = m3u_at(web.put("/list.m3u", path.read_bytes()))

    run = refresh(portal)

    assert run.state == RunState.DONE
    assert Stream.objects.filter(portal=portal).count() == expected["distinct_urls"]


def test_new_names_order_host_and_password_leave_every_channel_itself(web):
    portal = m3u_at(web.put("/list.m3u", panel_list("old.example", "one", {1: "Alpha", 2: "Beta", 3: "Gamma"})))
    refresh(portal)
    before = {link.provider_id: link.link.channel_id for link in Stream.objects.select_related("link")}

    web.put("/list.m3u", panel_list("new.example", "two", {3: "Gamma", 2: "Beta HD", 1: "Alpha"}))
    run = refresh(portal)

    assert run.state == RunState.DONE
    assert {link.provider_id: link.link.channel_id for link in Stream.objects.select_related("link")} == before
    assert Channel.objects.count() == 3
    assert all("new.example" in cmd for cmd in Stream.objects.values_list("cmd", flat=True))


@pytest.mark.parametrize(
    "body", ["", "<html><title>Login</title></html>", "#EXTM3U\n", "#EXTM3U\n#EXT-X-TARGETDURATION:8\n"]
)
def test_what_is_no_list_leaves_the_catalogue_as_it_was(web, body):
    portal = m3u_at(web.put("/list.m3u", panel_list("h.example", "p", {1: "Alpha", 2: "Beta"})))
    refresh(portal)
    web.put("/list.m3u", body)

    with pytest.raises(PortalError) as caught:
        refresh(portal)

    assert Run.objects.latest("id").error == caught.value.message
    assert Stream.objects.filter(stale_since__isnull=True).count() == 2


def test_a_panel_is_stored_whole(xtream_house):
    house = xtream_house(Line("a", "1", bouquet={1, 2}), Line("b", "2"))

    run = refresh(house.portal)

    assert run.state == RunState.DONE
    assert list(Genre.objects.filter(portal=house.portal).values_list("name", flat=True)) == [
        "News",
        "Radio",
        "XXX Adults",
    ]
    late = Stream.objects.get(name="Late")
    assert (late.offered_to, late.censored, late.cmd) == ([house.logins[1].pk], True, "live/1004")


@pytest.mark.parametrize("fault", ["cut", "html", "empty", "garbage", "500"])
def test_a_panel_that_fails_leaves_the_catalogue_as_it_was(xtream_house, fault):
    house = xtream_house()
    refresh(house.portal)
    house.panel.faults["get_live_streams"] = Fault(fault, after=300)

    with pytest.raises(PortalError):
        refresh(house.portal)

    assert Run.objects.latest("id").state == RunState.FAILED
    assert Stream.objects.filter(stale_since__isnull=True).count() == 4
