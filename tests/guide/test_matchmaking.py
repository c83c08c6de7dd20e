"""Pairs are accepted, proposed, and remembered."""

from __future__ import annotations

import pytest

from guide.importer import import_guide
from guide.matchmaking import MATCHER, match, refs_of
from guide.models import Decision, EpgSource, GuideMatch
from guide.records import ChannelFacts, GuideChannelRecord, GuideRef
from guide.wanted import EVERYTHING, hear_channels_from, wanted_now
from tests.guide.feeds import NOW

pytestmark = pytest.mark.django_db


def guide(name: str, *channels: tuple[str, str], **options) -> EpgSource:
    source = EpgSource.objects.create(name=name, address="http://g.example/", **options)
    import_guide(source, [GuideChannelRecord(guide_id, (shown,)) for guide_id, shown in channels], now=NOW)
    return source


def pairs() -> list[tuple[int, str, str]]:
    return list(GuideMatch.objects.order_by("channel_id", "guide_id").values_list("channel_id", "guide_id", "decision"))


def test_the_certain_is_accepted_and_the_likely_proposed():
    source = guide("A", ("BBC1.uk", "BBC One"), ("Dave.uk", "Dave ja vu"))
    report = match(
        [ChannelFacts(1, "UK: BBC 1 HD"), ChannelFacts(2, "UK: DAVE"), ChannelFacts(3, "Nothing like it")], now=NOW
    )
    assert pairs() == [(1, "BBC1.uk", "accepted"), (2, "Dave.uk", "proposed")]
    assert (report.channels, report.accepted, report.proposed, report.without) == (3, 1, 1, 1)
    row = GuideMatch.objects.get(channel_id=1)
    assert (row.decided_by, row.decided_at, row.reason, row.guide_name) == (MATCHER, NOW, "same name", "BBC One")
    assert refs_of([1, 2, 3]) == {1: GuideRef("BBC1.uk", 0, source.pk)}


@pytest.mark.parametrize("asked", [[2, 1, 4], [1, 900_000, 4]])
def test_only_pairs_of_the_channels_asked_for_are_told(asked):
    for channel_id in (1, 3, 4, 900_000):
        GuideMatch.objects.create(channel_id=channel_id, guide_id=f"g{channel_id}", decision=Decision.ACCEPTED)
    assert refs_of(asked) == {pk: GuideRef(f"g{pk}") for pk in asked if pk != 2}


def test_what_was_rejected_never_comes_back():
    guide("A", ("BBC1.uk", "BBC One"))
    match([ChannelFacts(1, "BBC 1")], now=NOW)
    GuideMatch.objects.all().decide(Decision.REJECTED, by="ann", now=NOW)
    report = match([ChannelFacts(1, "BBC 1")], now=NOW)
    assert pairs() == [(1, "BBC1.uk", "rejected")]
    assert report.without == 1


def test_a_decision_is_left_alone():
    guide("A", ("BBC1.uk", "BBC One"), ("BBC2.uk", "BBC Two"))
    GuideMatch.objects.create(channel_id=1, guide_id="BBC2.uk", decision=Decision.ACCEPTED, decided_by="ann")
    assert match([ChannelFacts(1, "BBC 1")], now=NOW).settled == 1
    assert pairs() == [(1, "BBC2.uk", "accepted")]


def test_old_proposals_make_room_for_better_ones():
    guide("A", ("Dave.uk", "Dave ja vu"))
    match([ChannelFacts(1, "DAVE")], now=NOW)
    guide("B", ("DaveHD.uk", "Dave"))
    match([ChannelFacts(1, "DAVE")], now=NOW)
    assert pairs() == [(1, "DaveHD.uk", "accepted")]


def test_a_channel_has_one_guide():
    for guide_id, confidence in (("a", 0.7), ("b", 0.9), ("c", 0.8)):
        GuideMatch.objects.create(channel_id=1, guide_id=guide_id, confidence=confidence)
    GuideMatch.objects.create(channel_id=1, guide_id="no", decision=Decision.REJECTED)
    assert GuideMatch.objects.proposed().decide(Decision.ACCEPTED, by="ann", now=NOW) == 1
    assert pairs() == [(1, "b", "accepted"), (1, "no", "rejected")]


def test_a_newly_accepted_guide_replaces_the_old_one():
    GuideMatch.objects.create(channel_id=1, guide_id="a", decision=Decision.ACCEPTED, decided_by="ann")
    GuideMatch.objects.create(channel_id=1, guide_id="b")
    GuideMatch.objects.filter(guide_id="b").decide(Decision.ACCEPTED, by="ann", now=NOW)
    assert pairs() == [(1, "b", "accepted")]


def test_a_decision_can_be_taken_back():
    GuideMatch.objects.create(channel_id=1, guide_id="a", decision=Decision.REJECTED, decided_by="ann", decided_at=NOW)
    GuideMatch.objects.all().decide(Decision.PROPOSED, by="ann", now=NOW)
    row = GuideMatch.objects.get()
    assert (row.decision, row.decided_by, row.decided_at) == (Decision.PROPOSED, "", None)


def test_disabled_sources_are_not_offered():
    guide("A", ("BBC1.uk", "BBC One"), enabled=False)
    assert match([ChannelFacts(1, "BBC One")], now=NOW).without == 1


def test_statements_grow_with_batches_only(django_assert_max_num_queries):
    guide("A", *((f"c{n}.uk", f"Station {n}") for n in range(300)))
    with django_assert_max_num_queries(10):
        report = match((ChannelFacts(n, f"UK: STATION {n}") for n in range(300)), now=NOW)
    assert report.accepted == 300


def test_what_is_wanted_is_what_channels_carry_and_what_was_accepted():
    GuideMatch.objects.create(channel_id=1, guide_id="BBC1.uk", decision=Decision.ACCEPTED)
    GuideMatch.objects.create(channel_id=2, guide_id="no.uk", decision=Decision.PROPOSED)
    stop_hearing = hear_channels_from(lambda: [ChannelFacts(3, "Three", guide_id="Three.uk"), ChannelFacts(4, "Four")])
    try:
        assert wanted_now().keys == {"bbc1.uk", "three.uk"}
    finally:
        stop_hearing()


def test_everything_is_wanted_while_nobody_tells_of_channels(monkeypatch):
    monkeypatch.setattr("guide.wanted._feeds", [])
    assert wanted_now() is EVERYTHING
