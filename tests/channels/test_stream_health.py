"""A stream's score as it is kept: decay, hysteresis, words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.merging import rank_streams
from channels.stream_health import WORDS, StreamHealth, decayed, is_demoted
from streaming.mpegts.health import DAMAGES
from tests.factories import ChannelFactory, LinkFactory, PortalFactory

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


@given(st.floats(0, 100), st.floats(0, 1e6))
def test_a_bad_score_is_forgotten_by_and_by(old, age):
    assert old - 1e-9 <= decayed(old, age) <= 100
    assert decayed(0, 1800) == pytest.approx(50)


@pytest.mark.parametrize(
    ("score", "was", "demoted"),
    [
        (100, False, False),
        (40, False, False),
        (39.9, False, True),
        (40, True, True),
        (59.9, True, True),
        (60, True, False),
    ],
)
def test_a_stream_is_demoted_when_bad_and_welcome_when_clearly_better(score, was, demoted):
    assert is_demoted(score, was=was) is demoted


def test_what_is_not_watched_any_more_is_welcome_again_after_a_while():
    row = StreamHealth(score=30, scored_at=AT, demoted=True)
    assert row.demoted_at(AT + timedelta(minutes=20))
    assert not row.demoted_at(AT + timedelta(minutes=30))


def test_every_damage_has_words():
    assert set(WORDS) == set(DAMAGES)


def test_the_score_is_told_with_its_parts_worst_first():
    row = StreamHealth(
        score=30, scored_at=AT, demoted=True, parts={"late_pcrs_per_m": 5.0, "losses_per_k": 60.0}, fault="reset",
        fault_at=AT, width=1920, height=1080, picture="h264", sound="aac", bitrate_bps=8_200_000, keyframe_interval_s=2,
    )  # fmt: skip
    assert row.in_words(AT + timedelta(minutes=3)) == (
        "35 of 100; tried after the channel's other streams; packets are lost (−60); its clock comes late (−5); "
        "last lost 3 min ago (reset); measured 3 min ago"
    )
    assert row.properties == "1920×1080 h264, aac, 8.2 Mbit/s, a keyframe every 2.0 s"


@pytest.mark.django_db
def test_streams_are_ranked_by_the_picture_that_was_measured_before_their_names():
    channel, portal = ChannelFactory(), PortalFactory()
    uhd = LinkFactory(channel=channel, rank=0, stream__portal=portal, stream__name="News UHD").stream
    plain = LinkFactory(channel=channel, rank=1, stream__portal=portal, stream__name="News").stream
    StreamHealth.objects.create(stream=uhd, scored_at=AT, height=480)
    StreamHealth.objects.create(stream=plain, scored_at=AT, height=1080)
    rank_streams(channel)
    assert [link.stream for link in channel.links.order_by("rank")] == [plain, uhd]
