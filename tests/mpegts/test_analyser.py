"""The analyser sees what it is there to see: each kind of damage makes it speak."""

from __future__ import annotations

import pytest

from tests.mpegts import material
from tests.mpegts.analyser import Limits, analyse, crc
from tests.mpegts.material import packets

pytestmark = pytest.mark.ffmpeg


def clean() -> list[bytes]:
    """Packets without problems, from the PAT on (ffmpeg begins with an SDT)."""
    return packets(material.h264_aac())[1:]


def problems(changed: list[bytes], **limits: float) -> str:
    return "\n".join(analyse(b"".join(changed), Limits(**limits)).problems)


def index_of(found: list[bytes], pid: int, nth: int = 0, *, starts: bool = False) -> int:
    hits = [i for i, p in enumerate(found) if (p[1] & 31) << 8 | p[2] == pid and (p[1] & 64 or not starts)]
    return hits[nth]


def edited(packet: bytes, **at: int) -> bytes:
    """The packet with some bytes, named b3 and so on, set."""
    out = bytearray(packet)
    for name, value in at.items():
        out[int(name[1:])] = value
    return bytes(out)


def test_crc_is_the_published_check_value():
    assert crc(b"123456789") == 0x0376E6E7


@pytest.mark.parametrize(
    "name", ["h264_aac", "h264_b_frames", "h265_aac", "mpeg2_mp2", "h264_ac3", "video_only", "audio_only", "wrapping"]
)
def test_what_ffmpeg_makes_has_no_problems(name):
    assert problems(packets(getattr(material, name)())[1:]) == ""


def test_facts_are_counted():
    report = analyse(b"".join(clean()))
    assert report.frames == 100
    assert set(report.video.dts_deltas) == {3600}
    assert report.first_pids[:3] == [0, 0x1000, 0x100]
    assert report.audio.codec == "aac"
    assert [i for i, access in enumerate(report.video.random_access) if access] == [0, 25, 50, 75]


def test_a_lost_packet_is_a_continuity_error():
    found = clean()
    del found[index_of(found, 0x100, 20)]
    assert "jumps from counter" in problems(found)


def test_one_exact_duplicate_is_legal_and_two_are_not():
    found = clean()
    i = index_of(found, 0x100, 20)
    assert problems([*found[:i], found[i], *found[i:]]) == ""
    assert "jumps from counter" in problems([*found[:i], found[i], found[i], *found[i:]])


def test_an_announced_discontinuity_is_no_error():
    found = clean()
    i = next(i for i, p in enumerate(found) if i > 50 and p[3] & 0x20 and p[4] and (p[1] & 31) << 8 | p[2] == 0x100)
    found[i] = edited(found[i], b5=found[i][5] | 0x80)
    del found[index_of(found[:i], 0x100, -1)]
    assert analyse(b"".join(found)).cc_errors == 0


def test_a_damaged_table_is_seen():
    found = clean()
    found[1] = edited(found[1], b20=found[1][20] ^ 1)
    assert "wrong CRC" in problems(found)


def test_a_loop_goes_back_in_time():
    text = problems(clean() * 2)
    assert "time goes back" in text
    assert "the PCR goes back" in text


def test_a_hole_is_a_leap():
    found = clean()
    first, second = index_of(found, 0x100, 30, starts=True), index_of(found, 0x100, 50, starts=True)
    text = problems(
        found[:first] + [p for p in found[first:second] if (p[1] & 31) << 8 | p[2] != 0x100] + found[second:]
    )
    assert "time leaps by 0.840 s" in text


def test_a_beginning_in_mid_picture_is_seen():
    found = clean()
    cut = found[:2] + found[index_of(found, 0x100, 10, starts=True) :]
    assert "no random access point" in problems(cut)


def test_a_beginning_without_tables_is_seen():
    assert "the first packet is no PAT" in problems(clean()[1:])
    assert "the second packet is no PMT" in problems([clean()[0], *clean()[2:]])


def test_unaligned_bytes_are_seen():
    data = b"".join(clean())
    assert "no whole number" in "\n".join(analyse(data[:-1]).problems)
    assert "0x47" in "\n".join(analyse(data[:1880] + b"x" + data[1881:]).problems)


def test_a_cut_pes_packet_is_seen():
    found = clean()
    i = index_of(found, 0x101, 3, starts=True) + 1
    gone = found.pop(i)
    assert (gone[1] & 31) << 8 | gone[2] == 0x101
    counter = gone[3] & 15
    for j in range(i, len(found)):
        if (found[j][1] & 31) << 8 | found[j][2] == 0x101:
            found[j] = edited(found[j], b3=found[j][3] & 0xF0 | counter)
            counter = (counter + 1) & 15
    assert "a PES packet of" in problems(found)


def test_packets_nobody_announced_are_seen():
    found = clean()
    found.insert(30, b"\x47\x03\x33\x10" + bytes(184))
    assert "no table announces" in problems(found)


def test_a_missing_sound_is_seen():
    assert "never comes" in problems([p for p in clean() if (p[1] & 31) << 8 | p[2] != 0x101])
