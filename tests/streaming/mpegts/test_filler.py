"""What is sent while nothing comes."""

from __future__ import annotations

from streaming.mpegts.filler import PACKETS, Filler


def test_nothing_is_due_before_the_first_real_packets():
    filler = Filler(interval_s=1, slate_after_s=5)
    assert filler.due(100.0) == 0
    assert not filler.wants_slate(100.0)


def test_null_packets_are_due_once_per_interval_of_silence():
    filler = Filler(interval_s=1)
    filler.published(10.0)
    assert [filler.due(now) for now in (10.5, 11.0, 11.5, 12.0)] == [0, PACKETS, 0, PACKETS]


def test_real_packets_put_filling_off():
    filler = Filler(interval_s=1)
    filler.published(10.0)
    filler.published(10.9)
    assert filler.due(11.5) == 0


def test_a_slate_is_wanted_after_its_time_whatever_was_filled():
    filler = Filler(interval_s=1, slate_after_s=3)
    filler.published(10.0)
    filler.due(12.0)
    assert not filler.wants_slate(12.9)
    assert filler.wants_slate(13.0)


def test_without_a_time_no_slate_is_wanted():
    filler = Filler()
    filler.published(0.0)
    assert not filler.wants_slate(1000.0)
