"""Real lists and answers, through the real refreshes, stored to exactly the facts that were counted in them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from channels.models import Stream
from portals import refreshing, runs
from portals.errors import PortalError
from portals.models import Genre, Portal, PortalKind, Run, RunKind, RunState
from tests.factories import PortalFactory, SubscriptionFactory
from tests.fakes.portal_wire import Answerer, Reply
from tests.fakes.web import FakeWeb
from vod.models import EpisodeOffer, MovieOffer

SAMPLES = Path(__file__).parents[1] / "samples"
LISTS = json.loads((SAMPLES / "m3u" / "expected.json").read_text())
ANSWERS = json.loads((SAMPLES / "xtream" / "expected.json").read_text())

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with FakeWeb() as server:
        yield server


def sample(folder: str, name: str) -> bytes:
    """A sample as it came from its origin; the larger ones lie packed."""
    path = SAMPLES / folder / name
    return path.read_bytes() if path.exists() else gzip.decompress((SAMPLES / folder / f"{name}.gz").read_bytes())


def refresh(portal: Portal, kind: str) -> Run:
    return refreshing.perform(runs.begin(portal, kind, "test"))


def test_every_sample_lies_here():
    assert len(LISTS) == 15
    assert len(ANSWERS) == 4


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_is_stored_to_its_counted_facts(web, name):
    facts = LISTS[name]
    web.routes["/list.m3u"] = Reply(sample("m3u", name))
    portal = PortalFactory(kind=PortalKind.M3U, address=f"{web.origin}/list.m3u")

    for kind in (RunKind.LIVE, RunKind.VOD):
        assert refresh(portal, kind).state == RunState.DONE

    live = Stream.objects.filter(portal=portal).order_by("position")
    movies, episodes = (
        MovieOffer.objects.filter(portal=portal),
        EpisodeOffer.objects.filter(series_offer__portal=portal),
    )
    assert live.count() + movies.count() + episodes.count() == facts["distinct_urls"]
    assert live[0].name == facts["first_name"]
    # The last of two lists is a film or an episode.
    assert facts["last_name"] in {live.reverse()[0].name, *movies.values_list("name", flat=True), "Breaking Bad S01E01"}
    if name == "m3undle_sample.m3u":
        assert (live.count(), movies.count(), episodes.count()) == (5, 1, 1)
        assert (episodes[0].season, episodes[0].number) == (1, 1)
    assert sum(bool(one.logo) for one in live) <= facts["entries_with_logo"]


def panel(files: dict[str, bytes]) -> Answerer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        action = parse_qs(urlsplit(handler.path).query).get("action", ["auth"])[0]
        Reply(files.get(action, b"[]"), content_type="application/json").send(handler)

    return send


@pytest.fixture
def panel_a(web: FakeWeb) -> tuple[Portal, dict[str, bytes]]:
    files = {name.removeprefix("panelA_").removesuffix(".json"): sample("xtream", name) for name in ANSWERS}
    web.routes["/player_api.php"] = panel(files)
    portal = PortalFactory(kind=PortalKind.XTREAM, address=web.origin)
    SubscriptionFactory(portal=portal, mac="", login="ETERNAL_USERNAME", password="ETERNAL_PASSWORD")
    return portal, files


def test_a_panel_is_stored_to_its_counted_facts(panel_a):
    portal, _files = panel_a
    streams, categories = ANSWERS["panelA_get_live_streams.json"], ANSWERS["panelA_get_live_categories.json"]

    assert refresh(portal, RunKind.LIVE).state == RunState.DONE

    stored = Stream.objects.filter(portal=portal).order_by("position")
    assert stored.count() == streams["items"] == streams["stream_id_distinct"]
    assert (stored[0].name, stored.reverse()[0].name) == (streams["first_name"], streams["last_name"])
    genres = Genre.objects.filter(portal=portal)
    assert genres.count() == categories["items"]
    assert stored.exclude(guide_id="").values("guide_id").distinct().count() in range(
        streams["epg_channel_id_distinct"] - 2, streams["epg_channel_id_distinct"] + 1
    )
    assert stored.filter(censored=True, genre__name="ADULT XXX").count() == stored.filter(censored=True).count()


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"<html>Login</html>", lambda data: b"{}"],
    ids=["half", "empty", "page", "object"],
)
def test_a_damaged_answer_leaves_all_that_was_stored(panel_a, damage: Callable[[bytes], bytes]):
    portal, files = panel_a
    refresh(portal, RunKind.LIVE)
    before = list(Stream.objects.values_list("provider_id", "name", "stale_since"))
    files["get_live_streams"] = damage(files["get_live_streams"])

    with pytest.raises(PortalError) as caught:
        refresh(portal, RunKind.LIVE)

    assert Run.objects.latest("id").error == caught.value.message
    assert list(Stream.objects.values_list("provider_id", "name", "stale_since")) == before


@pytest.mark.parametrize("name", ["iptvorg2026_gr.m3u", "iptvorg2026_us.m3u"])
def test_a_damaged_list_leaves_all_that_was_stored(web, name):
    data = sample("m3u", name)
    portal = PortalFactory(kind=PortalKind.M3U, address=f"{web.origin}/list.m3u")
    web.routes["/list.m3u"] = Reply(data)
    refresh(portal, RunKind.LIVE)
    before = list(Stream.objects.values_list("provider_id", "name", "stale_since"))

    for damaged in (b"", b"<html><title>Login</title></html>", gzip.compress(data)[:-2000], b"\x00\x01" * 2000):
        web.routes["/list.m3u"] = Reply(damaged)
        with pytest.raises(PortalError):
            refresh(portal, RunKind.LIVE)
        assert list(Stream.objects.values_list("provider_id", "name", "stale_since")) == before
