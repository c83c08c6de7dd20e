"""What is answered to whom: discovery, the control port, SSDP."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading

import pytest

from restreamer.lib import hdhomerun
from restreamer.lib.hdhomerun import Tag, Type
from streaming.discovery import control, ssdp, udp
from streaming.discovery.facts import Announced, base_url
from streaming.discovery.process import Discovery
from tests.house import free_port
from tests.lib.test_hdhomerun import REQUESTS

HOME = Announced("Living room", "10AA5474", 2, 18477, "127.0.0.0/8 10.77.0.0/24")
OTHER = Announced("Kitchen", "1070000E", 4, 5004, "127.0.0.0/8")


@pytest.mark.parametrize("request_hex", REQUESTS)
def test_every_real_request_for_tuners_is_answered(request_hex):
    assert len(udp.answers(bytes.fromhex(request_hex), [HOME, OTHER], "10.77.0.1")) == 2


def test_the_reply_is_the_references_and_says_who_we_are():
    reply = udp.reply(HOME, "10.77.0.1")
    assert reply.startswith(bytes.fromhex("0003")), "a discover reply"
    vector = bytes.fromhex("010400000001 020410aa5474 100102 2a16") + b"http://10.77.0.1:18477"
    assert reply[4:].startswith(vector + bytes.fromhex("2722") + b"http://10.77.0.1:18477/lineup.json")
    packet = hdhomerun.read(reply)
    assert packet.value(Tag.DEVICE_AUTH) == b"restreamer"


def request(*values):
    return hdhomerun.write(Type.DISCOVER_REQUEST, values)


@pytest.mark.parametrize(
    ("values", "replies"),
    [
        ([], 2),
        ([(Tag.DEVICE_ID, bytes.fromhex("10aa5474"))], 1),
        ([(Tag.DEVICE_ID, bytes.fromhex("10aa5475"))], 0),
        ([(Tag.DEVICE_TYPE, b"\0\0\0\5")], 0),
        ([(Tag.SEVERAL_TYPES, b"\0\0\0\5")], 0),
        ([(Tag.SEVERAL_TYPES, b"\0\0\0\5\0\0\0\1")], 2),
    ],
)
def test_only_what_was_asked_for_answers(values, replies):
    assert len(udp.answers(request(*values), [HOME, OTHER], "10.77.0.1")) == replies


def test_a_number_of_the_wrong_size_is_malformed():
    with pytest.raises(hdhomerun.PacketError):
        udp.answers(request((Tag.DEVICE_ID, b"\1")), [HOME], "10.77.0.1")


def test_other_packets_are_met_with_silence():
    assert udp.answers(hdhomerun.write(6, []), [HOME], "10.77.0.1") == []


def test_a_base_url_that_clients_cannot_hold_is_not_sent():
    packet = hdhomerun.read(udp.reply(HOME, "fd00:1234:5678:9abc::1"))
    assert packet.value(Tag.BASE_URL) is None
    assert base_url("255.255.255.255", 65535) == "http://255.255.255.255:65535"


def ask(name, value=None):
    values = [(Tag.NAME, name.encode() + b"\0")] + ([(Tag.VALUE, value)] if value else [])
    reply = control.answer(hdhomerun.read(hdhomerun.write(Type.GETSET_REQUEST, values)), HOME)
    packet = hdhomerun.read(reply)
    assert packet.type == Type.GETSET_REPLY
    return (packet.value(Tag.VALUE) or packet.value(Tag.ERROR)).rstrip(b"\0").decode()


def test_the_control_port_tells_and_sets_nothing():
    assert ask("/sys/model") == "hdhomerun4_atsc"
    assert ask("/tuner1/status").startswith("ch=none")
    assert ask("/tuner0/lockkey") == "none"
    assert ask("/tuner2/status").startswith("ERROR"), "it has two tuners"
    assert ask("/no/such/thing").startswith("ERROR")
    assert ask("/tuner0/channel", b"auto:7\0").startswith("ERROR")


def search(st="ssdp:all", man='"ssdp:discover"', mx="2"):
    return f"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: {man}\r\nMX: {mx}\r\nST: {st}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (search(), ("ssdp:all", 2.0)),
        (search(mx="900"), ("ssdp:all", 5.0)),
        (search(mx="soon"), ("ssdp:all", 1.0)),
        (search(man="no"), None),
        (search(st=""), None),
        (b"NOTIFY * HTTP/1.1\r\n\r\n", None),
        (b"\xff\xfe", None),
        (b"M-SEARCH * HTTP/1.1\r\n" + b"x" * 3000, None),
    ],
)
def test_searches_are_told_from_other_messages(data, found):
    assert ssdp.search(data) == found


def test_a_search_for_everything_has_three_answers_that_name_the_description():
    replies = ssdp.answers("ssdp:all", [HOME], "10.77.0.1")
    assert len(replies) == 3
    for reply in replies:
        assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"LOCATION: http://10.77.0.1:18477/device.xml\r\n" in reply
        assert reply.endswith(b"\r\n\r\n")
    assert len(ssdp.answers("upnp:rootdevice", [HOME], "10.77.0.1")) == 1
    assert ssdp.answers("urn:other", [HOME], "10.77.0.1") == []


def test_leaving_is_told_for_each_target():
    told = ssdp.announcements([HOME], "10.77.0.1", leaving=True)
    assert [b"ssdp:byebye" in one for one in told] == [True] * 3


@pytest.fixture
def running():
    """A discovery process on a free port, in a thread."""
    port = free_port()
    known = [HOME]
    discovery = Discovery(lambda: list(known), port=port)
    thread = threading.Thread(target=discovery.run)
    thread.start()
    yield port, discovery
    discovery.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_over_the_wire_each_copy_is_answered_and_nonsense_is_not(running):
    port, discovery = running
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(b"nonsense", ("127.0.0.1", port))
        for _ in range(2):
            client.sendto(bytes.fromhex(REQUESTS[0]), ("127.0.0.1", port))
            reply, sender = client.recvfrom(2000)
            assert sender[1] == port
            assert hdhomerun.read(reply).value(Tag.BASE_URL) == b"http://127.0.0.1:18477"
    assert discovery.malformed == 1


def test_whoever_may_not_use_a_tuner_does_not_find_it():
    assert not HOME.is_for("192.168.7.7")
    assert HOME.is_for("10.77.0.9")


def test_a_control_connection_that_talks_nonsense_is_closed(running):
    port, _ = running
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"\x00\x04\xff\xff")
        assert client.recv(100) == b""


def test_a_control_connection_answers_requests_that_come_in_pieces(running):
    port, _ = running
    whole = hdhomerun.write(Type.GETSET_REQUEST, [(Tag.NAME, b"/sys/version\0")])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(whole[:5])
        client.sendall(whole[5:] + whole)
        got = b""
        while len(got) < 2 * len(whole):
            got += client.recv(1000)
    assert got.count(b"20220822") == 2


def test_a_database_that_fails_silences_nothing():
    known = [HOME]

    def snapshot():
        if not known:
            raise OSError("the database is away")
        return [known.pop()]

    discovery = Discovery(snapshot, port=free_port())
    discovery._refresh()
    discovery._read_at = float("-inf")
    discovery._refresh()
    assert discovery._devices == [HOME]
    discovery._running = False
    discovery.run()


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("hdhomerun_config") is None, reason="hdhomerun_config is not installed")
def test_the_makers_own_tool_finds_the_tuner_and_reads_it():
    discovery = Discovery(lambda: [HOME])
    if discovery._udp is None:
        discovery._running = False
        discovery.run()
        pytest.skip("port 65001 is taken on this machine")
    thread = threading.Thread(target=discovery.run)
    thread.start()
    try:
        found = subprocess.run(
            ["hdhomerun_config", "discover", "127.0.0.1"], capture_output=True, text=True, timeout=20
        )
        assert "hdhomerun device 10AA5474 found at 127.0.0.1" in found.stdout
        model = ["hdhomerun_config", "127.0.0.1", "get", "/sys/model"]
        assert "hdhomerun4_atsc" in subprocess.run(model, capture_output=True, text=True, timeout=20).stdout
    finally:
        discovery.stop()
        thread.join(5)
