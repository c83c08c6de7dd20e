"""The spliced switch: what the player sees when sources follow each other."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from streaming.mpegts.hold import MISSED_WALL_S
from streaming.mpegts.packets import NULL_PACKET, PACKET_SIZE, pcr_packet, read_pcr
from streaming.mpegts.psi import Codec, Track
from streaming.mpegts.splice import CodecFamilyDiffers, Splicer, State
from tests.mpegts import material
from tests.mpegts.analyser import analyse
from tests.mpegts.material import packets
from tests.streaming.mpegts.splicing import Spliced, part_of, pid, spliced, with_layout, with_pids, without

pytestmark = pytest.mark.ffmpeg

FRAME = 3600


def decoded(data: bytes, tmp_path, *stream: str) -> tuple[int, str]:
    """How many frames ffmpeg shows, and what it complains about."""
    path = tmp_path / "out.ts"
    path.write_bytes(data)
    done = subprocess.run(
        [material.ffmpeg(), "-v", "warning", "-i", str(path), *(stream or ("-map", "0:v")), "-f", "framemd5", "-"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return sum(not line.startswith("#") for line in done.stdout.splitlines()), done.stderr


# A first source -------------------------------------------------------------------------------------------------


def test_a_first_source_passes_as_it_is():
    source = material.h264_aac()
    out = spliced(source)
    first_pat = source.index(b"\x47\x40\x00")
    assert out.data.startswith(source[first_pat : first_pat + 1000 * PACKET_SIZE])
    assert out.splicer.joins == 0


def test_a_first_source_is_not_copied():
    source = material.h264_aac()
    splicer = Splicer()
    splicer.begin()
    splicer.rewrite(source[: 100 * PACKET_SIZE])
    block = source[100 * PACKET_SIZE : 400 * PACKET_SIZE]
    assert any(piece.obj is block for piece in splicer.rewrite(block).pieces)


def test_nothing_leaves_before_the_tables():
    splicer = Splicer()
    splicer.begin()
    assert splicer.rewrite(without(material.h264_aac(), 0)).size == 0
    assert splicer.state is State.WAITING


def test_of_two_programmes_only_one_is_announced_and_sent():
    report = spliced(material.two_programmes()).report()
    assert report.problems == []
    assert report.frames == 100
    assert len(report.tracks) == 2


def test_what_is_kept_back_is_little():
    out = Spliced()
    out.splicer.begin()
    for at in range(0, len(material.h264_aac()), 50 * PACKET_SIZE):
        out.feed(material.h264_aac()[at : at + 50 * PACKET_SIZE])
        assert out.splicer.held_bytes < 100_000


def test_a_dead_picture_does_not_hold_the_sound_for_ever():
    source = material.h264_aac()
    half = len(packets(source)) // 2 * PACKET_SIZE
    out = Spliced()
    out.splicer.begin()
    out.feed(source[:half], now=1.0)
    before = len(out.data)
    sound = without(source[half:], 0x100)
    piece = len(sound) // 10 // PACKET_SIZE * PACKET_SIZE
    for second in range(10):
        # It waits while a source that takes over could still go on from the last picture.
        out.feed(sound[second * piece :][:piece], now=2.0 + second)
        assert len(out.data) == before
    out.feed(sound[10 * piece :], now=2.0 + MISSED_WALL_S)
    assert len(out.data) - before > len(sound) // 2


# Joins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["h264_aac", "h264_b_frames", "h265_aac", "mpeg2_mp2", "h264_ac3", "wrapping", "h264_mono_44k", "mpeg4"]
)
def test_a_source_follows_itself_without_a_seam(name, tmp_path):
    source = getattr(material, name)()
    out = spliced(source, source)
    report = out.report()
    frames = analyse(source, from_start=False).frames
    assert report.problems == []
    assert report.frames == 2 * frames
    assert set(report.video.dts_deltas) == {FRAME}
    assert decoded(out.data, tmp_path) == (2 * frames, "")


@pytest.mark.parametrize("cut", [0.31, 0.505, 0.777, 0.93])
@pytest.mark.parametrize("start", [0.0, 0.4])
def test_a_source_may_end_and_another_begin_anywhere(cut, start, tmp_path):
    out = spliced(
        part_of(material.h264_aac(), 0, cut), part_of(material.h264_aac("640x360"), start), material.h264_mono_44k()
    )
    report = out.report()
    assert report.problems == []
    assert set(report.video.dts_deltas) == {FRAME}
    assert decoded(out.data, tmp_path) == (report.frames, "")


@pytest.mark.parametrize("cut", [0.5, 0.52, 0.54, 0.56, 0.58])
def test_a_cut_leaves_no_hole_among_the_pictures_shown(cut, tmp_path):
    out = spliced(part_of(material.h264_b_frames(), 0, cut), material.h264_b_frames("640x360"))
    assert out.report().problems == []
    assert out.shown_steps() == {FRAME}
    assert decoded(out.data, tmp_path)[1] == ""


@pytest.mark.parametrize("names", [("h264_aac", "h264_b_frames"), ("h264_b_frames", "h264_aac")])
def test_sources_that_reorder_differently_are_shown_without_a_hole(names, tmp_path):
    out = spliced(*(getattr(material, name)() for name in names))
    assert out.report().problems == []
    assert out.shown_steps() == {FRAME}
    assert decoded(out.data, tmp_path) == (200, "")


def test_pictures_that_refer_to_what_was_never_sent_are_dropped(tmp_path):
    out = spliced(material.h265_aac(), part_of(material.h265_aac(), 0.3))
    assert out.report().problems == []
    assert out.shown_steps() == {FRAME}
    frames, complaints = decoded(out.data, tmp_path)
    assert complaints == ""
    # Two that wait to be shown when the sequence ends are lost, see seam.py.
    assert frames >= out.report().frames - 2


@pytest.mark.parametrize("block", [1, 13, 100_000])
def test_what_is_sent_does_not_depend_on_the_blocks(block):
    sources = part_of(material.h264_b_frames(), 0, 0.7), part_of(material.h264_aac(), 0.3)
    assert spliced(*sources, block=block).data == spliced(*sources).data


def test_other_pids_become_those_the_player_knows():
    other = with_pids(material.h264_aac(), {0x100: 0x1E1, 0x101: 0x55})
    report = spliced(material.h264_aac(), other).report()
    assert report.problems == []
    assert set(report.tracks) == {0x100, 0x101}
    assert report.frames == 200


def test_the_first_packet_of_a_new_source_on_the_pcr_pid_has_a_pcr():
    source = material.h264_aac()
    out = spliced(source, without_pcr(source))
    assert out.report().problems == []


def without_pcr(data: bytes) -> bytes:
    """The stream with every PCR taken out."""
    out = []
    for packet in packets(data):
        if read_pcr(packet, 0) is not None:
            packet = packet[:5] + bytes((packet[5] & 0xEF,)) + b"\xff" * 6 + packet[12:]
        out.append(packet)
    return b"".join(out)


def test_a_pcr_on_a_pid_of_its_own_comes_out_on_the_players():
    moved = []
    for packet in packets(material.h264_aac()):
        pcr = read_pcr(packet, 0)
        if pcr is not None:
            moved.append(pcr_packet(0x1F0, 0, pcr))
        moved.append(packet)
    other = with_layout(without_pcr_but(b"".join(moved), 0x1F0), lambda old: replace(old, pcr_pid=0x1F0))
    report = spliced(material.h264_aac(), other).report()
    assert report.problems == []
    assert 0x1F0 not in report.tracks


def without_pcr_but(data: bytes, kept: int) -> bytes:
    return b"".join(packet if pid(packet) == kept else without_pcr(packet) for packet in packets(data))


def test_a_radio_follows_a_radio(tmp_path):
    out = spliced(part_of(material.audio_only(), 0, 0.6), material.audio_only())
    assert out.report().problems == []
    assert decoded(out.data, tmp_path, "-map", "0:a")[1] == ""


def test_losses_in_a_later_source_do_not_break_the_counters():
    out = spliced(material.h264_aac(), material.with_losses(material.h264_aac(), 40))
    assert out.report().cc_errors == 0
    assert out.splicer.scanner.statistics.cc_errors > 10


@pytest.mark.parametrize("block", [1, 200])
def test_duplicates_are_sent_once(block):
    source = material.h264_aac()
    twice = spliced(source, material.with_duplicates(source, 7), block=block)
    assert twice.report().problems == []
    # The tables come as often as the source has them.
    assert without(twice.data, 0, 0x1000) == without(spliced(source, source).data, 0, 0x1000)


def test_null_packets_and_strangers_are_left_out_after_a_join():
    source = material.h264_aac()
    padded = b"".join(packet + NULL_PACKET + b"\x47\x07\x77\x10" + bytes(184) for packet in packets(source))
    report = spliced(source, padded).report()
    assert report.problems == []
    assert report.null_packets == 0


# Sound ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "codec"), [("h264_aac", "aac"), ("h264_mono_44k", "aac"), ("h264_ac3", "ac3")])
def test_missing_sound_becomes_silence(name, codec, tmp_path):
    out = spliced(getattr(material, name)(), material.video_only("640x360"))
    report = out.report()
    assert report.problems == []
    assert report.audio.codec == codec
    assert abs(report.audio.pts[-1] - report.video.pts[-1]) < 45000
    assert decoded(out.data, tmp_path)[1] == ""
    assert decoded(out.data, tmp_path, "-map", "0:a")[1] == ""


def test_missing_mpeg_audio_becomes_silence(tmp_path):
    silent = without(material.mpeg2_mp2(), 0x101)
    out = spliced(material.mpeg2_mp2(), with_layout(silent, lambda old: replace(old, tracks=old.tracks[:1])))
    assert out.report().problems == []
    assert decoded(out.data, tmp_path, "-map", "0:a")[1] == ""


def test_sound_that_is_announced_but_never_comes_becomes_silence():
    report = spliced(material.h264_aac(), without(material.h264_aac(), 0x101)).report(audio_gap_s=1.5)
    assert report.problems == []
    assert abs(report.audio.pts[-1] - report.video.pts[-1]) < 2 * 90000


def test_after_silence_the_sound_comes_back_without_overlap(tmp_path):
    out = spliced(material.h264_aac(), material.video_only(), material.h264_aac("640x360"))
    assert out.report().problems == []
    assert decoded(out.data, tmp_path, "-map", "0:a")[1] == ""


def test_sound_before_the_first_picture_of_a_source_is_dropped():
    out = spliced(material.h264_aac(), part_of(material.h264_aac("640x360"), 0.37))
    report = out.report()
    joined_at = report.video.dts[100]
    after = [pts for pts, at in zip(report.audio.pts, report.audio.at, strict=True) if at > report.video.at[100]]
    assert report.problems == []
    assert min(after) >= joined_at - 2100


# Other codecs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [("h264_aac", "h265_aac"), ("h264_aac", "mpeg2_mp2"), ("h264_aac", "h264_ac3"), ("h264_aac", "audio_only")],
)
def test_another_codec_family_is_refused(first, second):
    with pytest.raises(CodecFamilyDiffers):
        spliced(getattr(material, first)(), getattr(material, second)())


def test_after_a_refusal_another_source_can_take_over():
    out = Spliced().source(material.h264_aac())
    out.splicer.begin()
    with pytest.raises(CodecFamilyDiffers) as refused:
        out.feed(material.h265_aac())
    assert refused.value.announced is Codec.H264
    out.add(out.splicer.cut())
    out.source(material.h264_aac("640x360"))
    assert out.report().problems == []
    assert out.report().frames == 200


def test_a_source_must_be_begun_and_only_once():
    splicer = Splicer()
    with pytest.raises(ValueError, match="begin first"):
        splicer.rewrite(NULL_PACKET)
    splicer.begin()
    with pytest.raises(ValueError, match="cut it first"):
        splicer.begin()


# A source that changes by itself --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["h264_aac", "h264_b_frames", "h265_aac", "mpeg2_mp2", "wrapping"])
def test_a_loop_is_a_join_of_a_source_with_itself(name, tmp_path):
    source = getattr(material, name)()
    frames = analyse(source, from_start=False).frames
    out = spliced(source * 3)
    report = out.report()
    assert report.problems == []
    assert out.splicer.joins == 2
    assert report.frames == 3 * frames
    assert set(report.video.dts_deltas) == {FRAME}
    assert decoded(out.data, tmp_path) == (3 * frames, "")


def test_a_leap_forward_is_a_join_of_a_source_with_itself(tmp_path):
    early, late = material.h264_aac(), material.wrapping()
    out = spliced(early + late)
    assert out.report().problems == []
    assert out.report().frames == 250
    assert decoded(out.data, tmp_path)[1] == ""


def test_after_a_jump_in_mid_group_the_next_keyframe_is_waited_for():
    source = material.h264_aac()
    out = spliced(part_of(source, 0, 0.9) + part_of(source, 0.1))
    assert out.report().problems == []
    assert set(out.report().video.dts_deltas) == {FRAME}


def test_a_track_that_appears_is_announced_with_a_new_version():
    first, later = material.h264_aac(), two_sounds()
    out = spliced(first, later_second_sound(later))
    report = out.report()
    assert report.problems == []
    assert report.pmt_versions == [0, 1]
    assert report.tracks[0x102].units > 5


def two_sounds() -> bytes:
    """A picture and two sounds."""
    arguments = [*material.picture(), *material.tone(), *material.tone(frequency=900), "-map", "0", "-map", "1"]
    return material.make(*arguments, "-map", "2", *material.H264, *material.AAC, *material.TS)


def later_second_sound(data: bytes) -> bytes:
    """The second sound is neither announced nor sent in the first half."""
    half = len(packets(data)) // 2
    first = with_layout(
        without(data[: half * PACKET_SIZE], 0x102), lambda old: replace(old, tracks=old.tracks[:2], version=0)
    )
    second = with_layout(data[half * PACKET_SIZE :], lambda old: replace(old, version=1))
    return first + second


def test_a_first_source_that_grows_still_passes_as_it_is():
    source = later_second_sound(two_sounds())
    out = spliced(source)
    assert out.splicer.joins == 0
    assert out.splicer.state is State.IDLE
    assert out.report().pmt_versions == [0, 1]
    assert source[100 * PACKET_SIZE : 300 * PACKET_SIZE] in out.data


def test_a_track_that_vanishes_stays_announced():
    data = two_sounds()
    half = len(packets(data)) // 2
    shrunk = data[: half * PACKET_SIZE] + with_layout(
        without(data[half * PACKET_SIZE :], 0x102), lambda old: replace(old, tracks=old.tracks[:2], version=1)
    )
    report = spliced(shrunk).report(audio_off_s=5)
    assert report.problems == []
    assert report.pmt_versions == [0]


def table_in_the_middle(data: bytes) -> int:
    """Where a PMT packet stands, somewhere in the middle."""
    found = packets(data)
    return next(i for i in range(len(found) // 2, len(found)) if pid(found[i]) == 0x1000) * PACKET_SIZE


def test_a_sound_that_moves_to_another_pid_stays_where_the_player_knows_it():
    data = material.h264_aac()
    half = table_in_the_middle(data)
    out = spliced(data[:half] + with_pids(data[half:], {0x101: 0x222}))
    # The PES packet that was under way on the old PID is lost.
    problems = [problem for problem in out.report().problems if "a PES packet of" not in problem]
    assert problems == []
    assert out.report().frames == 100
    assert out.splicer.joins == 0


def test_a_picture_that_moves_to_another_pid_joins_again():
    data = material.h264_aac()
    half = table_in_the_middle(data)
    out = spliced(data[:half] + with_pids(data[half:], {0x100: 0x222}))
    assert out.report().problems == []
    assert out.splicer.joins == 1


def test_a_source_that_turns_into_another_codec_is_refused_and_ends_cleanly():
    out = Spliced()
    out.splicer.begin()
    half = len(packets(material.h264_aac())) // 2 * PACKET_SIZE
    with pytest.raises(CodecFamilyDiffers):
        out.feed(material.h264_aac()[:half] + material.h265_aac(), block=100_000)
    out.add(out.splicer.cut())
    assert out.report().problems == []
    assert out.report().frames > 40


# Entries and filling --------------------------------------------------------------------------------------------


def test_a_viewer_can_begin_at_every_entry_on_either_side_of_a_join(tmp_path):
    out = spliced(part_of(material.h264_aac(), 0, 0.8), material.h264_b_frames("640x360"), material.video_only())
    assert len(out.entries) >= 10
    for entry in out.entries:
        seen = entry.tables + out.data[entry.position :]
        report = analyse(seen)
        assert report.problems == []
        assert report.video.random_access[0]
        assert report.video.dts[0] == entry.dts


def test_entries_are_given_when_they_are_published_and_in_order():
    out = Spliced()
    out.splicer.begin()
    for at in range(0, len(material.h264_aac()), 20 * PACKET_SIZE):
        output = out.splicer.rewrite(material.h264_aac()[at : at + 20 * PACKET_SIZE])
        for entry in output.entries:
            assert output.position <= entry.position < output.position + output.size
        out.add(output)
    assert [entry.position for entry in out.entries] == sorted(entry.position for entry in out.entries)
    assert len(out.entries) == 4


def test_filling_breaks_nothing_and_never_comes_first(tmp_path):
    out = Spliced()
    assert out.splicer.fill(7).size == 0
    out.splicer.begin()
    assert out.splicer.fill(7).size == 0
    out.feed(material.h264_aac())
    out.add(out.splicer.fill(7))
    out.add(out.splicer.cut())
    out.add(out.splicer.fill(7))
    out.source(material.h264_aac("640x360"))
    report = out.report()
    assert report.problems == []
    assert report.null_packets == 14
    assert decoded(out.data, tmp_path) == (200, "")
    for entry in out.entries:
        assert analyse(entry.tables + out.data[entry.position :]).problems == []


def test_a_source_that_never_shows_itself_leaves_no_trace():
    out = Spliced().source(material.h264_aac())
    out.source(part_of(material.h264_aac(), 0.26, 0.3))
    out.source(material.h264_aac())
    assert out.data == spliced(material.h264_aac(), material.h264_aac()).data


def test_tracks_are_paired_by_language():
    german, english = (
        Track(0x101 + i, 0x0F, Codec.AAC, language, b"\x0a\x04" + language.encode() + b"\x00")
        for i, language in enumerate(("deu", "eng"))
    )
    layout = lambda *sounds: lambda old: replace(old, tracks=(old.tracks[0], *sounds))  # noqa: E731

    def described(order):
        return with_layout(two_sounds(), layout(*order))

    first = described([german, english])
    swapped = described([replace(english, pid=0x101), replace(german, pid=0x102)])
    out = Spliced().source(first)
    out.splicer.begin()
    out.feed(swapped)
    assert out.splicer.pairs == {0x100: 0x100, 0x101: 0x102, 0x102: 0x101}
