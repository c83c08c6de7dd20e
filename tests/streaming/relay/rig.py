"""A whole relay process in a thread, with an opener that knows only addresses, and viewers with real sockets."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from portals.providers.records import PlayUrl
from restreamer.lib.errors import RestreamerError
from streaming.faults import UpstreamError
from streaming.journal.notes import Note, Run
from streaming.mpegts.slatemaking import SlateFormat
from streaming.relay.checkup import Measurement
from streaming.relay.consolation import SlateOpener
from streaming.relay.process import RelayProcess
from streaming.relay.seams import Command, FaultHistory, Opened, Opener, RelayFacts, SessionFacts, Slates, Ticket
from streaming.relay.slates import NoSlate
from streaming.relay.surroundings import RelayLimits
from streaming.sources.http import HttpSource, Patience
from tests.fakes import material

PACKET = 188
#: So long a test waits for what must happen, seconds: long enough for a machine that does much else meanwhile.
PATIENCE_S = 30.0
QUICK = RelayLimits(linger_s=0.3, silence_s=0.6, start_timeout_s=3.0, join_behind_s=1.0, flush_s=1.0, slow_flush_s=1.0)


class NothingLeft(RestreamerError):
    status = 503
    retry_after_s = 7
    slate = "nothing_available"
    public = "Nothing left to try."


class ListOpener:
    """Opens the addresses of a key one after the other, round and round, under leases it counts."""

    def __init__(self) -> None:
        self.urls: dict[str, list[str]] = {}
        self.patience = Patience(connect_s=1, answer_s=2, open_s=4)
        self.held: set[str] = set()
        self.most_held = 0
        self.opens = 0
        self.histories: dict[str, FaultHistory] = {}
        self.lost: set[str] = set()
        self.closed: list[str] = []
        self.looked_ahead: list[str] = []
        self.ended: list[str] = []
        self.closing_s = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.make_room: Callable[[Ticket], bool] | None = None
        self.limit = 0
        self.tries = 3
        self._numbers = itertools.count(1)
        self._next: dict[str, int] = {}

    def open(self, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> Opened:
        self.opens += 1
        self.histories[ticket.key] = history
        self.gate.wait(2 * PATIENCE_S)
        for _ in range(self.tries):
            if cancelled.is_set():
                break
            urls = self.urls.get(ticket.key) or []
            if not urls:
                break
            turn = self._next.get(ticket.key, 0)
            self._next[ticket.key] = turn + 1
            opened = self._try(ticket, urls[turn % len(urls)], turn % len(urls), history)
            if opened is not None:
                return opened
        raise NothingLeft(f"nothing left for {ticket.key}")

    def _try(self, ticket: Ticket, url: str, number: int, history: FaultHistory) -> Opened | None:
        if self.limit and len(self.held) >= self.limit and not (self.make_room and self.make_room(ticket)):
            raise NothingLeft("no slot")
        lease = f"lease{next(self._numbers)}"
        self.held.add(lease)
        self.most_held = max(self.most_held, len(self.held))
        source = HttpSource(PlayUrl(url), self.patience)
        try:
            source.open()
        except UpstreamError as err:
            history.add(time.monotonic(), f"{number}/1", err.fault)
            self.held.discard(lease)
            return None
        return Opened(source, lease, f"{number}/1", number, 1, f"source {number}")

    def close(self, opened: Opened) -> None:
        # Some connections take their time to close.
        time.sleep(self.closing_s)
        opened.source.close()
        self.closed.append(opened.lease_id)
        self.held.discard(opened.lease_id)

    def look_ahead(self, ticket: Ticket, history: FaultHistory, playing: str) -> None:
        self.looked_ahead.append(playing)

    def over(self, key: str) -> None:
        self.ended.append(key)

    def renew(self, opened: Collection[Opened]) -> set[str]:
        return {one.lease_id for one in opened} & self.lost


class GivenSlates:
    """A slate that is there at once, or never."""

    def __init__(self) -> None:
        self.data = material.ts(size="640x360")
        self.wanted: list[tuple[str, SlateFormat | None]] = []
        self.error: NoSlate | None = None

    def find(self, name: str, form: SlateFormat | None) -> bytes:
        self.wanted.append((name, form))
        if self.error is not None:
            raise self.error
        return self.data


class Notebook:
    """A book that remembers."""

    def __init__(self) -> None:
        self.relays: Sequence[RelayFacts] = ()
        self.sessions: Sequence[SessionFacts] = ()
        self.over: list[tuple[SessionFacts, str]] = []
        self.notes: dict[str, list[Note]] = {}
        self.measurements: list[Measurement] = []
        self.commands: list[Command] = []
        self.beats = 0
        self.broken: Exception | None = None

    def beat(self, relays: Sequence[RelayFacts], sessions: Sequence[SessionFacts]) -> list[Command]:
        self.beats += 1
        if self.broken:
            raise self.broken
        self.relays, self.sessions = relays, sessions
        commands, self.commands = self.commands, []
        return commands

    def ended(self, facts: SessionFacts, reason: str) -> None:
        self.over.append((facts, reason))

    def noted(self, run: Run, note: Note) -> None:
        self.notes.setdefault(run.key, []).append(note)

    def measured(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)

    def finish(self) -> None:
        """Nothing is kept back."""


class Rig:
    """The process under test. Use as a context manager."""

    def __init__(
        self,
        folder: Path,
        limits: RelayLimits = QUICK,
        slates: Slates | None = None,
        wrap: Callable[[Opener], Opener] = lambda opener: opener,
        leave_to: Callable[[Mapping[str, Ticket]], None] | None = None,
    ) -> None:
        self.opener = ListOpener()
        self.book = Notebook()
        self.path = folder / "relay.sock"
        opener = wrap(SlateOpener(self.opener, slates) if slates is not None else self.opener)
        self.process = RelayProcess(
            opener,
            self.book,
            self.path,
            limits,
            beat_s=0.1,
            slates=slates,
            hls_folder=folder / "hls",
            leave_to=leave_to,
        )
        self._thread = threading.Thread(target=self.process.run, name="relay-under-test", daemon=True)
        self._numbers = itertools.count(1)

    def __enter__(self) -> Rig:
        self._thread.start()
        # Its own threads run too.
        assert wait_for(lambda: self.book.beats)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert self.opener.held == set()

    def stop(self) -> float:
        """End it; returns the seconds it took."""
        began = time.monotonic()
        self.process.stop()
        self._thread.join(6)
        assert not self._thread.is_alive()
        return time.monotonic() - began

    def watch(
        self,
        key: str = "channel:1",
        viewer_id: int = 1,
        tcp: bool = True,
        protocol: str = "HTTP/1.1",
        for_s: float = 0.0,
        **others: str,
    ) -> Player:
        """A viewer of the channel."""
        ours, theirs = tcp_pair() if tcp else socket.socketpair()
        ticket = replace(self.ticket(key, viewer_id, protocol), for_s=for_s, **others)
        with theirs:
            answer = self.tell(ticket.to_json(), [theirs.fileno()])
        assert answer == {"ok": True, "error": ""}
        return Player(ours, ticket)

    def ticket(self, key: str = "channel:1", viewer_id: int = 1, protocol: str = "HTTP/1.1") -> Ticket:
        number = next(self._numbers)
        return Ticket(f"session{number}", key, viewer_id, f"viewer{viewer_id}", "One", protocol=protocol)

    def tell(self, message: bytes, fds: list[int] | None = None) -> dict[str, object]:
        """One message to the front door, and its answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(PATIENCE_S)
            control.connect(str(self.path))
            socket.send_fds(control, [message + b"\n"], fds or [])
            return dict(json.loads(control.recv(65536)))


class Player:
    """A viewer's end: reads the head, then television."""

    def __init__(self, sock: socket.socket, ticket: Ticket) -> None:
        self.sock = sock
        self.ticket = ticket
        self.data = b""
        sock.settimeout(PATIENCE_S)

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def more(self) -> bytes:
        """The next piece; empty at the end."""
        piece = self.sock.recv(1 << 20)
        self.data += piece
        return piece

    def head(self) -> str:
        """The HTTP head."""
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                break
        return self.data.split(b"\r\n\r\n")[0].decode()

    def status(self) -> int:
        return int(self.head().split(" ")[1])

    def body(self, size: int) -> bytes:
        """At least `size` bytes of television, or all there is until the end."""
        self.head()
        while len(self.data) - self._start < size and self.more():
            pass
        return self.data[self._start :]

    def rest(self) -> bytes:
        """Everything until the end of the answer."""
        while self.more():
            pass
        self.head()
        return self.data[self._start :]

    @property
    def _start(self) -> int:
        return self.data.index(b"\r\n\r\n") + 4


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    return one, other


def wait_for(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> bool:
    """Wait until the condition holds."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


def pid_of(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def packets(body: bytes) -> list[bytes]:
    """The whole packets, each checked for its sync byte."""
    found = [body[i : i + PACKET] for i in range(0, len(body) - PACKET + 1, PACKET)]
    assert all(packet[0] == 0x47 for packet in found), "not aligned"
    return found


def continuity_errors(body: bytes) -> int:
    """Packets whose counter does not follow that of the one before."""
    last: dict[int, int] = {}
    errors = 0
    for packet in packets(body):
        pid, counter = pid_of(packet), packet[3] & 15
        if pid == 0x1FFF or not packet[3] & 0x10:
            continue
        errors += pid in last and counter != (last[pid] + 1) & 15
        last[pid] = counter
    return errors


def begins_cleanly(body: bytes, video_pid: int = 0x100, pmt_pid: int = 0x1000) -> bool:
    """PAT, PMT, and the first video packet is a random access point."""
    found = packets(body)
    video = next((p for p in found if pid_of(p) == video_pid), None)
    if pid_of(found[0]) or pid_of(found[1]) != pmt_pid or video is None:
        return False
    return bool(video[1] & 0x40 and video[3] & 0x20 and video[4] and video[5] & 0x40)
