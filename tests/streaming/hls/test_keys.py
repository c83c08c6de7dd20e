"""Encrypted segments: the right key, fetched once, and AES-128-CBC undone however the bytes are cut."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.faults import Fault, UpstreamError
from streaming.hls.keys import Decryptor, KeyRing, usable, vector
from streaming.hls.playlist import Segment
from streaming.hls.tags import Key

KEY, IV = bytes(range(16)), bytes(range(16, 32))


def key(method="AES-128", uri="http://h/k", iv=None, keyformat="identity"):
    return Key(method, uri, iv, keyformat)


def encrypted(clear: bytes, *, padded=True) -> bytes:
    """By OpenSSL, so that not the same library does both."""
    command = ["openssl", "enc", "-aes-128-cbc", "-K", KEY.hex(), "-iv", IV.hex(), *([] if padded else ["-nopad"])]
    return subprocess.run(command, input=clear, capture_output=True, check=True).stdout


def decrypted(data: bytes, step: int) -> bytes:
    decryptor = Decryptor(KEY, IV)
    pieces = [decryptor.feed(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*pieces, decryptor.finish()])


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 188 * 20])
@pytest.mark.parametrize("step", [1, 16, 1000])
def test_what_openssl_encrypts_is_read_however_it_is_cut(size, step):
    clear = bytes(n % 251 for n in range(size))

    assert decrypted(encrypted(clear), step) == clear


def test_a_segment_without_padding_keeps_its_last_packet():
    clear = b"\x47" + bytes(750) + b"\xff"

    assert decrypted(encrypted(clear, padded=False), 100) == clear


def test_a_segment_cut_inside_a_block_loses_that_block_only():
    clear = bytes(range(160))

    assert decrypted(encrypted(clear)[:100], 7) == clear[:96]


@given(st.binary(max_size=200))
def test_no_bytes_make_it_crash(data):
    decryptor = Decryptor(KEY, IV)
    decryptor.feed(data)
    decryptor.finish()


def test_a_segment_in_the_clear_needs_no_key():
    assert usable(()) is None


def test_the_plain_key_is_taken_among_several():
    assert usable((key(uri="http://h/other", keyformat="com.x"), key())).uri == "http://h/k"


def test_a_plain_key_under_an_invented_name_is_tried():
    assert usable((key(keyformat="123"), key(uri="http://h/2", keyformat="456"))).uri == "http://h/k"


@pytest.mark.parametrize(
    "unusable",
    [
        key("SAMPLE-AES", "skd://x", keyformat="com.apple.streamingkeydelivery"),
        key("SAMPLE-AES-CTR"),
        key("AES-256"),
        key("", ""),
        key("AES-128", "skd://x"),
        key("AES-128", ""),
        key("AES-128", "file:///etc/passwd"),
    ],
)
def test_what_only_a_licence_could_open_is_scrambled(unusable):
    with pytest.raises(UpstreamError) as caught:
        usable((unusable,))

    assert caught.value.fault is Fault.SCRAMBLED
    assert "encrypted" in caught.value.message


def test_without_a_vector_the_segment_s_number_is_one():
    segment = Segment("http://h/1.ts", 258, 6)

    assert vector(key(), segment) == bytes(14) + b"\x01\x02"
    assert vector(key(iv=IV), segment) == IV


def counting_ring():
    asked = []

    def fetch(url):
        asked.append(url)
        return KEY

    return asked, KeyRing(fetch)


def test_a_key_is_fetched_once():
    asked, ring = counting_ring()

    assert [ring.get("http://h/k") for _ in range(3)] == [KEY] * 3
    assert len(asked) == 1


def test_keys_that_rotate_for_ever_do_not_fill_the_memory():
    asked, ring = counting_ring()
    for n in range(200):
        ring.get(f"http://h/{n}")

    ring.get("http://h/199")
    ring.get("http://h/0")

    assert len(asked) == 201


@pytest.mark.parametrize("wrong", [b"", b"short", bytes(17), b"<html>"])
def test_a_key_of_another_length_is_said_so(wrong):
    with pytest.raises(UpstreamError, match=f"{len(wrong)} bytes") as caught:
        KeyRing(lambda url: wrong).get("http://h/k")

    assert caught.value.fault is Fault.SCRAMBLED
