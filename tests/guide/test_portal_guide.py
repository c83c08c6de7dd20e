"""From a portal that tells its own guide to stored broadcasts: Stalker in both families, and Xtream logins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from guide import wanted
from guide.errors import GuideEmpty
from guide.models import EpgSource, GuideMatch, Programme, SourceKind
from guide.records import ChannelFacts
from guide.refresh import refresh
from guide.wanted import hear_channels_from
from portals.errors import PortalError
from portals.models import Portal, PortalKind
from tests.factories import PortalFactory, SubscriptionFactory
from tests.fakes.portal import FakePortal
from tests.fakes.portal_wire import js, page
from tests.fakes.xtream_panel import Line, XtreamPanel

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
FAMILIES = pytest.mark.parametrize("family", ["stock", "panel"])


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ChannelFacts]]:
    """The channels viewers see; nobody else tells of any."""
    monkeypatch.setattr(wanted, "_feeds", [])
    channels: list[ChannelFacts] = []
    stop_hearing = hear_channels_from(lambda: list(channels))
    yield channels
    stop_hearing()


def stalker_at(fake: FakePortal, **fields: str) -> tuple[Portal, EpgSource]:
    portal = PortalFactory(address=fake.address, slug="home", **fields)
    SubscriptionFactory(portal=portal, mac=next(iter(fake.accounts)))
    return portal, EpgSource.objects.create(name="P", kind=SourceKind.PORTAL, portal=portal)


def hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def on_at(moment: datetime) -> list[tuple[str, str]]:
    live = Programme.objects.filter(channel__generation=F("channel__source__live_generation"))
    rows = live.filter(start__lte=moment, stop__gt=moment)
    return sorted(rows.values_list("channel__xmltv_id", "title"))


@FAMILIES
@pytest.mark.parametrize("zone", ["", "America/New_York"])
def test_a_portals_guide_is_stored_in_true_time_for_the_channels_viewers_see(ours, family, zone):
    ours.append(ChannelFacts(1, "Five", own_ids=("5.home",)))
    with FakePortal(family) as fake:
        _portal, source = stalker_at(fake, time_zone=zone)
        now = datetime.now(UTC)
        refresh(source, now=now)
    assert on_at(now) == [("5.home", f"Show 5 at {hour(now):%d %H} & more")]
    # No person was needed to say whose guide it is.
    pair = GuideMatch.objects.get(channel_id=1)
    assert (pair.guide_id, pair.decision) == ("5.home", "accepted")


@FAMILIES
def test_what_is_over_stays_for_those_who_watch_the_archive(ours, family):
    ours.append(ChannelFacts(1, "Five", own_ids=("5.home",)))
    with FakePortal(family) as fake:
        _portal, source = stalker_at(fake)
        now = datetime.now(UTC)
        refresh(source, now=now)
        long_ago = hour(now) - timedelta(hours=20)
        channel = source.channels.live().get(xmltv_id="5.home")
        Programme.objects.create(channel=channel, start=long_ago, stop=long_ago + timedelta(hours=1), title="Old")
        refresh(source, now=now)
    assert on_at(long_ago) == [("5.home", "Old")]
    assert len(on_at(now)) == 1


@FAMILIES
def test_a_portal_that_fails_or_falls_silent_leaves_the_guide(ours, family):
    ours.append(ChannelFacts(1, "Five", own_ids=("5.home",)))
    with FakePortal(family) as fake:
        _portal, source = stalker_at(fake)
        now = datetime.now(UTC)
        refresh(source, now=now)
        before = on_at(now)
        for answer, kind in ((js({"data": []}), GuideEmpty), (page(404), PortalError)):
            for action in ("itv.get_epg_info", "itv.get_short_epg"):
                fake.fault(action, answer)
            with pytest.raises(kind):
                refresh(source, now=now)
            fake.faults.clear()
            assert on_at(now) == before


def test_a_panels_guide_costs_a_question_per_channel_viewers_see(ours):
    ours.extend(ChannelFacts(n, f"C{n}", own_ids=(f"{n}.home", f"{n}.elsewhere")) for n in (5, 7))
    with FakePortal("panel") as fake:
        _portal, source = stalker_at(fake)
        refresh(source, now=datetime.now(UTC))
        assert fake.count("itv.get_short_epg") == 2


def test_a_radio_station_that_viewers_hear_costs_the_others_no_guide(ours):
    ours.extend([ChannelFacts(5, "C5", own_ids=("5.home",)), ChannelFacts(6, "Radio", own_ids=("radio:1.home",))])
    with FakePortal("panel") as fake:
        _portal, source = stalker_at(fake)
        refresh(source, now=datetime.now(UTC))
        assert fake.count("itv.get_short_epg") == 1
    assert Programme.objects.exists()


def test_an_xtream_logins_guide_is_stored_from_the_first_that_answers(ours):
    ours.append(ChannelFacts(1, "One", guide_id="channel1001.example"))
    with XtreamPanel(Line("good", "secret")) as panel:
        portal = PortalFactory(kind=PortalKind.XTREAM, address=f"http://127.0.0.1:9 {panel.url}")
        for rank, (login, password) in enumerate((("gone", "x"), ("good", "secret"))):
            SubscriptionFactory(portal=portal, mac="", login=login, password=password, rank=rank)
        source = EpgSource.objects.create(name="X", kind=SourceKind.XTREAM, portal=portal)
        now = datetime.now(UTC)
        refresh(source, now=now)
    assert on_at(now) == [("channel1001.example", "Show 0")]
