"""Whoever writes to a part of the catalogue raises its number, whatever way they write."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from channels.models import Channel, Group
from portals import bulk
from restreamer.lib import versions
from tests.factories import ChannelFactory, GroupFactory, ViewerFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _listening():
    versions.listen()
    connection.close()
    connection.ensure_connection()


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        ('INSERT INTO "channels_channel" ("id") VALUES (%s)', "live"),
        ('insert or ignore into "guide_guidematch" ("id") values (1)', "live"),
        ('UPDATE "guide_programme" SET "title" = 1', "guide"),
        ('  DELETE FROM "vod_movie" WHERE 1', "vod"),
        ('UPDATE "accounts_viewer_lineups" SET "id" = 1', "people"),
        ('SELECT * FROM "channels_channel"', ""),
        ('UPDATE "portals_run" SET "state" = 1', ""),
        ('UPDATE "portals_subscription" SET "state" = 1', ""),
        ("", ""),
    ],
)
def test_a_statement_belongs_to_a_part_or_to_none(sql, part):
    assert versions.part_of(sql) == part


def test_each_way_of_writing_raises_the_number():
    channel, group = ChannelFactory(), GroupFactory()
    seen = {versions.current(["live"])}
    for write in (
        lambda: channel.save(),
        lambda: Channel.objects.filter(pk=channel.pk).update(name="B"),
        lambda: Group.objects.bulk_create([Group(name="C")]),
        lambda: bulk.assign(Group, "name", [("D", group.pk)]),
        lambda: group.delete(),
    ):
        write()
        seen.add(versions.current(["live"]))
    assert len(seen) == 6


def test_reading_and_other_parts_change_nothing():
    ChannelFactory()
    before, people = versions.current(["live"]), versions.current(["people"])
    list(Channel.objects.all())
    ViewerFactory()
    assert versions.current(["live"]) == before
    assert versions.current(["people"]) != people


def test_a_redis_that_forgot_does_not_count_through_old_numbers(redis):
    ChannelFactory()
    before = versions.current(["live"])
    redis.flushall()
    ChannelFactory()
    assert abs(int(versions.current(["live"])) - int(before)) > 1000


def test_a_transaction_counts_once_and_only_when_it_commits():
    before = int(versions.current(["live"]))
    with transaction.atomic():
        for _ in range(3):
            GroupFactory()
        assert int(versions.current(["live"])) == before
    assert int(versions.current(["live"])) == before + 1
    with transaction.atomic():
        GroupFactory()
        transaction.set_rollback(True)
    assert int(versions.current(["live"])) == before + 1


def test_what_redis_could_not_be_told_it_is_told_later(settings, redis_server):
    before = int(versions.current(["live"]))
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    GroupFactory()
    settings.REDIS_URL = redis_server
    assert int(versions.current(["live"])) == before + 1
