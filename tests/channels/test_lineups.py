"""Lineups as querysets: each filter is a word, hand picks win, numbers and order are the lineup's."""

from __future__ import annotations

import pytest

from channels.admin.lineup import copy_lineup
from channels.models import Channel, Lineup, LineupEntry
from guide.models import GuideMatch
from guide.models.match import Decision
from tests.factories import GenreFactory, GroupFactory, LinkFactory, PortalFactory, StreamFactory

pytestmark = pytest.mark.django_db


def make(**filters):
    return Lineup.objects.create(name="L", slug="l", **filters)


def held(lineup):
    return [channel.name for channel in Channel.objects.in_lineup(lineup).in_lineup_order(lineup)]


@pytest.fixture
def three():
    return [
        LinkFactory(channel__name=name, channel__number=number).channel
        for name, number in [("DE: Erste HD", 1), ("UK: First", 2), ("AT: Eins FHD", 3)]
    ]


def test_a_lineup_without_filters_holds_everything(three):
    assert held(make()) == ["DE: Erste HD", "UK: First", "AT: Eins FHD"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"country": "de, AT"}, ["DE: Erste HD", "AT: Eins FHD"]),
        ({"quality": "hd"}, ["DE: Erste HD", "AT: Eins FHD"]),
        ({"quality": "fhd"}, ["AT: Eins FHD"]),
        ({"text": "first"}, ["UK: First"]),
        ({"kind": "radio"}, []),
        ({"kind": "tv", "country": "de"}, ["DE: Erste HD"]),
        ({"favourites": True}, []),
        ({"with_guide": True}, []),
        ({"only_picks": True}, []),
    ],
)
def test_each_filter_is_a_word(three, filters, names):
    assert held(make(**filters)) == names


def test_portal_genre_and_group_are_filters(three):
    portal, group = PortalFactory(), GroupFactory(name="Sport")
    stream = StreamFactory(portal=portal, genre=GenreFactory(portal=portal))
    here = LinkFactory(stream=stream, channel__name="Here", channel__group=group).channel
    for word, value in (("portals", portal), ("genres", stream.genre), ("groups", group)):
        lineup = Lineup.objects.create(name=word, slug=word)
        getattr(lineup, word).add(value)
        assert held(lineup) == [here.name], word


def test_a_matched_guide_counts_as_a_guide(three):
    GuideMatch.objects.create(channel_id=three[1].pk, guide_id="first.uk", decision=Decision.ACCEPTED)
    GuideMatch.objects.create(channel_id=three[2].pk, guide_id="eins.at", decision=Decision.PROPOSED)
    assert held(make(with_guide=True)) == ["UK: First"]


def test_hand_picks_are_in_and_exclusions_out_whatever_the_filters_say(three):
    lineup = make(country="de")
    LineupEntry.objects.create(lineup=lineup, channel=three[1])
    LineupEntry.objects.create(lineup=lineup, channel=three[0], choice="out")
    assert held(lineup) == ["UK: First"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("number", ["DE: Erste HD", "UK: First", "AT: Eins FHD"]),
        ("name", ["AT: Eins FHD", "DE: Erste HD", "UK: First"]),
        ("hand", ["AT: Eins FHD", "UK: First", "DE: Erste HD"]),
    ],
)
def test_the_order_is_the_lineups(three, order, names):
    lineup = make(order=order)
    LineupEntry.objects.create(lineup=lineup, channel=three[2], position=0)
    LineupEntry.objects.create(lineup=lineup, channel=three[1], position=1)
    assert held(lineup) == names


def test_by_group_follows_the_groups_own_order(three):
    three[0].group, three[2].group = GroupFactory(name="A", position=2), GroupFactory(name="B", position=1)
    for channel in three:
        channel.save()
    assert held(make(order="group")) == ["AT: Eins FHD", "DE: Erste HD", "UK: First"]


def numbers(lineup):
    return [channel.shown_number for channel in Channel.objects.in_lineup(lineup).in_lineup_order(lineup)]


def test_an_entry_gives_a_channel_another_number_here(three):
    lineup = make()
    LineupEntry.objects.create(lineup=lineup, channel=three[0], number="100.5")
    assert numbers(lineup) == ["2", "3", "100.5"]
    assert three[0].shown_number == "1", "elsewhere it keeps its own"


def test_a_lineup_may_count_on_from_a_number(three):
    assert numbers(make(numbering="count", first_number=500, order="name")) == ["500", "501", "502"]


def test_quality_and_country_follow_a_new_name(three):
    three[1].name = "FR: Une 4K"
    three[1].save(update_fields=["name"])
    three[1].refresh_from_db()
    assert (three[1].quality, three[1].country) == ("uhd", "fr")


def test_a_part_of_the_world_is_a_country_too(three):
    three[0].name = "Uno [LATAM]"
    three[0].save()
    assert held(make(country="latam")) == ["Uno [LATAM]"]


def test_a_copy_holds_the_same_under_another_name(three):
    lineup = make(country="de")
    LineupEntry.objects.create(lineup=lineup, channel=three[1])
    copies = [copy_lineup(lineup), copy_lineup(lineup)]
    assert [held(copy) for copy in copies] == [held(lineup)] * 2
    assert [copy.name for copy in copies] == ["L copy", "L copy 2"]


def test_membership_costs_few_queries_however_many_channels(three, django_assert_num_queries):
    lineup = make(country="de")
    with django_assert_num_queries(4):
        held(lineup)
