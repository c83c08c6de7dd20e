"""A source that goes on without its picture, its sound or its clock: what players get meanwhile and afterwards."""

from __future__ import annotations

import pytest

from streaming.mpegts.packets import PACKET_SIZE
from streaming.mpegts.splice import State
from tests.fakes import damage, material
from tests.streaming.mpegts.splicing import Spliced, without

pytestmark = pytest.mark.ffmpeg

BYTES_PER_S = 47_000


def television() -> bytes:
    """Some twelve seconds."""
    return material.Endless(material.ts()).read(0, 3000 * PACKET_SIZE)


@pytest.mark.parametrize("recipe", [damage.no_picture, damage.no_picture_no_clock])
def test_a_source_goes_on_from_the_last_picture_of_one_that_went_on_without(recipe):
    out = _failing_slowly(recipe)
    out.add(out.splicer.cut())
    out.splicer.begin()
    out.feed(television()[300 * PACKET_SIZE :])
    report = out.report()
    assert report.problems == []
    assert report.video.largest_gap_s < 0.05


def test_a_clock_that_stands_still_is_made_up_for():
    report = _failing_slowly(damage.frozen_pcr).report()
    # It is noticed after a second, and caught up with in steps players bear.
    assert report.problems == []
    assert (report.video.dts[-1] * 300 - report.pcrs[-1]) / 27e6 < 0.7


def test_a_sound_that_stops_is_made_up_for():
    report = _failing_slowly(damage.no_sound).report(late_s=1.5)
    assert report.problems == []
    assert abs(report.video.dts[-1] - report.audio.pts[-1]) / 90000 < 0.7


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("at", range(516, 526))
def test_a_sound_that_stops_in_mid_packet_leaves_nothing_broken(at, second):
    # Sound in packets that take more than one of the transport's.
    source = material.Endless(material.ts(extra=("-b:a", "192k"))).read(0, 2000 * PACKET_SIZE)
    change, out = damage.no_sound(), Spliced()
    if second:
        out.source(television()[: 400 * PACKET_SIZE])
    out.splicer.begin()
    out.feed(source[: at * PACKET_SIZE])
    out.feed(change(source[at * PACKET_SIZE :]), block=40)
    assert out.report(late_s=1.5).problems == []


@pytest.mark.parametrize("recipe", [damage.no_picture, damage.no_picture_no_clock, damage.no_sound, damage.frozen_pcr])
def test_what_comes_back_is_taken_up_again(recipe):
    out = _failing_slowly(recipe, stop=2020 * PACKET_SIZE)
    out.feed(television()[2020 * PACKET_SIZE :], now=60.0)
    report = out.report(late_s=2.0)
    assert report.problems == []
    assert report.video.largest_gap_s < 0.05
    assert report.frames > 90


@pytest.mark.parametrize("audio", ["aac", "mp2"])
def test_a_sound_that_is_announced_and_never_sent_is_silence(audio):
    out = Spliced()
    out.splicer.begin()
    out.feed(without(material.ts(audio=audio), damage.AUDIO))
    report = out.report(late_s=2.5)
    assert report.problems == []
    assert report.video.dts[-1] - report.audio.pts[-1] < 90_000


def test_a_second_language_that_is_never_sent_is_left_alone():
    source = material.ts(extra=("-map", "0", "-map", "1", "-map", "1"))
    out = Spliced()
    out.splicer.begin()
    out.feed(without(source, 0x102))
    assert out.splicer.state is State.PASSING


def test_a_radio_and_a_silent_film_lack_nothing():
    for source in (material.ts(video=""), material.ts(audio="")):
        out = Spliced()
        out.splicer.begin()
        out.feed(source)
        assert out.splicer.state is State.PASSING


def _failing_slowly(recipe, stop: int | None = None) -> Spliced:
    """A source that turns in mid-stream, without its end."""
    out, change, here, source = Spliced(), recipe(), 520 * PACKET_SIZE, television()[:stop]
    out.splicer.begin()
    out.feed(source[:here])
    for at in range(here, len(source), 60 * PACKET_SIZE):
        out.feed(change(source[at : at + 60 * PACKET_SIZE]), now=at / BYTES_PER_S)
    return out
