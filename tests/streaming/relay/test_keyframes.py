"""Where a viewer begins."""

from __future__ import annotations

from streaming.relay.keyframes import EntryPoint, KeyframeIndex


def index(*arrivals: float) -> KeyframeIndex:
    made = KeyframeIndex()
    for number, arrived_at in enumerate(arrivals):
        made.add(EntryPoint(number * 1880, b"tables", arrived_at))
    return made


def begins_at(made: KeyframeIndex, now: float, behind_s: float) -> float | None:
    entry = made.join_point(now, behind_s)
    return entry.arrived_at if entry else None


def test_without_entries_there_is_no_place() -> None:
    assert begins_at(index(), 10, 3) is None


def test_the_newest_that_is_old_enough_is_taken() -> None:
    assert begins_at(index(1, 3, 5, 7, 9), 10, 3) == 7


def test_when_all_are_too_young_the_oldest_is_taken() -> None:
    assert begins_at(index(8, 9), 10, 3) == 8


def test_without_a_distance_the_newest_is_taken() -> None:
    assert begins_at(index(1, 9.5), 10, 0) == 9.5


def test_what_the_ring_forgot_is_no_place_any_more() -> None:
    made = index(1, 2, 3)
    made.forget_before(1881)
    assert (len(made), begins_at(made, 10, 100)) == (1, 3)
