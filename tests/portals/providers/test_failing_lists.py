"""A portal that answers with an empty list, half a list or a web page, or dies in the middle, changes nothing, and its
run says so: every kind of portal, live and on demand, through the real providers and refreshes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis

from channels.models import Channel, ChannelStream, Group, Stream
from portals import refreshing, runs
from portals.models import Genre, Portal, PortalKind, Run, RunKind, RunState, Subscription
from portals.pacing import Pace, Pacer
from portals.providers.m3u import M3uProvider
from portals.providers.stalker.provider import StalkerProvider
from portals.providers.xtream import XtreamProvider
from restreamer.lib.errors import RestreamerError
from tests.factories import PortalFactory, SubscriptionFactory
from tests.fakes import xtream_catalogue
from tests.fakes.portal import FakePortal
from tests.fakes.portal_catalogue import catalogue
from tests.fakes.portal_titles import titles
from tests.fakes.portal_wire import js, page
from tests.fakes.web_files import WebFiles
from tests.fakes.xtream_panel import Fault, Line, XtreamPanel
from vod.models import Category, Episode, EpisodeOffer, Movie, MovieOffer, Season, Series, SeriesOffer

pytestmark = pytest.mark.django_db

KINDS = {"live": RunKind.LIVE, "vod": RunKind.VOD}
#: What an owner reads.
SAYS = {
    "half": "would lose .* waits for you",
    "html": "web page|something else than",
    "cut": "overloaded or down|broke off",
    "empty": "empty|no (channel|entry|movie)",
}
STORED = (
    Stream, Channel, ChannelStream, Group, Genre, Movie, MovieOffer, Series, SeriesOffer, Season, Episode,
    EpisodeOffer, Category,
)  # fmt: skip


@dataclass
class Source:
    """A portal, the provider that speaks to it without pausing, and how it is made to fail."""

    portal: Portal
    provider: Callable[[], Any]
    fail: Callable[[str, str], None]


def hurried(redis: Redis, portal: Portal) -> Pacer:
    return Pacer(redis, portal.pk, Pace(spacing_s=0.0, first_wait_s=30.0), jitter=lambda: 0.0)


def stalker(family: str) -> Callable[[ExitStack, Redis], Source]:
    def build(stack: ExitStack, redis: Redis) -> Source:
        fake = stack.enter_context(FakePortal(family, channels=600))
        fake.titles = titles(movies=14 * 40)
        portal = PortalFactory(address=fake.address)
        SubscriptionFactory(portal=portal, mac=next(iter(fake.accounts)))

        def provider() -> StalkerProvider:
            row = Portal.objects.get(pk=portal.pk)
            return StalkerProvider(row, redis, pacer=hurried(redis, row), sleep=lambda seconds: None)

        def fail(kind: str, fault: str) -> None:
            share = {"empty": 0.0, "half": 0.5}.get(fault, 1.0)
            fake.catalogue = catalogue(int(600 * share))
            fake.titles = titles(int(560 * share), 3 if share else 0)
            fake.faults.clear()
            pages = "itv.get_ordered_list" if kind == "live" else "vod.get_ordered_list"
            if fault in ("html", "cut"):
                fake.fault("itv.get_all_channels", page(200, "Login") if fault == "html" else js(False))
                fake.fault(pages, page(200, "Login") if fault == "html" else page(502), skip=29 * (fault == "cut"))

        return Source(portal, provider, fail)

    return build


def xtream(stack: ExitStack, redis: Redis) -> Source:
    whole, offer = xtream_catalogue.large_offer(60, 60), xtream_catalogue.large_offer(60, 60)
    offer.series_categories = [xtream_catalogue.category(21, "Drama")]
    offer.series = [xtream_catalogue.series(2_000_000 + i, f"Series {i}", 21) for i in range(10)]
    panel = stack.enter_context(XtreamPanel(Line("user", "secret"), offer=offer))
    portal = PortalFactory(kind=PortalKind.XTREAM, address=panel.url)
    Subscription.objects.create(portal=portal, login="user", password="secret")

    def provider() -> XtreamProvider:
        row = Portal.objects.get(pk=portal.pk)
        return XtreamProvider(row, pacer=hurried(redis, row))

    def fail(kind: str, fault: str) -> None:
        keep = {"empty": 0, "half": 30}.get(fault, 60)
        offer.channels, offer.movies = whole.channels[:keep], whole.movies[:keep]
        panel.faults.clear()
        if fault in ("html", "cut"):
            for action in ["get_live_streams"] if kind == "live" else ["get_vod_streams", "get_series"]:
                panel.faults[action] = Fault(fault, after=300)

    return Source(portal, provider, fail)


def m3u(stack: ExitStack, redis: Redis) -> Source:
    web = stack.enter_context(WebFiles())
    entries = [
        f'#EXTINF:-1 group-title="All",{name}\nhttp://h.example/{path}\n'
        for i in range(60)
        for name, path in (
            (f"Channel {i}", f"live/u/p/{i}.ts"),
            (f"Film {i} (19{40 + i})", f"movie/u/p/{1000 + i}.mkv"),
            (f"Show S01E{i + 1:02}", f"series/u/p/{2000 + i}.mkv"),
        )
    ]
    whole = "#EXTM3U\n" + "".join(entries)
    portal = PortalFactory(kind=PortalKind.M3U, address=web.put("/list.m3u", whole))

    def fail(kind: str, fault: str) -> None:
        if fault == "cut":
            web.put("/list.m3u", whole, cut_at=len(whole) * 2 // 3)
        else:
            half = "#EXTM3U\n" + "".join(entries[: len(entries) // 2])
            web.put("/list.m3u", {"empty": "#EXTM3U\n", "half": half, "html": "<html><title>Login</title>"}[fault])

    return Source(portal, lambda: M3uProvider(Portal.objects.get(pk=portal.pk)), fail)


BUILDERS = {"stock": stalker("stock"), "panel": stalker("panel"), "xtream": xtream, "m3u": m3u}


@pytest.fixture(params=BUILDERS)
def source(request: pytest.FixtureRequest, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    with ExitStack() as stack:
        made = BUILDERS[request.param](stack, redis)
        monkeypatch.setattr("channels.refresh.provider_for", lambda portal: made.provider())
        monkeypatch.setattr("vod.refresh.vod_provider_for", lambda portal: made.provider())
        yield made


def stored() -> dict[str, list[Any]]:
    """Every row of the catalogue, every column."""
    return {model.__name__: list(model._default_manager.order_by("pk").values_list()) for model in STORED}


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_that_is_not_whole_changes_nothing_and_the_run_says_so(source: Source, kind: str) -> None:
    refreshing.perform(runs.begin(source.portal, KINDS[kind], "test"))
    before = stored()
    assert before["Stream" if kind == "live" else "MovieOffer"]

    for fault in ("half", "html", "cut", "empty"):
        source.fail(kind, fault)
        with pytest.raises(RestreamerError) as caught:
            refreshing.perform(runs.begin(source.portal, KINDS[kind], "test"))

        run = Run.objects.latest("id")
        assert run.state == (RunState.HELD if fault == "half" else RunState.FAILED), fault
        assert run.error == caught.value.message
        assert re.search(SAYS[fault], run.error), (fault, run.error)
        assert stored() == before, fault
