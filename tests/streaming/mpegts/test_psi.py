"""Programme tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.mpegts.packets import PACKET_SIZE
from streaming.mpegts.psi import (
    BadTable,
    Codec,
    Kind,
    Programme,
    SectionAssembler,
    Track,
    build_pat,
    build_pmt,
    codec_of,
    crc32,
    packetise,
    parse_pat,
    parse_pmt,
    recount,
)

BIG = Programme(
    number=7,
    pmt_pid=0x20,
    pcr_pid=0x100,
    tracks=tuple(Track(0x100 + i, 0x0F, Codec.AAC, "deu", b"\x0a\x04deu\x00" + b"\x52\x01\x00" * 4) for i in range(30)),
    version=3,
    info=b"\x05\x04HDMV",
)


def assembled(packets: bytes) -> list[bytes]:
    assembler = SectionAssembler()
    return [section for at in range(0, len(packets), PACKET_SIZE) for section in assembler.feed(packets, at)]


def test_crc_is_the_published_check_value():
    # The catalogue's check value of CRC-32/MPEG-2 over "123456789".
    assert crc32(b"123456789") == 0x0376E6E7


def test_a_programme_reads_as_it_was_written():
    assert parse_pmt(build_pmt(BIG), BIG.pmt_pid) == BIG


def test_a_pat_reads_as_it_was_written():
    pat = parse_pat(build_pat(BIG, version=5))
    assert (pat.programmes, pat.version, pat.transport_stream_id) == ({7: 0x20}, 5, 1)


def test_a_section_over_several_packets_is_assembled():
    section = build_pmt(BIG)
    packets = packetise(section, 0x20, 14)
    assert len(packets) == 4 * PACKET_SIZE
    assert [packets[at + 3] & 15 for at in range(0, len(packets), PACKET_SIZE)] == [14, 15, 0, 1]
    assert assembled(packets * 2) == [section, section]


def test_a_section_may_begin_where_another_ends():
    first, second = build_pmt(BIG), build_pat(BIG)
    rest = first[183:]
    packets = packetise(first, 0x20, 0)[:PACKET_SIZE]
    packets += b"\x47\x40\x20\x11" + bytes([len(rest[:150])]) + b""
    packets = packets[:PACKET_SIZE] + _packet(False, first[183:367]) + _packet(False, first[367:551])
    packets += _packet(True, bytes([len(first[551:])]) + first[551:] + second)
    assert assembled(packets) == [first, second]


def _packet(start: bool, payload: bytes) -> bytes:
    return (b"\x47" + (b"\x40" if start else b"\x00") + b"\x20\x10" + payload).ljust(PACKET_SIZE, b"\xff")


def test_a_damaged_section_is_dropped_and_counted():
    packets = bytearray(packetise(build_pmt(BIG), 0x20, 0))
    packets[300] ^= 1
    assembler = SectionAssembler()
    assert [s for at in range(0, len(packets), PACKET_SIZE) for s in assembler.feed(packets, at)] == []
    assert assembler.damaged == 1


def test_recounted_packets_end_at_the_counter_asked_for():
    packets = recount(packetise(build_pmt(BIG), 0x20, 9), 1)
    assert [packets[at + 3] & 15 for at in range(0, len(packets), PACKET_SIZE)] == [14, 15, 0, 1]


@pytest.mark.parametrize(
    ("stream_type", "descriptors", "codec", "kind"),
    [
        (0x1B, b"", Codec.H264, Kind.VIDEO),
        (0x24, b"", Codec.H265, Kind.VIDEO),
        (0x01, b"", Codec.MPEG2, Kind.VIDEO),
        (0x0F, b"", Codec.AAC, Kind.AUDIO),
        (0x81, b"", Codec.AC3, Kind.AUDIO),
        (0x06, b"\x0a\x04deu\x00\x6a\x01\x00", Codec.AC3, Kind.AUDIO),
        (0x06, b"\x7a\x01\x00", Codec.EAC3, Kind.AUDIO),
        (0x06, b"\x56\x05deu\x08\x00", Codec.TELETEXT, Kind.SUBTITLES),
        (0x06, b"\x59\x08deu\x10\x00\x01\x00\x01", Codec.DVB_SUBTITLES, Kind.SUBTITLES),
        (0x06, b"\x05\x04Opus\x7f\x02\x80\x02", Codec.OPUS, Kind.AUDIO),
        (0x06, b"\x05\x04HEVC", Codec.H265, Kind.VIDEO),
        (0x06, b"\x05\xffHE", Codec.UNKNOWN, Kind.DATA),
        (0x86, b"", Codec.SCTE35, Kind.DATA),
        (0xEA, b"", Codec.UNKNOWN, Kind.DATA),
    ],
)
def test_codecs_are_told_by_type_and_descriptors(stream_type, descriptors, codec, kind):
    assert codec_of(stream_type, descriptors) is codec
    assert Track(1, stream_type, codec).kind is kind


@given(st.binary(max_size=300))
def test_no_bytes_make_a_parser_fail_otherwise_than_by_bad_table(data):
    for parse in (parse_pat, lambda section: parse_pmt(section, 1)):
        try:
            parse(data)
        except BadTable:
            continue


@given(st.lists(st.binary(min_size=PACKET_SIZE, max_size=PACKET_SIZE), max_size=8))
def test_no_packets_make_the_assembler_fail(packets):
    for section in assembled(b"".join(packets)):
        assert crc32(section) == 0
