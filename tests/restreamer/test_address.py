"""Where we listen."""

from __future__ import annotations

import errno
import socket

import pytest

from restreamer.lib.errors import ConfigurationError
from restreamer.runner import address
from restreamer.runner.address import Address, listen, parse


@pytest.mark.parametrize(
    ("bind", "host", "port"),
    [
        ("0.0.0.0:8001", "0.0.0.0", 8001),
        ("localhost:80", "localhost", 80),
        ("[::1]:8001", "::1", 8001),
        (":8001", "0.0.0.0", 8001),
        ("[::]:8001", "::", 8001),
    ],
)
def test_addresses_are_read(bind, host, port):
    assert parse(bind) == Address(host, port)


@pytest.mark.parametrize("bind", ["", "8001", "host", "host:", "host:0", "host:65536", "host:-1", "host:http", "h:٣"])
def test_what_is_no_address_is_refused(bind):
    with pytest.raises(ConfigurationError, match="is no address"):
        parse(bind)


def test_a_taken_port_is_said_with_another_one_to_try():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} is taken.*RESTREAMER_BIND=127.0.0.1:"):
            listen(Address("127.0.0.1", port))


def test_a_foreign_address_is_said():
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.7 is no address of this machine"):
        listen(Address("192.0.2.7", 8001))


def test_an_unknown_host_is_said():
    with pytest.raises(ConfigurationError, match="unknown host"):
        listen(Address("no-such-host.invalid", 8001))


def test_a_reserved_port_is_said():
    err = OSError(errno.EACCES, "Permission denied")
    assert "Choose one above 1023" in address._refusal(Address("0.0.0.0", 80), err)


def test_bound_to_everything_it_names_the_address_of_the_network_first(monkeypatch):
    monkeypatch.setattr(address, "lan_address", lambda: "192.168.1.5")
    assert Address("0.0.0.0", 8001).urls() == ["http://192.168.1.5:8001/", "http://localhost:8001/"]


def test_without_a_network_it_names_this_machine(monkeypatch):
    monkeypatch.setattr(address, "lan_address", lambda: "127.0.0.1")
    assert Address("::", 80).urls() == ["http://localhost/"]


def test_a_v6_address_is_bracketed():
    assert Address("::1", 8001).urls() == ["http://[::1]:8001/"]
