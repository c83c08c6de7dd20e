"""Passages without portals: seats that give addresses of a file server, and players with sockets."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Collection

from portals.errors import NoFreeSlot
from portals.providers.records import PlayUrl
from streaming.errors import TitleUnavailable
from streaming.faults import UpstreamError
from streaming.journal.notes import Note
from streaming.passthrough.copying import Patience
from streaming.passthrough.passages import Passages
from streaming.passthrough.seams import FileFacts, FileSource, Seat
from streaming.passthrough.upstream import RangedSource, playlist_source
from streaming.relay.seams import SessionFacts, Ticket
from streaming.sources.firstbytes import PlaylistAnswer
from tests.fakes.file_origin import FileOrigin

_numbers = itertools.count(1)


class GivenSeat:
    """One connection to one name of the file server."""

    container = "mkv"
    label = "a portal · a MAC"

    def __init__(self, seats: GivenSeats, name: str) -> None:
        self.seats = seats
        self.candidate = self.offer = name
        self.lease_id = f"lease{next(_numbers)}"
        self.subscription_id = 1
        self.link = ""
        self.proven = False

    def source(self, byte_range: str) -> FileSource:
        if not self.link:
            self.link = f"link{next(_numbers)}"
            self.seats.links.append(self.link)
        return RangedSource(self.play(), byte_range)

    def play(self) -> PlayUrl:
        return PlayUrl(self.seats.origin.url(self.candidate, "mac", self.link), verify_tls=False)

    def as_playlist(self, answer: PlaylistAnswer) -> FileSource:
        return playlist_source(self.play(), answer.final_url)

    def worked(self, facts: FileFacts) -> None:
        self.proven = True
        self.seats.facts.append(facts)

    def again_in_s(self, error: Exception, closed_ago_s: float) -> float | None:
        if self.proven and isinstance(error, UpstreamError):
            self.proven, self.link = False, ""
            return 0.0
        return None


class GivenSeats:
    """One slot for all names, in order."""

    def __init__(self, origin: FileOrigin, *names: str) -> None:
        self.origin = origin
        self.names = names
        self.links: list[str] = []
        self.facts: list[FileFacts] = []
        self.held: list[Seat] = []
        self.lost: set[str] = set()
        self.renewed = threading.Event()

    def take(self, ticket: Ticket, tried: Collection[str], cancelled: threading.Event) -> Seat:
        left = [name for name in self.names if name not in tried]
        if not left:
            raise TitleUnavailable("Everything was tried.")
        if self.held:
            raise NoFreeSlot("The one slot is taken.")
        seat = GivenSeat(self, left[0])
        self.held.append(seat)
        return seat

    def leave(self, seat: Seat, *, used: bool) -> None:
        self.held.remove(seat)

    def renew(self, lease_ids: Collection[str]) -> set[str]:
        return self.lost & set(lease_ids)


class Player:
    """A socket that asks for the file and reads the answer."""

    def __init__(self, house: PassageHouse, byte_range: str = "", if_range: str = "", agent: str = "VLC") -> None:
        self.sock, theirs = socket.socketpair()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        self.sock.settimeout(10)
        self.body = b""
        session_id = f"s{next(_numbers)}"
        key = f"movie:7:{agent.encode().hex()}"
        ticket = Ticket(session_id, key, 1, "anna", "A movie", agent=agent, byte_range=byte_range, if_range=if_range)
        house.passages.attach(ticket, theirs)

    def head(self) -> Player:
        """Read the head; the body begins behind it."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.sock.recv(4096)
            assert piece, f"closed after {data!r}"
            data += piece
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = dict(line.split(": ", 1) for line in lines)
        return self

    def read(self, size: int) -> bytes:
        """At least so much of the body, or all there is."""
        while len(self.body) < size and (piece := self.sock.recv(65_536)):
            self.body += piece
        return self.body

    def all(self) -> bytes:
        return self.read(1 << 40)

    def close(self) -> None:
        self.sock.close()


class PassageHouse:
    """Passages with given seats."""

    def __init__(self, origin: FileOrigin, *names: str, linger_s: float = 0.2, paused_s: float = 30.0) -> None:
        self.origin = origin
        self.seats = GivenSeats(origin, *names)
        self.notes: list[Note] = []
        self.over: list[tuple[SessionFacts, str]] = []
        patience = Patience(silence_s=0.5, paused_s=paused_s, rival_s=0.2)
        self.passages = Passages(
            self.seats,
            lambda facts, reason: self.over.append((facts, reason)),
            lambda run, note: self.notes.append(note),
            patience=patience,
            linger_s=linger_s,
        )

    def at_rest(self) -> bool:
        return self.passages.empty and not self.seats.held and not self.origin.open()


def wait_for(condition: object, timeout_s: float = 5.0) -> bool:
    """Until it is true."""
    assert callable(condition)
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
