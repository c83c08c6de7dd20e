"""How long a channel that does not start is left alone."""

from __future__ import annotations

import pytest

from streaming.cooling import FIRST_S, FORGIVE_S, LONGEST_S, Cooling
from streaming.errors import NothingToPlay
from streaming.failover import Candidate

OFFER = frozenset({Candidate(1, 1), Candidate(1, 2)})


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cooling(clock: Clock) -> Cooling:
    return Cooling(clock)


def rest_s(cooling: Cooling, offer: frozenset[Candidate] = OFFER) -> float:
    """How long the channel is left alone, 0 = not at all."""
    try:
        cooling.check("channel:1", offer)
    except NothingToPlay as err:
        return err.retry_after_s or float("nan")
    return 0.0


def fail(cooling: Cooling, times: int = 1) -> None:
    for _ in range(times):
        cooling.failed("channel:1", OFFER, NothingToPlay("News: gone.", retry_after_s=1.0))


def test_what_never_failed_is_tried(cooling: Cooling) -> None:
    assert rest_s(cooling) == 0


def test_what_has_just_failed_is_left_alone_for_a_moment_and_says_why(cooling: Cooling, clock: Clock) -> None:
    fail(cooling)
    with pytest.raises(NothingToPlay, match="News: gone"):
        cooling.check("channel:1", OFFER)
    assert rest_s(cooling) == FIRST_S
    clock.now += FIRST_S
    assert rest_s(cooling) == 0


def test_it_is_left_alone_twice_as_long_each_time_within_bounds(cooling: Cooling) -> None:
    fail(cooling, 2)
    assert rest_s(cooling) == 2 * FIRST_S
    fail(cooling, 50)
    assert rest_s(cooling) == LONGEST_S


def test_other_channels_and_other_offers_are_tried(cooling: Cooling) -> None:
    fail(cooling)
    cooling.check("channel:2", OFFER)
    assert rest_s(cooling, OFFER | {Candidate(2, 3)}) == 0
    assert rest_s(cooling, frozenset({Candidate(1, 1, preferred=True), Candidate(1, 2)})) == 0


def test_what_played_or_was_quiet_for_long_is_forgiven(cooling: Cooling, clock: Clock) -> None:
    fail(cooling, 5)
    cooling.played("channel:1")
    fail(cooling)
    assert rest_s(cooling) == FIRST_S
    fail(cooling, 4)
    clock.now += FORGIVE_S
    fail(cooling)
    assert rest_s(cooling) == FIRST_S
