"""Unpacking while bytes arrive: every format, every cut, and what an attacker would send."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restreamer.lib import decompress
from restreamer.lib.decompress import ArchiveCut, ArchiveDamaged, TooLarge, unpacked

#: Machines that run tests are busy; how long one example takes says nothing.
unhurried = settings(deadline=None)

TEXT = b"#EXTM3U\n" + b"".join(b"#EXTINF:-1,Channel %d\nhttp://h/%d.ts\n" % (i, i) for i in range(2000))


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def zipped_to_a_pipe(content: bytes, method: int) -> bytes:
    """As `zip -` writes it: sizes follow the data."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.out = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.out += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", method) as archive, archive.open("list.m3u", "w") as member:
        member.write(content)
    return bytes(pipe.out)


PACKED = {
    "plain": TEXT,
    "gzip": gzip.compress(TEXT),
    "gzip of two members": gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]),
    "gzip with padding": gzip.compress(TEXT) + b"\0" * 512,
    "xz": lzma.compress(TEXT),
    "xz of two streams": lzma.compress(TEXT[:5000]) + lzma.compress(TEXT[5000:]),
    "bzip2": bz2.compress(TEXT),
    "bzip2 of two streams": bz2.compress(TEXT[:5000]) + bz2.compress(TEXT[5000:]),
    "zip": zipped(("list.m3u", TEXT), ("readme.txt", b"no")),
    "zip with a folder first": zipped(("lists/", b""), ("lists/list.m3u", TEXT)),
    "zip, stored": zipped(("list.m3u", TEXT), ("readme.txt", b"no"), method=zipfile.ZIP_STORED),
    "zip from a pipe": zipped_to_a_pipe(TEXT, zipfile.ZIP_DEFLATED),
    "gzip of gzip": gzip.compress(gzip.compress(TEXT)),
    "gzip of xz of zip": gzip.compress(lzma.compress(zipped(("list.m3u", TEXT)))),
}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 4096, 10**7])
@pytest.mark.parametrize("form", PACKED)
def test_every_form_unpacks_to_the_same_bytes_however_it_arrives(form, size):
    assert b"".join(unpacked(cut(PACKED[form], size))) == TEXT


@pytest.mark.parametrize("form", [form for form in PACKED if form != "plain"])
def test_an_archive_cut_short_is_never_taken_for_a_whole_one(form):
    whole = PACKED[form]
    ends = len(whole) // 3 if "two" not in form else len(whole) - 20

    with pytest.raises(ArchiveDamaged):
        b"".join(unpacked([whole[:ends]]))


@pytest.mark.parametrize("form", ["gzip", "xz", "bzip2"])
def test_a_cut_is_named_as_a_cut(form):
    with pytest.raises(ArchiveCut, match="cut off"):
        b"".join(unpacked([PACKED[form][:-12]]))


@pytest.mark.parametrize("form", ["gzip", "xz", "bzip2", "zip"])
def test_a_damaged_archive_says_so(form):
    broken = bytearray(PACKED[form])
    broken[len(broken) // 2] ^= 0xFF
    broken[len(broken) // 2 + 1] ^= 0xFF

    with pytest.raises(ArchiveDamaged):
        b"".join(unpacked([bytes(broken)]))


def test_a_locked_zip_says_so():
    locked = bytearray(zipped(("list.m3u", TEXT)))
    locked[6] |= 1

    with pytest.raises(ArchiveDamaged, match="locked with a password"):
        b"".join(unpacked([bytes(locked)]))


def test_a_zip_without_a_file_says_so():
    with pytest.raises(ArchiveDamaged, match="holds no file"):
        b"".join(unpacked([zipped(("lists/", b""))]))


def test_a_zip_that_cannot_be_streamed_says_so():
    with pytest.raises(ArchiveDamaged, match="use gzip instead"):
        b"".join(unpacked([zipped_to_a_pipe(TEXT, zipfile.ZIP_STORED)]))


def test_four_layers_of_packing_are_refused():
    layered = TEXT
    for _ in range(4):
        layered = gzip.compress(layered)

    with pytest.raises(ArchiveDamaged, match="archive in an archive"):
        b"".join(unpacked([layered]))


def test_nothing_unpacks_to_nothing():
    assert list(unpacked([])) == []
    assert b"".join(unpacked([b"", b""])) == b""


def test_plain_bytes_are_capped():
    with pytest.raises(TooLarge, match="larger than 1 MB"):
        for _ in unpacked([b"x" * 1024] * 2000, max_bytes=1024 * 1024):
            pass


@pytest.mark.parametrize("form", ["gzip", "xz", "bzip2", "zip"])
def test_a_bomb_stops_at_the_cap_and_costs_little_memory(form):
    pack = {
        "gzip": gzip.compress,
        "xz": lambda data: lzma.compress(data, preset=0),
        "bzip2": bz2.compress,
        "zip": lambda data: zipped(("list.m3u", data)),
    }[form]
    bomb = pack(b"\0" * (64 * 1024 * 1024))

    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            for _ in unpacked([bomb], max_bytes=16 * 1024 * 1024):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 * 1024 * 1024


def test_an_xz_that_asks_for_too_much_memory_is_refused(monkeypatch):
    monkeypatch.setattr(decompress, "_XZ_MEMORY_BYTES", 1024 * 1024)

    with pytest.raises(ArchiveDamaged):
        b"".join(unpacked([lzma.compress(TEXT, preset=9)]))


@unhurried
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"BZh9", b"PK\x03\x04"]))
def test_arbitrary_bytes_unpack_or_fail_with_a_name(junk, magic):
    with contextlib.suppress(ArchiveDamaged):
        b"".join(unpacked([magic, junk]))


@unhurried
@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(1, 50))
def test_members_are_joined_wherever_the_cuts_fall(contents, size):
    # A first letter that begins no archive: what is packed may be packed itself.
    contents = [b"#", *contents]
    packed = b"".join(gzip.compress(content) for content in contents)

    assert b"".join(unpacked(cut(packed, size))) == b"".join(contents)


def test_zlib_with_pending_output_is_drained():
    # One long run: little input, far more output than one piece holds.
    run = b"\0" * (5 * 1024 * 1024)
    assert sum(len(piece) for piece in unpacked(cut(gzip.compress(run), 3))) == len(run)
    assert zlib.crc32(b"".join(unpacked([gzip.compress(run)]))) == zlib.crc32(run)
