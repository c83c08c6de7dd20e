"""From measurements to the order of candidates."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone
from redis import Redis

from channels.models import Channel, StreamHealth
from portals.models import Portal
from restreamer.lib import redis_keys
from streaming import scoring
from streaming.candidates import candidates_for, channel_key
from streaming.relay.checkup import Measurement
from tests.factories import PortalFactory, SubscriptionFactory
from tests.streaming.openers import channel_on, names

pytestmark = pytest.mark.django_db


@pytest.fixture
def portals() -> list[Portal]:
    return [SubscriptionFactory(portal=PortalFactory()).portal for _ in range(3)]


@pytest.fixture
def channel(portals: list[Portal]) -> Channel:
    """Three streams on three portals."""
    return channel_on(*portals)


def measure(redis: Redis, *measured: Measurement) -> None:
    redis.rpush(redis_keys.MEASURED, *(json.dumps(asdict(one)) for one in measured))
    scoring.keep_scores(redis)


def order(channel: Channel) -> list[str]:
    return [one.stream.provider_id for one in candidates_for(channel_key(channel.pk))]


def test_a_stream_gets_its_row_and_keeps_what_is_known_of_it(redis: Redis, channel: Channel) -> None:
    stream, now = channel.links.first().stream, timezone.now().timestamp()
    full = Measurement(
        stream.pk, now - 60, 30.0, 90.0, {"losses_per_k": 10.0}, "", 1920, 1080, "h264", "aac", 8_000_000, 2.0
    )
    measure(redis, full, Measurement(stream.pk, now - 30, 300.0, 0.0, {}, "reset"), Measurement(987654, now, 30.0, 1.0))
    row = StreamHealth.objects.get()
    assert (row.height, row.picture, row.fault, row.parts) == (1080, "h264", "reset", {"losses_per_k": 10.0})
    assert row.score == pytest.approx(49.5, abs=0.5)
    assert (row.measured_s, row.demoted) == (30.0, False)


def test_the_same_measurements_give_the_same_score(redis: Redis, channel: Channel) -> None:
    scores = []
    for link in channel.links.all():
        rows = [Measurement(link.stream_id, 1e9 + 30 * n, 30.0, 100 - 3 * n) for n in range(10)]
        measure(redis, *rows)
        scores.append(StreamHealth.objects.get(stream=link.stream_id).score)
    assert len(set(scores)) == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The curator's order stands as long as nothing is really bad, however the scores differ.
        ({}, "abc"),
        ({0: (41.0, False), 1: (100.0, False)}, "abc"),
        # A bad one comes after the others, whose order stays.
        ({0: (39.0, True)}, "bca"),
        ({0: (39.0, True), 2: (10.0, True)}, "bac"),
        ({0: (10.0, True), 1: (10.0, True), 2: (10.0, True)}, "abc"),
        # Hysteresis: one that was bad must become clearly better.
        ({0: (55.0, True)}, "bca"),
        ({0: (55.0, False)}, "abc"),
        ({0: (61.0, True)}, "abc"),
    ],
)
def test_bad_streams_are_tried_last(channel: Channel, rows: dict[int, tuple[float, bool]], expected: str) -> None:
    known = dict(zip("abc", names(channel), strict=True))
    links = list(channel.links.order_by("rank"))
    for place, (score, demoted) in rows.items():
        StreamHealth.objects.create(stream=links[place].stream, score=score, demoted=demoted, scored_at=timezone.now())
    assert order(channel) == [known[letter] for letter in expected]


def test_the_order_costs_no_query_per_stream(channel: Channel, django_assert_num_queries) -> None:
    StreamHealth.objects.create(stream=channel.links.first().stream, scored_at=timezone.now())
    with django_assert_num_queries(2):
        order(channel)


def test_two_faults_in_a_row_demote_and_one_does_not(redis: Redis, channel: Channel) -> None:
    first, now = channel.links.order_by("rank").first().stream, timezone.now().timestamp()
    before = order(channel)
    measure(redis, Measurement(first.pk, now - 60, 300.0, 0.0, {}, "reset"))
    assert order(channel) == before
    measure(redis, Measurement(first.pk, now - 30, 300.0, 0.0, {}, "ended"))
    assert order(channel) == [*before[1:], before[0]]


def test_pages_show_the_score_in_words(admin_client, channel: Channel) -> None:
    stream = channel.links.order_by("rank").first().stream
    StreamHealth.objects.create(
        stream=stream, score=50, scored_at=datetime.now(UTC), parts={"stalled_share": 30.0}, height=720, width=1280
    )
    for page in (
        reverse("admin:channels_stream_change", args=[stream.pk]),
        reverse("admin:channels_channel_change", args=[channel.pk]),
    ):
        text = admin_client.get(page).content.decode()
        assert "50 of 100; it stalls (−30)" in text
        assert "1280×720" in text
