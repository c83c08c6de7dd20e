"""Querysets whose SQL is made once."""

from __future__ import annotations

import pytest

from accounts.models import Viewer
from channels.models import Channel, Lineup
from channels.querysets import ChannelQuerySet
from restreamer.lib.prepared import Prepared
from tests.factories import ChannelFactory, ViewerFactory

pytestmark = pytest.mark.django_db

#: Stands for an id; one that a column cannot hold would be no query at all.
SOME_ID = 2**31 - 1

by_name = Prepared(lambda name: Viewer.objects.filter(name=name), "a name")


def test_it_finds_what_the_queryset_finds_now():
    anna, ben = ViewerFactory(name="anna", notes="100 %s"), ViewerFactory(name="ben")
    assert [by_name("anna"), by_name("ben"), by_name("nobody")] == [[anna], [ben], []]
    Viewer.objects.filter(pk=anna.pk).update(enabled=False)
    (found,) = by_name("anna")
    assert vars(found).keys() == vars(Viewer.objects.get(pk=anna.pk)).keys()
    assert (found.enabled, found.notes, found.created_at) == (False, "100 %s", anna.created_at)


def test_the_sql_is_made_once(django_assert_num_queries):
    made: list[int] = []

    def build(pk: int) -> ChannelQuerySet:
        made.append(pk)
        return Channel.objects.filter(pk=pk)

    query = Prepared(build, SOME_ID)
    channels = [ChannelFactory(), ChannelFactory()]
    with django_assert_num_queries(2):
        assert [query(one.pk) for one in channels] == [[one] for one in channels]
    assert made == [SOME_ID]


def test_values_stand_in_their_places_however_often():
    query = Prepared(lambda pk, name: Channel.objects.filter(name=name).exclude(pk=pk, name=name), SOME_ID, "a name")
    one, other = ChannelFactory(name="News"), ChannelFactory(name="News")
    assert query(one.pk, "News") == [other]


def test_relations_may_be_followed():
    lineups = Prepared(lambda pk: Viewer(pk=pk).lineups.all(), SOME_ID)
    viewer, lineup = ViewerFactory(), Lineup.objects.create(name="Home", slug="home")
    assert lineups(viewer.pk) == []
    viewer.lineups.add(lineup)
    assert lineups(viewer.pk) == [lineup]


def test_a_query_that_hides_its_value_is_no_such_query():
    with pytest.raises(ValueError, match="not every value"):
        Prepared(lambda name: Viewer.objects.filter(name__contains=name), "a name")("anna")
