"""The list of channels: narrowed down, searched, as many rows as wanted."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from channels.models import Channel
from tests.factories import ChannelFactory, GroupFactory, LinkFactory

pytestmark = pytest.mark.django_db
LISTING = "admin:channels_channel_changelist"


def answer(client, **query):
    got = client.get(reverse(LISTING), query)
    assert got.status_code == 200
    return got


def shown(client, **query) -> set[str]:
    return {channel.name for channel in answer(client, **query).context["cl"].result_list}


def test_one_group_or_those_in_none(admin_client):
    sport = GroupFactory(name="Sport")
    ChannelFactory(name="Goal", group=sport)
    ChannelFactory(name="Lost")
    assert shown(admin_client, group__id__exact=sport.pk) == {"Goal"}
    assert shown(admin_client, group__id__exact="none") == {"Lost"}
    assert shown(admin_client) == {"Goal", "Lost"}


def test_by_portal_country_quality_and_shown_or_not(admin_client):
    link = LinkFactory(channel__name="DE: Eins HD")
    ChannelFactory(name="UK: Two FHD", enabled=False)
    ChannelFactory(name="Plain")
    assert shown(admin_client, portal=link.stream.portal_id) == {"DE: Eins HD"}
    assert shown(admin_client, country="de") == {"DE: Eins HD"}
    assert shown(admin_client, country="none") == {"Plain"}
    assert shown(admin_client, quality="fhd") == {"UK: Two FHD"}
    assert shown(admin_client, enabled__exact="0") == {"UK: Two FHD"}
    assert shown(admin_client, country="de", quality="fhd") == set()
    assert "country=de" in answer(admin_client).content.decode()


def test_search_finds_name_number_guide_id_and_the_names_of_streams(admin_client):
    ChannelFactory(name="News", number=42, guide_id="news.example")
    ChannelFactory(name="Films", number=142)
    LinkFactory(channel__name="Sport", channel__number="7.1", stream__name="Arena 3")
    for asked, found in {
        "new": {"News"},
        "42": {"News"},
        "7.1": {"Sport"},
        "7": set(),
        "news.example": {"News"},
        "arena": {"Sport"},
        "42 news": {"News"},
        "99999999999": set(),
        "1.234": set(),
    }.items():
        assert shown(admin_client, q=asked) == found, asked


def test_a_page_has_as_many_rows_as_chosen_and_keeps_what_was_searched(admin_client):
    ChannelFactory.create_batch(60)
    assert len(shown(admin_client)) == 50
    assert len(shown(admin_client, rows="25")) == 25
    assert len(shown(admin_client, rows="100")) == 60
    assert len(shown(admin_client, rows="100000")) == 50
    assert len(shown(admin_client, rows="x")) == 50
    page = answer(admin_client, q="Channel", rows="25")
    assert not page.context["cl"].has_active_filters
    (hundred,) = re.findall(r'href="(\?[^"]*rows=100)"', page.content.decode())
    assert "q=Channel" in hundred
    (second,) = set(re.findall(r'href="(\?[^"]*p=2[^"]*)"', page.content.decode()))
    assert "rows=25" in second


def test_all_rows_of_a_middling_list_come_on_one_page(admin_client):
    ChannelFactory.create_batch(210)
    assert Channel.objects.count() == 210
    assert len(shown(admin_client, all="")) == 210
