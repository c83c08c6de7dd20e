"""Where a viewer can begin."""

from __future__ import annotations

import itertools

import pytest

from streaming.mpegts.access import Access
from streaming.mpegts.entries import Entry, EntryScanner
from streaming.mpegts.packets import CLOCK_MODULUS, PACKET_SIZE, difference, payload_offset, pid_of, starts_unit
from streaming.mpegts.psi import Codec
from tests.mpegts import material

pytestmark = pytest.mark.ffmpeg


def scanned(data: bytes, block: int = 532 * PACKET_SIZE) -> tuple[EntryScanner, list[Entry]]:
    """A scanner that has read everything, and what it found."""
    scanner = EntryScanner()
    entries: list[Entry] = []
    for position in range(0, len(data), block):
        entries += scanner.scan(data[position : position + block], position, position / 1e6).entries
    return scanner, entries


@pytest.mark.parametrize(
    ("name", "count", "access"),
    [
        ("h264_aac", 4, Access.CLOSED),
        ("h264_b_frames", 4, Access.CLOSED),
        ("h265_aac", 4, None),
        ("mpeg2_mp2", 5, None),
        ("mpeg4", 4, Access.OPEN),
        ("video_only", 4, Access.CLOSED),
        ("h264_long_gop", 2, Access.CLOSED),
    ],
)
def test_each_codec_has_its_keyframes_found(name, count, access):
    _, entries = scanned(getattr(material, name)())
    assert len(entries) == count
    assert access is None or {entry.access for entry in entries} == {access}


def test_open_groups_without_idr_are_entries():
    _, entries = scanned(material.h264_open_gop())
    assert entries[0].access is Access.CLOSED
    assert {entry.access for entry in entries[1:]} == {Access.OPEN}
    assert len(entries) >= 6


def test_a_radio_is_entered_at_every_pes_packet():
    data = material.audio_only()
    scanner, entries = scanned(data)
    assert len(entries) == scanner.statistics.units > 10
    assert scanner.statistics.audio_pts is not None


@pytest.mark.parametrize("block", [1, 3, 17, 5000])
def test_entries_do_not_depend_on_how_the_stream_was_cut(block):
    data = material.h264_b_frames()
    _, whole = scanned(data, len(data))
    _, pieces = scanned(data, block * PACKET_SIZE)
    assert pieces == whole


def test_an_entry_is_the_first_packet_of_its_unit():
    data = material.h264_aac()
    for entry in scanned(data)[1]:
        assert pid_of(data, entry.position) == 0x100
        assert starts_unit(data, entry.position)


def test_tables_before_an_entry_continue_into_what_follows():
    data = material.h264_aac()
    for entry in scanned(data)[1]:
        following = data[entry.position :]
        for index, pid in enumerate((0, 0x1000)):
            table = entry.tables[index * PACKET_SIZE :]
            assert pid_of(table, 0) == pid
            later = next((at for at in range(0, len(following), PACKET_SIZE) if pid_of(following, at) == pid), None)
            if later is not None:
                assert following[later + 3] & 15 == (table[3] + 1) & 15


def test_entry_times_run_on_over_the_wrap():
    _, entries = scanned(material.wrapping())
    times = [entry.dts for entry in entries if entry.dts is not None]
    assert any(later < earlier for earlier, later in itertools.pairwise(times))
    assert [difference(later, earlier) for earlier, later in itertools.pairwise(times)] == [90000] * 5
    assert all(0 <= time < CLOCK_MODULUS for time in times)


def test_of_two_programmes_the_one_with_a_picture_is_taken():
    scanner, entries = scanned(material.two_programmes())
    assert scanner.programmes == 2
    assert scanner.programme is not None
    assert scanner.programme.lead is not None
    assert scanner.programme.lead.codec is Codec.H264
    assert len(entries) == 4


def test_the_first_entry_of_two_programmes_announces_only_its_own():
    _, entries = scanned(material.two_programmes())
    pat = entries[0].tables[:PACKET_SIZE]
    assert pat[payload_offset(pat, 0) + 3] == 13  # one programme: 5 + 4 + CRC


@pytest.mark.parametrize("size", [0, 1, 187, 189])
def test_a_block_that_is_no_whole_number_of_packets_is_refused(size):
    scanner = EntryScanner()
    if size == 0:
        assert scanner.scan(b"", 0).entries == []
        return
    with pytest.raises(ValueError, match="whole number"):
        scanner.scan(b"\x47" * size, 0)


def test_a_memoryview_is_read_like_bytes():
    data = material.h264_aac()
    assert EntryScanner().scan(memoryview(data), 0).entries == EntryScanner().scan(data, 0).entries
