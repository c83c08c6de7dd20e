"""Settings that cannot be meant are found at start."""

from __future__ import annotations

import pytest

from restreamer.checks import settings_check
from restreamer.lib.errors import ConfigurationError
from restreamer.runner import preparation


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
    settings.TRUSTED_PROXIES = ["127.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "proxy"]
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
