"""The front door: what it takes, what it refuses, and that it never keeps what it refused."""

from __future__ import annotations

import json
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from restreamer.lib.errors import ConfigurationError
from streaming.relay.control import ControlSocket
from streaming.relay.seams import Ticket

TICKET = Ticket("s1", "channel:1", 1, "Ann", "One")


class Door:
    """A front door and what came through it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: list[tuple[Ticket, socket.socket]] = []
        self.control = ControlSocket(path, lambda ticket, sock: self.taken.append((ticket, sock)))

    def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(5)
        sock.connect(str(self.path))
        return sock

    def tell(self, message: bytes, *fds: int) -> dict[str, object]:
        with self.connect() as sock:
            socket.send_fds(sock, [message + b"\n"], list(fds))
            return dict(json.loads(sock.recv(65536)))

    def close(self) -> None:
        self.control.close()
        for _, sock in self.taken:
            sock.close()


@pytest.fixture
def door(nothing_left: None, tmp_path: Path) -> Iterator[Door]:
    opened = Door(tmp_path / "relay.sock")
    yield opened
    opened.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_ticket_arrives_with_its_socket(door: Door, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    assert door.tell(TICKET.to_json(), theirs.fileno()) == {"ok": True, "error": ""}
    ticket, sock = door.taken[0]
    assert ticket == TICKET
    sock.send(b"hello")
    assert ours.recv(10) == b"hello"


def test_only_its_owner_may_use_it(door: Door) -> None:
    assert stat.S_IMODE(door.path.stat().st_mode) == 0o600


def test_a_ping_is_answered(door: Door) -> None:
    assert door.tell(b'{"ping": true}') == {"ok": True, "error": ""}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"ticket"',
        b"\xff\xfe\x00",
        b"{}",
        b'{"session_id": 1, "key": "k", "viewer_id": 1, "viewer_name": "x", "title": "t"}',
        b'{"session_id": "s", "key": "", "viewer_id": 1, "viewer_name": "x", "title": "t"}',
        b'{"session_id": "s", "key": "k", "viewer_id": "1", "viewer_name": "x", "title": "t"}',
        b'{"session_id": "s", "key": "k", "viewer_id": true, "viewer_name": "x", "title": "t"}',
        b'{"session_id": "s", "key": ["k"], "viewer_id": 1, "viewer_name": "x", "title": "t"}',
        b"[" * 60_000,
        b"x" * 70_000,
    ],
)
def test_what_is_no_ticket_is_refused_and_its_descriptor_closed(
    door: Door, pair: tuple[socket.socket, socket.socket], message: bytes
) -> None:
    ours, theirs = pair
    assert door.tell(message, theirs.fileno())["ok"] is False
    theirs.close()
    ours.settimeout(2)
    assert ours.recv(1) == b""
    assert door.taken == []


def test_a_ticket_may_come_in_pieces(door: Door, pair: tuple[socket.socket, socket.socket]) -> None:
    message = TICKET.to_json() + b"\n"
    with door.connect() as sock:
        socket.send_fds(sock, [message[:5]], [pair[1].fileno()])
        for at in range(5, len(message), 7):
            time.sleep(0.002)
            sock.send(message[at : at + 7])
        assert json.loads(sock.recv(1000))["ok"] is True
    assert door.taken[0][0] == TICKET


def test_a_ticket_without_an_end_is_dropped_with_its_descriptor(
    door: Door, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    with door.connect() as sock:
        socket.send_fds(sock, [b"{"], [theirs.fileno()])
        theirs.close()
        ours.settimeout(4)
        assert ours.recv(1) == b""


def test_unknown_fields_are_ignored(door: Door, pair: tuple[socket.socket, socket.socket]) -> None:
    message = json.dumps({**json.loads(TICKET.to_json()), "later": {"x": 1}}).encode()
    assert door.tell(message, pair[1].fileno())["ok"] is True


def test_a_ticket_without_a_descriptor_is_refused(door: Door) -> None:
    assert door.tell(TICKET.to_json())["ok"] is False


@pytest.mark.parametrize("count", [2, 8, 30])
def test_more_descriptors_than_one_are_all_closed(door: Door, count: int) -> None:
    pairs = [socket.socketpair() for _ in range(count)]
    assert door.tell(TICKET.to_json(), *(theirs.fileno() for _, theirs in pairs))["ok"] is False
    for ours, theirs in pairs:
        theirs.close()
        ours.settimeout(2)
        assert ours.recv(1) == b""
        ours.close()


def test_a_descriptor_that_is_no_stream_socket_is_refused(door: Door) -> None:
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as file, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        for fd in (file.fileno(), datagrams.fileno(), reading):
            assert door.tell(TICKET.to_json(), fd)["ok"] is False
    os.close(reading)
    os.close(writing)


def test_who_says_nothing_holds_nobody_up(door: Door, pair: tuple[socket.socket, socket.socket]) -> None:
    silent = [door.connect() for _ in range(50)]
    began = time.monotonic()
    assert door.tell(TICKET.to_json(), pair[1].fileno())["ok"] is True
    assert time.monotonic() - began < 1
    silent[0].settimeout(4)
    assert silent[0].recv(1) == b""
    for sock in silent:
        sock.close()


def test_who_leaves_before_the_answer_harms_nobody(door: Door, pair: tuple[socket.socket, socket.socket]) -> None:
    for _ in range(50):
        with door.connect() as sock:
            socket.send_fds(sock, [b'{"ping": true}\n'], [])
        door.connect().close()
    assert door.tell(TICKET.to_json(), pair[1].fileno())["ok"] is True


def test_what_a_dead_relay_left_is_cleared_away(nothing_left: None, tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    door = Door(path)
    assert door.tell(b'{"ping": true}')["ok"] is True
    door.close()
    assert not path.exists()


def test_a_second_relay_is_refused_with_a_sentence(door: Door) -> None:
    with pytest.raises(ConfigurationError, match="Another relay already listens"):
        Door(door.path)
    assert door.tell(b'{"ping": true}')["ok"] is True


def test_a_folder_that_cannot_be_written_is_said(nothing_left: None, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    with pytest.raises(ConfigurationError):
        Door(long / "relay.sock")
