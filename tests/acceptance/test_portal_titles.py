"""A Stalker portal's movies and series, from the fake to stored rows; what fails half-way changes nothing."""

from __future__ import annotations

import pytest

from portals import refreshing, runs
from portals.errors import PortalError
from portals.models import Portal, Run, RunKind, RunState
from portals.providers.registry import provider_for, vod_provider_for
from tests.factories import PortalFactory, SubscriptionFactory
from tests.fakes.portal import FakePortal
from tests.fakes.portal_titles import titles
from tests.fakes.portal_wire import js, page, raw
from vod.models import MovieOffer, SeriesOffer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


def refresh(portal: Portal) -> Run:
    return refreshing.perform(runs.begin(portal, RunKind.VOD, "test"))


def stored() -> list[tuple[object, ...]]:
    return [
        *MovieOffer.objects.order_by("pk").values_list("provider_id", "name", "cmd", "stale_since"),
        *SeriesOffer.objects.order_by("pk").values_list("provider_id", "name", "stale_since"),
    ]


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_a_portals_titles_are_stored_and_stay_when_it_fails(family):
    with FakePortal(family) as fake:
        fake.titles = titles(movies=45)
        portal = PortalFactory(address=fake.address, slug="home")
        SubscriptionFactory(portal=portal, mac=next(iter(fake.accounts)))

        assert refresh(portal).state == RunState.DONE

        listed = 45 + (1 if family == "stock" else 0)
        assert (MovieOffer.objects.count(), SeriesOffer.objects.count()) == (listed, 4)
        # Four pages of both kinds at stock; at a panel four of movies, one of series; categories once each.
        asked = [name for _at, name in fake.requests if name.startswith(("vod.", "series."))]
        assert len(asked) == (6 if family == "stock" else 7)
        assert fake.parallel_peak == 1
        before = stored()

        half = js({"total_items": "60", "max_page_items": 14, "data": []})
        for on, answer in (
            ("vod.get_ordered_list", raw('{"js":{"data":[{"id":')),
            ("vod.get_ordered_list", page(200, "Please sign in")),
            ("vod.get_ordered_list", half),
            ("vod.get_categories", page(404)),
        ):
            fake.fault(on, answer, skip=2 if "ordered" in on else 0)
            with pytest.raises(PortalError) as caught:
                refresh(portal)
            assert Run.objects.latest("id").error == caught.value.message
            assert stored() == before
            fake.faults.clear()


def test_every_stored_title_can_be_played():
    with FakePortal("stock") as fake:
        fake.titles = titles(movies=3)
        portal = PortalFactory(address=fake.address, slug="home")
        subscription = SubscriptionFactory(portal=portal, mac=next(iter(fake.accounts)))
        refresh(portal)

        provider, player = vod_provider_for(portal), provider_for(portal)
        for offer in MovieOffer.objects.all():
            player.play_url(subscription, offer.provider_id, offer.cmd, offer.provider_data)
        for series in SeriesOffer.objects.all():
            episode = provider.series_details(series.provider_id, series.provider_data).episodes[-1]
            player.play_url(subscription, episode.provider_id, episode.cmd, episode.provider_data)

        played = {name for name, _number in fake.vod_links}
        assert played == {"1", "2", "3", "file_7001", "600", "file_9110216", "file_9120216", "file_9130216"}
