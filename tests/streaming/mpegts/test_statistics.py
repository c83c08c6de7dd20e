"""What a scanner says about the stream it read."""

from __future__ import annotations

import pytest

from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.packets import NULL_PACKET, PACKET_SIZE
from streaming.mpegts.statistics import Statistics
from tests.mpegts import material

pytestmark = pytest.mark.ffmpeg


def statistics(data: bytes, block: int = 100 * PACKET_SIZE) -> Statistics:
    scanner = EntryScanner()
    for position in range(0, len(data), block):
        scanner.scan(data[position : position + block], position, position / 1e6)
    return scanner.statistics


def test_a_clean_stream_has_no_errors():
    found = statistics(material.h264_aac())
    assert (found.cc_errors, found.duplicates, found.time_jumps, found.pcr_jumps, found.psi_changes) == (0, 0, 0, 0, 0)
    assert found.units == 100


@pytest.mark.parametrize("block", [1, 7, 100000])
def test_every_lost_packet_is_counted_once(block):
    data = material.with_losses(material.video_only(), 97)
    lost = len(material.packets(material.video_only())) // 97
    assert statistics(data, block * PACKET_SIZE).cc_errors == lost


@pytest.mark.parametrize("block", [1, 7, 100000])
def test_duplicates_are_no_errors(block):
    found = statistics(material.with_duplicates(material.h264_aac(), 50), block * PACKET_SIZE)
    assert found.cc_errors == 0
    assert found.duplicates > 10


def test_null_packets_are_counted():
    assert statistics(NULL_PACKET * 10 + material.h264_aac()).null_packets == 10


def test_scrambled_packets_are_counted():
    data = bytearray(material.h264_aac())
    for at in range(100 * PACKET_SIZE, 110 * PACKET_SIZE, PACKET_SIZE):
        data[at + 3] |= 0x80
    assert statistics(bytes(data)).scrambled_packets == 10


def test_a_packet_with_a_transport_error_belongs_to_nobody():
    data = bytearray(material.video_only())
    data[200 * PACKET_SIZE + 1] |= 0x80
    found = statistics(bytes(data))
    assert found.transport_errors == 1
    assert found.cc_errors == 1


def test_a_loop_is_one_time_jump():
    found = statistics(material.h264_aac() * 2)
    assert found.time_jumps == 1
    assert found.pcr_jumps == 1


def test_the_wrap_of_the_clock_is_no_jump():
    found = statistics(material.wrapping())
    assert (found.time_jumps, found.pcr_jumps) == (0, 0)


def test_clocks_remember_when_they_last_moved():
    data = material.h264_aac()
    scanner = EntryScanner()
    scanner.scan(data, 0, 5.0)
    scanner.scan(NULL_PACKET * 100, len(data), 9.0)
    found = scanner.statistics
    assert found.pcr_moved_at == found.video_moved_at == found.audio_moved_at == 5.0


def test_bitrate_and_keyframe_interval_are_measured():
    data = material.h264_aac()
    found = statistics(data)
    assert found.keyframe_interval_s == 1.0
    assert found.bitrate_bps == pytest.approx(len(data) * 8 / 4, rel=0.4)
