"""What somebody else names must not lead into the house."""

from __future__ import annotations

import socket

import pytest

from restreamer.lib import http
from restreamer.lib.fence import Fence, around, networks_of
from restreamer.lib.http import HttpDoor
from tests.fakes.portal_wire import Reply
from tests.fakes.web import FakeWeb

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:192.168.1.1", "64:ff9b::7f00:1", "2002:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_outside_however_they_are_written(address):
    assert not Fence().holds_peer(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public_addresses_are_inside(address):
    assert Fence().holds_peer(address)


def test_names_of_this_machine_are_outside_and_an_opened_network_is_inside():
    assert not Fence().holds("localhost")
    assert not Fence().holds_written("localhost")
    assert Fence(networks=networks_of(["127.0.0.0/8", "::1"])).holds("localhost")


def test_one_private_address_among_several_is_enough(monkeypatch):
    both = [(0, 0, 0, "", ("1.1.1.1", 0)), (0, 0, 0, "", ("192.168.1.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: both)
    assert not Fence().holds("two-faced.example")


@pytest.mark.parametrize(
    "address",
    [
        "http://192.168.1.5:8000/c/",
        "192.168.1.5:8000/c",
        "http://tvheadend/x",
        "http://nas.lan/",
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
    # The owner's own host may be asked; what it redirects to may not.
    web.routes["/go"] = Reply(status=302, headers={"Location": f"http://127.0.0.2:{web.port}/a"})
    with HttpDoor(fence=Fence(frozenset({"127.0.0.1"}))) as door, pytest.raises(http.FencedOff):
        door.get(f"{web.origin}/go")
    assert [one.path for one in web.requests] == ["/go"]


def test_a_name_that_means_another_address_a_moment_later_is_found_out(web, monkeypatch):
    monkeypatch.setattr(Fence, "holds", lambda self, host: True)
    with HttpDoor(fence=Fence()) as door, pytest.raises(http.FencedOff):
        door.get(f"{web.origin}/a")
    assert web.requests == [], "connected perhaps, but nothing was sent"


def test_an_opened_network_can_be_asked(web):
    with HttpDoor(fence=Fence(networks=networks_of(["127.0.0.0/8"]))) as door:
        assert door.get(f"{web.origin}/a").body == b"secret of the house"
