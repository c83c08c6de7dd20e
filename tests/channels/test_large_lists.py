"""Lists of a hundred thousand channels: what decides whether a page of them is quick."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from channels.models import Channel
from tests.factories import ChannelFactory, LinkFactory, StreamFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/channels/channel/"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL decides by what it has counted")
@pytest.mark.parametrize(("rows", "index"), [("enabled", "channel_playlist"), ("all", "channel_in_order")])
def test_channels_come_in_order_without_being_sorted(rows: str, index: str) -> None:
    plan = getattr(Channel.objects, rows)().order_by("number", "name", "id")[:50].explain()
    assert index in plan
    assert "TEMP B-TREE" not in plan


def test_a_search_finds_names_guide_ids_and_streams_each_channel_once(admin_client: Client) -> None:
    for name, guide_id, streams in (("Eins", "", ("First HD", "First SD")), ("Zwei", "first.de", ()), ("Drei", "", ())):
        channel = ChannelFactory(name=name, guide_id=guide_id)
        for stream in streams:
            LinkFactory(channel=channel, stream=StreamFactory(name=stream))
    found = admin_client.get(LIST, {"q": "first"}).context["cl"]
    assert sorted(channel.name for channel in found.result_list) == ["Eins", "Zwei"]
    assert found.result_count == 2
    assert [channel.name for channel in admin_client.get(LIST, {"q": "first hd"}).context["cl"].result_list] == ["Eins"]


def test_channels_are_filtered_by_quality(admin_client: Client) -> None:
    for name in ("Eins HD", "Zwei UHD", "Drei"):
        ChannelFactory(name=name)
    for value, names in (("hd", ["Eins HD"]), ("uhd", ["Zwei UHD"]), ("none", ["Drei"])):
        page = admin_client.get(LIST, {"quality": value})
        assert [channel.name for channel in page.context["cl"].result_list] == names
