"""Paced requests: never more than two at once, spaced, and silent while the portal wants it."""

from __future__ import annotations

import threading
import time

import pytest

from portals.errors import PortalThrottled
from portals.pacing import Pace, Pacer
from restreamer.lib import redis_keys


def pacer(redis, pace: Pace | None = None, **options) -> Pacer:
    options.setdefault("jitter", lambda: 0.0)
    return Pacer(redis, 7, pace or Pace(spacing_s=0.0), **options)


def test_never_more_than_two_at_once_over_many_askers(redis):
    lock = threading.Lock()
    under_way = peak = 0

    def ask() -> None:
        nonlocal under_way, peak
        # A pacer of its own each: only Redis is shared, as between processes.
        with pacer(redis).turn(patience_s=30):
            with lock:
                under_way += 1
                peak = max(peak, under_way)
            time.sleep(0.01)
            with lock:
                under_way -= 1

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert peak == 2


def test_requests_begin_apart(redis):
    """From before the first to the last: a busy machine may notice single ones late, and the next then seem near."""
    before = time.monotonic()
    for _ in range(5):
        with pacer(redis, Pace(spacing_s=0.05)).turn(patience_s=5):
            last = time.monotonic()
    assert last - before >= 4 * 0.049


def test_the_default_spacing_is_a_tenth_of_a_second():
    assert (Pace().parallel, Pace().spacing_s) == (2, 0.1)


def test_another_portal_does_not_wait_for_ours(redis):
    other = Pacer(redis, 8, Pace(spacing_s=0))
    with pacer(redis).turn(patience_s=1), pacer(redis).turn(patience_s=1), other.turn(patience_s=0):
        pass


def test_impatience_is_told_from_throttling(redis):
    crowd = pytest.raises(PortalThrottled, match="Too many requests to this portal wait")
    with pacer(redis).turn(patience_s=1), pacer(redis).turn(patience_s=1), crowd:
        pacer(redis).turn(patience_s=0.05).__enter__()


def test_the_place_of_a_killed_process_is_free_again(redis):
    taken = redis_keys.portal_requests(7)
    past_ms, far_ms = int((time.time() - 1) * 1000), int((time.time() + 100) * 1000)
    redis.zadd(taken, {"dead": past_ms, "alive": far_ms})
    with pacer(redis).turn(patience_s=0):
        assert redis.zscore(taken, "dead") is None


def test_a_place_is_given_back_when_the_request_fails(redis):
    with pytest.raises(ValueError), pacer(redis).turn(patience_s=0):
        raise ValueError
    assert redis.zcard(redis_keys.portal_requests(7)) == 0


def test_the_portals_own_wish_holds_everybody_back(redis):
    assert pacer(redis).throttled(20) == 20
    with pytest.raises(PortalThrottled, match="asked us to wait") as caught:
        pacer(redis).turn(patience_s=5).__enter__()
    assert caught.value.retry_after_s == pytest.approx(20, abs=1)


def test_a_patient_asker_waits_the_wish_out(redis):
    pacer(redis).throttled(0.1)
    start = time.monotonic()
    with pacer(redis).turn(patience_s=5):
        assert time.monotonic() - start >= 0.09


def test_without_a_wish_the_wait_doubles_up_to_a_quarter_of_an_hour(redis):
    waits = [pacer(redis).throttled(None) for _ in range(7)]
    assert waits == [30, 60, 120, 240, 480, 900, 900]


def test_waits_of_our_own_making_are_spread_by_jitter(redis):
    assert pacer(redis, jitter=lambda: 1.0).throttled(None) == 37.5


def test_a_good_answer_makes_the_next_wait_short_again(redis):
    asker = pacer(redis)
    asker.throttled(None)
    asker.throttled(None)
    asker.answered()
    assert asker.throttled(None) == 30


def test_an_absurd_wish_is_capped(redis):
    assert pacer(redis).throttled(10**9) == 900


def test_the_longer_of_two_waits_stands(redis):
    pacer(redis).throttled(60)
    pacer(redis).throttled(1)
    assert redis.pttl(redis_keys.portal_throttle(7)) > 50_000
