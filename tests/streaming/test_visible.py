"""What a viewer sees: lineups, kinds, adult marks; one queryset for lists and for watching."""

from __future__ import annotations

import pytest

from accounts.models import AdultView
from channels.models import Lineup, LineupEntry
from streaming.errors import ChannelUnknown, LineupUnknown
from streaming.visible import Sight
from tests.factories import LinkFactory, ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def news():
    return LinkFactory(channel__name="News", channel__number=1).channel


@pytest.fixture
def sport():
    return LinkFactory(channel__name="Sport HD", channel__number=2).channel


@pytest.fixture
def late():
    return LinkFactory(channel__name="Late", channel__number=3, channel__adult=True).channel


def names(sight, lineup=None):
    return [channel.name for channel in sight.channels(lineup)]


def test_without_lineups_everything_shown_is_seen(news, sport, late):
    assert names(Sight(ViewerFactory())) == ["News", "Sport HD"]


def test_with_lineups_only_what_they_hold(news, sport):
    viewer = ViewerFactory()
    lineup = Lineup.objects.create(name="HD", slug="hd", quality="hd")
    viewer.lineups.add(lineup)
    assert names(Sight(viewer)) == ["Sport HD"]
    assert Sight(viewer).channel(sport.pk) == sport
    with pytest.raises(ChannelUnknown):
        Sight(viewer).channel(news.pk)


def test_several_lineups_are_seen_together(news, sport, late):
    viewer = ViewerFactory(adult=AdultView.SHOWN)
    viewer.lineups.add(Lineup.objects.create(name="HD", slug="hd", quality="hd"))
    picks = Lineup.objects.create(name="Picks", slug="picks", only_picks=True)
    LineupEntry.objects.create(lineup=picks, channel=late)
    viewer.lineups.add(picks)
    assert names(Sight(viewer)) == ["Sport HD", "Late"]


def test_another_viewers_lineup_is_unknown(news):
    Lineup.objects.create(name="Other", slug="other")
    viewer = ViewerFactory()
    viewer.lineups.add(Lineup.objects.create(name="Mine", slug="mine"))
    assert Sight(viewer).lineup("mine").name == "Mine"
    with pytest.raises(LineupUnknown):
        Sight(viewer).lineup("other")
    assert Sight(ViewerFactory()).lineup("other").name == "Other", "who sees everything may name any"


def test_adult_channels_are_neither_listed_nor_played_unless_shown(late):
    hidden, shown = ViewerFactory(), ViewerFactory(adult=AdultView.SHOWN)
    with_pin = ViewerFactory(adult=AdultView.PIN)
    assert names(Sight(hidden)) == []
    with pytest.raises(ChannelUnknown):
        Sight(hidden).channel(late.pk)
    assert names(Sight(shown)) == names(Sight(with_pin, pin_given=True)) == ["Late"]
    assert names(Sight(with_pin)) == []


def test_who_has_no_live_television_sees_none(news):
    sight = Sight(ViewerFactory(with_live=False))
    assert names(sight) == []
    with pytest.raises(ChannelUnknown):
        sight.channel(news.pk)


@pytest.mark.parametrize("channel_id", [0, 2**31, 10**30])
def test_ids_that_are_none_are_unknown(channel_id):
    with pytest.raises(ChannelUnknown):
        Sight(ViewerFactory()).channel(channel_id)
