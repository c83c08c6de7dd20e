"""Cutting for players: every rule of the format over ten minutes, through seams, long groups and radio."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from streaming.hls.cutter import TARGET_DURATION, CutSegment, Cutter, first_sequence
from streaming.hls.shelf import PLAYLIST_NAME, Shelf
from streaming.hls.window import Window, with_query
from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.packets import PACKET_SIZE
from tests.fakes.material import Endless, ts
from tests.mpegts import material
from tests.mpegts.analyser import analyse
from tests.streaming.hls.material import verdict
from tests.streaming.hls.rules import Watch

pytestmark = pytest.mark.ffmpeg

START = 1_700_000_000.0


class Line:
    """A relay's output into a cutter: blocks of a tenth of a second, the clock running with the media."""

    def __init__(self, sequence: int = 1000) -> None:
        self.cutter = Cutter(sequence)
        self.scanner = EntryScanner()
        self.position = 0
        self.now = START
        self.segments: list[CutSegment] = []

    def run(self, data: bytes, seconds: float, step: int = 50) -> list[CutSegment]:
        """Feed all of it; it lasts so long."""
        size = step * PACKET_SIZE
        new: list[CutSegment] = []
        for at in range(0, len(data), size):
            block = data[at : at + size]
            self.now += seconds * len(block) / len(data)
            new += self.block(block)
        return new

    def block(self, block: bytes) -> list[CutSegment]:
        found = self.scanner.scan(block, self.position, self.now)
        new = self.cutter.feed(block, self.position, found.entries, self.scanner.programme, self.now)
        self.position += len(block)
        self.segments += new
        return new


def cut(data: bytes, seconds: float, step: int = 50) -> list[CutSegment]:
    return Line().run(data, seconds, step)


def endless(minutes: float, **made) -> bytes:
    """A stream of so many minutes whose clocks run on."""
    source = Endless(ts(**made))
    size = int(minutes * 60 * source.bytes_per_s) // PACKET_SIZE * PACKET_SIZE
    return source.read(0, size)


# Where it cuts ----------------------------------------------------------------------------------------------------


def test_keyframes_every_second_make_segments_of_four():
    segments = cut(endless(0.5), 30)

    assert len(segments) == 7
    assert {round(s.duration_s, 3) for s in segments} == {4.0}


def test_the_first_segments_may_be_short() -> None:
    line = Line()
    line.cutter = Cutter(1000, short=3)
    found = line.run(endless(0.3, gop_s=1.0), 18.0)
    assert [round(one.duration_s) for one in found] == [2, 2, 2, 4, 4]


@pytest.mark.parametrize(("gop_s", "seconds"), [(2, 4.0), (3, 6.0), (3.5, 3.5), (5, 5.0), (4, 4.0), (2.5, 5.0)])
def test_segments_are_whole_groups_and_never_longer_than_promised(gop_s, seconds):
    data = material.make(
        *material.picture("160x90", 30), *material.tone(30), *material.H264, "-g", str(int(gop_s * 25)),
        "-keyint_min", str(int(gop_s * 25)), *material.AAC, *material.TS,
    )  # fmt: skip

    segments = cut(data, 30)[1:]

    assert all(abs(s.duration_s - seconds) < 0.05 for s in segments)
    assert all(s.independent for s in segments)


def test_without_keyframes_in_time_it_cuts_at_a_picture():
    segments = cut(material.h264_long_gop(30), 30)

    assert all(s.duration_s < TARGET_DURATION + 0.5 for s in segments)
    assert [s.independent for s in segments][:2] == [True, False]
    assert analyse(b"".join(s.data for s in segments)).cc_errors == 0


def test_a_radio_is_cut_too():
    segments = cut(material.audio_only(30), 30)

    assert len(segments) >= 6
    assert all(abs(s.duration_s - 4) < 0.1 for s in segments)


@pytest.mark.parametrize(
    "data",
    [
        material.h264_b_frames(seconds=20), material.h264_open_gop(20), material.h265_aac(seconds=20),
        material.mpeg2_mp2(seconds=20), material.wrapping(20), material.video_only(seconds=20),
    ],
    ids=["b-frames", "open groups", "h265", "mpeg2", "clocks wrap", "no sound"],
)  # fmt: skip
def test_every_codec_is_cut_without_losing_a_packet(data):
    segments = cut(data, 20)

    assert len(segments) >= 3
    media = b"".join(s.data[len(tables_of(s)) :] for s in segments)
    assert media in data


def tables_of(segment: CutSegment) -> bytes:
    """The packets in front that the cutter wrote: PAT and PMT."""
    end = 0
    while (segment.data[end + 1] & 0x1F == 0 and segment.data[end + 2] == 0) or end == PACKET_SIZE:
        end += PACKET_SIZE
    return segment.data[:end]


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_the_size_of_blocks_changes_nothing(step):
    data = material.h264_aac(seconds=12)

    assert [s.data for s in cut(data, 12, step)] == [s.data for s in cut(data, 12, 50)]


# What a segment is ------------------------------------------------------------------------------------------------


def test_a_segment_begins_with_pat_pmt_and_a_keyframe_and_decodes_alone():
    for segment in cut(material.h264_aac(seconds=20), 20):
        report = analyse(segment.data)
        assert report.first_pids[:2] == [0, 0x1000]
        assert report.video.random_access[0]
        assert verdict(segment.data).complaints == ""
        assert verdict(segment.data).frames == 100


def test_segments_together_are_one_clean_stream():
    data = b"".join(s.data for s in cut(material.h264_aac(seconds=20), 20))

    assert analyse(data).problems == []
    assert verdict(data).complaints == ""


def test_durations_add_up_to_the_clock():
    segments = cut(endless(10, gop_s=2.0), 600)
    report = analyse(b"".join(s.data for s in segments[:-1]))

    frame_s = 0.04
    span_s = (report.video.dts[-1] - report.video.dts[0]) / 90_000 + frame_s
    written_s = sum(float(f"{s.duration_s:.6f}") for s in segments[:-1])
    assert abs(span_s - written_s) < 0.001


def test_numbers_after_a_restart_are_beyond_all_before():
    line = Line(first_sequence(START))
    line.run(endless(2, gop_s=2.0), 120)

    assert first_sequence(line.now) > line.segments[-1].sequence


# Seams ------------------------------------------------------------------------------------------------------------


def test_the_first_segment_of_a_cutter_is_a_discontinuity_and_the_next_are_not():
    assert [s.discontinuity for s in cut(material.h264_aac(seconds=20), 20)] == [True, False, False, False]


def test_a_clock_that_jumps_is_a_discontinuity():
    line = Line()
    line.run(material.h264_aac(seconds=10), 10)
    before = len(line.segments)
    line.run(material.h264_aac("320x180", 10, "-output_ts_offset", "5000"), 10)

    assert [s.discontinuity for s in line.segments[before:]][:2] == [False, True]
    assert all(s.duration_s < 6.5 for s in line.segments)


def test_a_loop_is_a_discontinuity():
    line = Line()
    for _ in range(3):
        line.run(material.h264_aac(seconds=8), 8)

    assert sum(s.discontinuity for s in line.segments) == 3


def test_another_layout_is_a_discontinuity_that_begins_with_its_own_tables():
    line = Line()
    line.run(material.h264_aac(seconds=10), 10)
    line.run(material.mpeg2_mp2("320x180", 10, "-output_ts_offset", "10"), 10)

    codecs = [analyse(s.data).video.codec for s in line.segments]
    changed = codecs.index("mpeg2")
    assert line.segments[changed].discontinuity
    assert set(codecs[changed:]) == {"mpeg2"}


def test_a_seam_the_relay_announces_is_a_discontinuity():
    line = Line()
    data = material.h264_aac(seconds=20)
    half = len(data) // 2 // PACKET_SIZE * PACKET_SIZE
    line.run(data[:half], 10)
    line.cutter.mark_discontinuity()
    line.run(data[half:], 10)

    assert sum(s.discontinuity for s in line.segments) == 2


def test_a_seam_without_a_jump_is_none():
    data = material.h264_aac(seconds=10) + material.h264_aac("320x180", 10, "-output_ts_offset", "10")

    assert [s.discontinuity for s in cut(data, 20)].count(True) == 1


def test_rubbish_between_whole_packets_ends_nothing():
    line = Line()
    line.run(b"\x47\x1f\xff\x10" + b"\xff" * 184, 0.1)
    line.run(material.h264_aac(seconds=10), 10)

    assert len(line.segments) == 2


def test_a_stream_that_lost_its_clock_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("streaming.hls.cutter._MOST_BYTES", 100_000)
    line = Line()
    line.run(material.h264_aac(seconds=2), 2)
    for _ in range(50):
        line.block((b"\x47\x1f\xff\x10" + b"\xff" * 184) * 100)

    assert len(line.cutter._buffer) <= 100_000 + 100 * 188


# The list ---------------------------------------------------------------------------------------------------------


def watched(line: Line, shelf: Shelf, watch: Watch, data: bytes, seconds: float) -> None:
    """Run on, and load the list after every segment and in between."""
    for at in range(0, len(data), 50 * PACKET_SIZE):
        block = data[at : at + 50 * PACKET_SIZE]
        line.now += seconds * len(block) / len(data)
        for segment in line.block(block):
            shelf.put(segment)
            files = {path.name for path in shelf.folder.iterdir()}
            watch.see(line.now, (shelf.folder / PLAYLIST_NAME).read_text(), files)


def test_every_rule_holds_over_ten_minutes_with_seams(tmp_path: Path):
    line, shelf, watch = Line(first_sequence(START)), Shelf(tmp_path, 7), Watch()
    for minute in range(10):
        made = {"gop_s": (1.0, 2.0, 5.0)[minute % 3]}
        watched(line, shelf, watch, endless(1, **made), 60)

    assert watch.broken == []
    assert watch.loads > 100
    assert sum(s.discontinuity for s in line.segments) == 10
    assert len(list(tmp_path.iterdir())) <= 20


def test_every_rule_holds_for_groups_of_ten_seconds(tmp_path: Path):
    line, shelf, watch = Line(), Shelf(tmp_path, 0), Watch()
    watched(line, shelf, watch, endless(3, gop_s=8.0), 180)

    assert watch.broken == []
    assert watch.loads > 25


def test_the_rules_themselves_catch_a_broken_list():
    watch = Watch()
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n"
    item = "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:0{n}.000Z\n#EXTINF:4.0,\n{n}.ts\n"
    watch.see(0, head + "#EXT-X-MEDIA-SEQUENCE:5\n" + item.format(n=0), {"0.ts"})
    watch.see(1, head.replace("6", "7") + "#EXT-X-MEDIA-SEQUENCE:4\n" + item.format(n=3) + "#EXTINF:8.0,\n/x\n", set())

    words = " ".join(watch.broken)
    for expected in (
        "target duration changed",
        "went back",
        "lasts 8.0",
        "not relative",
        "cannot be fetched",
        "no date",
    ):
        assert expected in words


def segment(sequence, duration_s=4.0, discontinuity=False) -> CutSegment:
    return CutSegment(sequence, b"x", duration_s, discontinuity, START + sequence * 4.0)


def test_a_list_keeps_four_targets_of_media():
    window = Window(0)
    for n in range(20):
        window.add(segment(n))

    assert [s.sequence for s in window.listed] == list(range(14, 20))


def test_long_segments_are_listed_in_smaller_number():
    window = Window(0)
    for n in range(20):
        window.add(segment(n, 6.4))

    assert len(window.listed) == 4


def test_the_discontinuity_sequence_rises_when_the_tag_leaves():
    window = Window(3)
    window.add(segment(0, discontinuity=True))
    for n in range(1, 6):
        window.add(segment(n))
    assert window.discontinuity_sequence == 3

    window.add(segment(6))

    assert window.discontinuity_sequence == 4


def test_removed_segments_stay_for_a_while():
    window = Window(0)
    gone = [number for n in range(30) for number in window.add(segment(n))]

    assert gone == list(range(30 - 6 - 8))


def test_an_ended_list_says_so():
    window = Window(0)
    window.add(segment(0))
    window.ended = True

    assert window.text().endswith("0.ts\n#EXT-X-ENDLIST\n")


def test_a_token_is_written_behind_every_address_and_nowhere_else():
    window = Window(0)
    window.add(segment(5))

    text = with_query(window.text(), "token=a%20b")

    assert "\n5.ts?token=a%20b\n" in text
    assert text.count("token") == 1
    assert with_query(window.text(), "") == window.text()


# Files ------------------------------------------------------------------------------------------------------------


def test_what_a_dead_process_left_is_removed_when_the_new_list_is_long_enough(tmp_path: Path):
    (tmp_path / "17.ts").write_bytes(b"old")
    shelf = Shelf(tmp_path, 0)
    shelf.put(segment(100))
    assert (tmp_path / "17.ts").exists()

    for n in range(101, 130):
        shelf.put(segment(n))

    assert not (tmp_path / "17.ts").exists()


def test_a_list_never_names_a_file_that_is_not_there(tmp_path: Path, monkeypatch):
    shelf = Shelf(tmp_path, 0)
    order = []
    really = Shelf._write

    def write(self, name, data):
        order.append(name)
        really(self, name, data)

    monkeypatch.setattr(Shelf, "_write", write)

    shelf.put(segment(1))

    assert order == ["1.ts", PLAYLIST_NAME]
    assert not list(tmp_path.glob(".*"))


def test_clearing_leaves_nothing(tmp_path: Path):
    shelf = Shelf(tmp_path / "x", 0)
    shelf.put(segment(1))
    shelf.end()
    shelf.clear()

    assert not (tmp_path / "x").exists()


def test_dates_follow_the_media_between_discontinuities():
    segments = cut(endless(0.5), 30)

    steps = [after.begins_at - before.begins_at for before, after in pairwise(segments)]
    assert all(abs(step - 4.0) < 1e-6 for step in steps)
