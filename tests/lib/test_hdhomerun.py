"""The language of network tuners, against the reference's vectors and against nonsense."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restreamer.lib import hdhomerun
from restreamer.lib.hdhomerun.packets import expected_length

REQUESTS = [
    "00 02 00 0c 01 04 ff ff ff ff 02 04 ff ff ff ff 73 cc 7d 8f",
    "00 02 00 0c 01 04 00 00 00 01 02 04 ff ff ff ff 4e 50 7f 35",
    "00 02 00 06 01 04 00 00 00 01 39 30 77 e7",
    "00 02 00 06 01 04 ff ff ff ff 4c 20 cb 4e",
    "00 02 00 0a 2d 08 00 00 00 01 00 00 00 05 4f 63 39 1f",
]


@pytest.mark.parametrize("device_id", ["10AA5474", "1070000E", "1080123D", "1048ABCD", "12345674", "10aa5474"])
def test_ids_with_the_right_checksum_are_valid(device_id):
    assert hdhomerun.is_valid(device_id)


@pytest.mark.parametrize(
    "device_id",
    ["12345678", "10FFFFFF", "00000000", "FFFFFFFF", "ffffffff", "", "10AA547", "10AA54740", "10AA547G", "éé"],
)
def test_other_ids_are_not(device_id):
    assert not hdhomerun.is_valid(device_id)


def test_new_ids_are_valid_and_differ():
    made = {hdhomerun.new_device_id() for _ in range(200)}
    assert all(hdhomerun.is_valid(one) for one in made)
    assert len(made) > 190


@pytest.mark.parametrize("request_hex", REQUESTS)
def test_real_requests_are_read(request_hex):
    packet = hdhomerun.read(bytes.fromhex(request_hex))
    assert packet.type == hdhomerun.Type.DISCOVER_REQUEST
    assert packet.values


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        bytes.fromhex(REQUESTS[0])[:-1],
        bytes.fromhex(REQUESTS[0]) + b"\0",
        bytes.fromhex(REQUESTS[0])[:-1] + b"\0",
        b"\x00\x02\xff\xff" + b"\0" * 8,
        b"x" * 1461,
    ],
)
def test_what_is_no_packet_is_told(data):
    with pytest.raises(hdhomerun.PacketError):
        hdhomerun.read(data)


@given(st.binary(max_size=1500))
def test_any_bytes_are_a_packet_or_a_packet_error(data):
    with contextlib.suppress(hdhomerun.PacketError):
        hdhomerun.read(data)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=4), st.integers(0, 65535))
def test_what_is_written_is_read_back(values, kind):
    packet = hdhomerun.read(written := hdhomerun.write(kind, values))
    assert (packet.type, list(packet.values)) == (kind, values)
    assert expected_length(written[:4]) == len(written)


def test_a_value_that_overruns_the_packet_ends_it():
    assert list(hdhomerun.tlvs(b"\x01\x02ab\x02\x09abc")) == [(1, b"ab")]
    assert list(hdhomerun.tlvs(b"\x01\x02ab\x02\x89")) == [(1, b"ab")]


def test_what_does_not_fit_a_packet_is_told():
    with pytest.raises(hdhomerun.PacketError):
        hdhomerun.write(3, [(1, b"x" * 1460)])
    with pytest.raises(hdhomerun.PacketError):
        expected_length(b"\x00\x04\xff\xff")
