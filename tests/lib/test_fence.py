"""What somebody else names must not lead into the house."""

from __future__ import annotations

import socket
import subprocess

import pytest

from restreamer.lib import http
from restreamer.lib.fence import Fence, around, networks_of
from restreamer.lib.http import HttpDoor
from tests.fakes.names import Names
from tests.fakes.portal_wire import Reply
from tests.fakes.proxy import Proxy
from tests.fakes.web import FakeWeb

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:192.168.1.1", "::ffff:0.0.0.0", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1",
    "2002:7f00:1::", "2002:c0a8:101::1", "2001:0:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip
#: Ways of writing 127.0.0.1 and friends that resolvers understand.
ODD = [
    "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.0.0.1", "127.1", "127.0.0.1.", "localhost.", "LOCALHOST",
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "[::1]", "[::ffff:127.0.0.1]", "nas", "nas.lan.", "0",
]  # fmt: skip
OPENED = Fence(networks_of(["127.0.0.1"]))


@pytest.fixture
def names(monkeypatch):
    return Names(monkeypatch)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_outside_however_they_are_written(address):
    assert not Fence().holds(address)
    assert not Fence().holds_written(address)
    with pytest.raises((http.FencedOff, OSError)):
        Fence().addresses_of(address)


@pytest.mark.parametrize("host", ODD)
def test_odd_ways_of_writing_change_nothing(host):
    assert not Fence().holds_written(host)
    with pytest.raises((http.FencedOff, OSError)):
        Fence().addresses_of(host)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public_addresses_are_inside(address):
    assert Fence().holds(address)
    assert Fence().holds_written(address)
    assert Fence().addresses_of(address)


def test_names_of_this_machine_are_outside_and_an_opened_network_is_inside():
    with pytest.raises(http.FencedOff):
        Fence().addresses_of("localhost")
    assert not Fence().holds_written("localhost")
    assert set(Fence(networks_of(["127.0.0.0/8", "::1"])).addresses_of("localhost")) <= {"127.0.0.1", "::1"}


def test_one_private_address_among_several_is_enough(names):
    names.says["two-faced.example"] = [["1.1.1.1", "192.168.1.1"]]
    with pytest.raises(http.FencedOff):
        Fence().addresses_of("two-faced.example")


@pytest.mark.parametrize(
    "address",
    [
        "http://192.168.1.5:8000/c/",
        "192.168.1.5:8000/c",
        "http://[fd00::5]:8000/c/",
        "http://tvheadend/x",
        "http://nas.lan/",
        "http://nas.lan./",
        "/data/list.m3u",
        "file:///data/list.m3u",
    ],
)
def test_a_provider_in_the_house_may_name_its_neighbours(address):
    assert around(address, ()) is None


@pytest.mark.parametrize("address", ["http://portal.example/c/", "portal.example/c", "http://[bad", ""])
def test_any_other_provider_may_not(address):
    fence = around(address, ())
    assert fence is not None
    assert not fence.holds("127.0.0.1")


@pytest.fixture
def web():
    with FakeWeb({"/a": Reply(b"secret of the house")}) as server:
        yield server


def test_the_door_asks_nothing_of_a_private_host(web):
    with HttpDoor(fence=Fence()) as door, pytest.raises(http.FencedOff):
        door.get(f"{web.origin}/a")
    assert web.requests == []


def test_every_redirect_is_judged_again(web):
    web.routes["/go"] = Reply(status=302, headers={"Location": f"http://127.0.0.2:{web.port}/a"})
    with HttpDoor(fence=OPENED) as door, pytest.raises(http.FencedOff):
        door.get(f"{web.origin}/go")
    assert [one.path for one in web.requests] == ["/go"]


def test_a_name_is_looked_up_once_and_just_that_is_connected_to(web, names):
    # Whoever looked a second time would be sent to the other address.
    names.says["rebinding.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    with HttpDoor(fence=OPENED) as door:
        assert door.get(f"http://rebinding.example:{web.port}/a").body == b"secret of the house"
        assert names.asked == ["rebinding.example"]
        assert web.requests[0].headers["Host"] == f"rebinding.example:{web.port}"


def test_a_name_that_turns_private_is_found_out_before_a_connection(names):
    names.says["rebinding.example"] = [["127.0.0.2"]]
    with socket.create_server(("127.0.0.2", 0)) as listener, HttpDoor(fence=OPENED) as door:
        with pytest.raises(http.FencedOff):
            door.get(f"http://rebinding.example:{listener.getsockname()[1]}/a")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_the_next_address_is_tried_when_one_refuses(web, names):
    names.says["two.example"] = [["127.0.0.3", "127.0.0.1"], ["127.0.0.3"]]
    with HttpDoor(fence=Fence(networks_of(["127.0.0.0/8"]))) as door:
        assert door.get(f"http://two.example:{web.port}/a").status == 200


def test_the_certificate_is_the_names(tmp_path, names):
    # The address connected to is not in it; the name is sent and checked.
    made = tmp_path / "both.pem"
    ask = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tls.example -addext subjectAltName=DNS:tls.example"
    )
    subprocess.run([*ask.split(), "-keyout", made, "-out", tmp_path / "c.pem"], check=True, capture_output=True)
    made.write_text(made.read_text() + (tmp_path / "c.pem").read_text())
    names.says |= {"tls.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
    trusting = HttpDoor(verify_tls=str(tmp_path / "c.pem"), fence=OPENED)
    with FakeWeb({"/a": Reply(b"sealed")}, certificate=made) as sealed, trusting as door:
        assert door.get(f"https://tls.example:{sealed.port}/a").body == b"sealed"
        with pytest.raises(http.Unreachable) as caught:
            door.get(f"https://other.example:{sealed.port}/a")
        assert caught.value.reason == "tls"


def test_an_unknown_host_is_unknown_with_a_fence_too(monkeypatch):
    def nothing(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with HttpDoor(fence=Fence()) as door, pytest.raises(http.Unreachable) as caught:
        door.get("http://nobody.example/")
    assert caught.value.reason == "dns"


def test_an_opened_network_can_be_asked(web):
    with HttpDoor(fence=Fence(networks_of(["127.0.0.0/8"]))) as door:
        assert door.get(f"{web.origin}/a").body == b"secret of the house"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "[::1]", "nas.lan"])
def test_through_a_proxy_nothing_of_the_house_is_asked_for(web, host):
    with Proxy(web.port) as proxy, HttpDoor(proxy_url=proxy.url, fence=Fence()) as door:
        for scheme in ("http", "https"):
            with pytest.raises(http.FencedOff):
                door.get(f"{scheme}://{host}:{web.port}/a")
        assert door.get("http://public.example/a").body == b"secret of the house"
    assert proxy.asked == ["GET http://public.example/a HTTP/1.1"]


def test_readers_of_addresses_that_disagree_do_not_help(web):
    # One library reads the host in front of the backslash, another the one behind it.
    with Proxy(web.port) as proxy, HttpDoor(proxy_url=proxy.url, fence=Fence()) as door:
        with pytest.raises(http.FencedOff):
            door.get("http://127.0.0.1\\@public.example/a")
        door.get("http://public.example\\@127.0.0.1/a")
    assert proxy.asked == ["GET http://public.example/%5C@127.0.0.1/a HTTP/1.1"]


def test_a_socks_proxy_that_does_not_look_up_is_given_what_was_judged(names):
    names.says["rebinding.example"] = [["127.0.0.2"]]
    door = HttpDoor(proxy_url="socks5://127.0.0.1:9", fence=OPENED)
    with door, pytest.raises(http.FencedOff):
        door.get("http://rebinding.example/")
    names.says["rebinding.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    names.asked.clear()
    with HttpDoor(proxy_url="socks5://127.0.0.1:9", fence=OPENED) as door, pytest.raises(http.Unreachable):
        door.get("http://rebinding.example/")
    assert names.asked == ["rebinding.example"]
