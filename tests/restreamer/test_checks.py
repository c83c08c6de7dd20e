"""Settings that cannot be meant are found at start."""

from __future__ import annotations

import pytest

from restreamer.checks import settings_check
from restreamer.lib.errors import ConfigurationError
from restreamer.runner import preparation
from streaming import internal


def ids():
    return [message.id for message in settings_check()]


def test_the_defaults_are_fine():
    assert ids() == []


@pytest.mark.parametrize("address", ["tv.example", "ftp://tv.example", "http://", "http://tv.example/?a=1"])
def test_an_address_players_could_not_use(settings, address):
    settings.RESTREAMER_BASE_URL = address
    assert ids() == ["restreamer.E001"]


@pytest.mark.parametrize("address", ["http://192.168.1.5:8001", "https://tv.example", "https://tv.example/sub"])
def test_addresses_players_can_use(settings, address):
    settings.RESTREAMER_BASE_URL = address
    assert ids() == []


def test_a_proxy_that_is_no_network(settings):
    settings.TRUSTED_PROXIES = ["unix", "127.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "proxy"]
    assert ids() == ["restreamer.E002", "restreamer.E002"]


def test_one_ring_larger_than_all(settings):
    settings.RELAY_RING_BYTES = settings.RELAY_TOTAL_RING_BYTES + 1
    assert ids() == ["restreamer.E003"]


def test_debugging_in_front_of_everybody(settings):
    settings.DEBUG = True
    assert ids() == ["restreamer.W001"]
    settings.RESTREAMER_BIND = "127.0.0.1:8001"
    assert ids() == []


def test_up_refuses_what_is_wrong_with_what_to_type(settings):
    settings.RESTREAMER_BASE_URL = "tv.example"
    with pytest.raises(ConfigurationError, match=r"is no address of a web site\. Write it like a player would"):
        preparation.check_settings()


def test_a_warning_does_not_keep_up_from_starting(settings):
    settings.DEBUG = True
    preparation.check_settings()


@pytest.fixture
def nodes(settings, monkeypatch):
    settings.INTERNAL_BIND, settings.NODE_NAME = "10.0.0.2:8100", "node-a"
    settings.SECRET_KEY_GIVEN = settings.REDIS_URL_GIVEN = "given"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    return settings


def test_nodes_that_share_everything_are_fine(nodes):
    assert ids() == []


@pytest.mark.parametrize("bind", ["8100", "10.0.0.2", "10.0.0.2:65536", "10.0.0.2:x", "10.0.0.2:1/x", "0.0.0.0:8100"])
def test_an_internal_address_that_other_nodes_could_not_use(nodes, bind):
    nodes.INTERNAL_BIND = bind
    assert ids() == ["restreamer.E004"]


def test_an_internal_address_of_its_own(nodes):
    nodes.INTERNAL_BIND, nodes.INTERNAL_ADDRESS, nodes.RELAYS = "0.0.0.0:8100", "10.0.0.2", 3
    assert ids() == []
    assert internal.address_of(3) == "10.0.0.2:8102"
    assert internal.bind_of(3) == ("0.0.0.0", 8102)


def test_nodes_that_lack_what_they_must_share(nodes):
    nodes.SECRET_KEY_GIVEN, nodes.NODE_NAME = "", "node1"
    (message,) = settings_check()
    assert message.id == "restreamer.E005"
    assert "RESTREAMER_SECRET_KEY, RESTREAMER_NODE is not set" in message.msg
