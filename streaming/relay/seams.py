"""The borders of the relay process: what it is handed and what it hands back. No Django, no Redis."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from streaming.faults import Fault
from streaming.journal.notes import Note, Run
from streaming.mpegts.slatemaking import SlateFormat
from streaming.sources.base import Source

if TYPE_CHECKING:
    from streaming.relay.checkup import Measurement


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a view hands over together with a socket: who watches what. JSON on the control socket."""

    session_id: str
    #: What is relayed: `channel:<id>`, or `stream:<id>` for a stream no channel holds. Equal keys share one upstream.
    key: str
    viewer_id: int
    viewer_name: str
    #: Channel name for facts and journals.
    title: str
    #: Client address and User-Agent as seen by the view.
    peer: str = ""
    agent: str = ""
    #: HTTP/1.0 or 1.1, so that the head we write fits.
    protocol: str = "HTTP/1.1"
    #: The viewing ends by itself after so many seconds; 0: it does not.
    for_s: float = 0.0
    #: Of an HLS player: what the socket waits for, `master` or `list`; it goes on by asking, not by this socket.
    hls: str = ""
    #: The address of the list in the master playlist, or what stands behind every address of the list.
    uri: str = ""
    #: The player's Range and If-Range, for what is passed through (streaming/passthrough).
    byte_range: str = ""
    if_range: str = ""
    #: No person but the relay process of another node, under this name, at this address; it counts for no limit.
    node: str = ""
    node_address: str = ""

    def to_json(self) -> bytes:
        """One line of UTF-8 JSON."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, line: bytes) -> Ticket:
        """The ticket. Raises ValueError when it is not one."""
        raw = json.loads(line)
        if not isinstance(raw, dict):
            raise ValueError("a ticket is a JSON object")
        known = {name: raw[name] for name in cls.__dataclass_fields__ if name in raw}
        try:
            return cls(**known)
        except TypeError as err:
            raise ValueError(str(err)) from err


@dataclass(slots=True)
class FaultHistory:
    """What went wrong with which candidate, oldest first. Owned by one relay, read by the failover rule.

    Entries are (seconds on the relay's clock, candidate key, fault).
    """

    entries: list[tuple[float, str, Fault]] = field(default_factory=list)
    #: Codec families the running players decode, picture and first sound, "" = no such track. Of a running relay only.
    decoded: tuple[str, str] = ("", "")
    #: Since when viewers have seen nothing of the channel, on the relay's clock; None while they do, and before the
    #: first source failed. A source that opens and shows nothing changes nothing.
    lost_at: float | None = None
    #: Where an opener tells the journal what it tries and why; from any thread.
    note: Callable[[Note], None] = field(default=lambda note: None, compare=False, repr=False)

    def add(self, now: float, candidate: str, fault: Fault) -> None:
        """Remember one fault; keeps the last 200."""
        self.entries.append((now, candidate, fault))
        del self.entries[:-200]


@dataclass(frozen=True, slots=True)
class Opened:
    """An upstream that carries MPEG-TS now, under a lease."""

    source: Source
    lease_id: str
    #: Identity of (stream, subscription) in the fault history: `"<stream id>/<subscription id>"`.
    candidate: str
    stream_id: int
    subscription_id: int
    #: For facts and journals, redacted: `Portal A · 00:1A:79:**:**:5F`.
    label: str
    #: The relay process of another node that feeds this one; "" = a provider does. It holds no lease.
    fed_by: str = ""


class Opener(Protocol):
    """Opens and closes upstreams for the relay; its methods block and are called in threads, never in the loop."""

    def open(self, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> Opened:
        """The next upstream for `ticket.key` by the failover rule: lease, portal call, connect, first bytes judged.

        Adds the faults it meets to `history`. Raises RestreamerError (status, public, retry_after_s) when nothing
        is left to try; returns early with that error when `cancelled` is set.
        """

    def close(self, opened: Opened) -> None:
        """Close the source, wait until its socket is closed, then give the lease back. Never raises."""

    def look_ahead(self, ticket: Ticket, history: FaultHistory, playing: str) -> None:
        """The candidate that plays may fail soon: have ready what the next one needs. Takes no slot; never raises."""

    def over(self, key: str) -> None:
        """The relay of a key has closed its upstream for good; nothing of it is open. Never raises."""

    def renew(self, opened: Collection[Opened]) -> set[str]:
        """Renew the leases; returns the ids that are lost and whose upstream must be closed at once."""


@dataclass(frozen=True, slots=True)
class RelayFacts:
    """One running relay as admin and journal see it."""

    key: str
    title: str
    state: str
    candidate: str
    label: str
    viewers: int
    bytes_in: int
    ring_bytes: int
    started_at: float
    stream_id: int = 0
    subscription_id: int = 0
    #: Of an ffmpeg on the way: media time per wall time since its start; 0 = there is none, or it does not say.
    ffmpeg_speed: float = 0.0
    #: The relay process of another node that feeds it, "" = a provider does; and how many others it feeds.
    fed_by: str = ""
    nodes: int = 0

    @property
    def connected(self) -> bool:
        """It holds a connection to a provider."""
        return bool(self.candidate) and not self.fed_by


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """One viewer at a relay. `lag_s` is how far behind live it reads."""

    session_id: str
    key: str
    viewer_id: int
    viewer_name: str
    title: str
    peer: str
    agent: str
    started_at: float
    bytes_out: int
    lag_s: float
    #: Of the relay's life, see `streaming.journal.notes.Run`.
    run: str = ""

    @classmethod
    def of(cls, ticket: Ticket, started_at: float, bytes_out: int, lag_s: float, run: str = "") -> SessionFacts:
        """Of the viewing a ticket was for."""
        return cls(
            session_id=ticket.session_id,
            key=ticket.key,
            viewer_id=ticket.viewer_id,
            viewer_name=ticket.viewer_name,
            title=ticket.title,
            peer=ticket.peer,
            agent=ticket.agent,
            started_at=started_at,
            bytes_out=bytes_out,
            lag_s=lag_s,
            run=run,
        )


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person or another process asks of the relay: `stop` a session, `switch` a key, `prefer` a stream."""

    name: str
    arguments: dict[str, Any]


class Book(Protocol):
    """Where facts go and commands come from. Called about once a second from the housekeeping thread."""

    def beat(self, relays: Sequence[RelayFacts], sessions: Sequence[SessionFacts]) -> list[Command]:
        """Publish what runs (renewing its lifetimes) and return the commands waiting for this process."""

    def ended(self, facts: SessionFacts, reason: str) -> None:
        """A session is over: free the viewer's slot at once."""

    def noted(self, run: Run, note: Note) -> None:
        """Something for the journal of a relay's life."""

    def measured(self, measurement: Measurement) -> None:
        """How a stream did for a while."""

    def finish(self) -> None:
        """The process ends: write what is still to be written."""


class Slates(Protocol):
    """Short streams for viewers while there is nothing else to show them."""

    def find(self, name: str, form: SlateFormat | None) -> bytes:
        """The slate of this name and format, b"" while it is being made; never blocks.

        Raises RestreamerError when there will be none.
        """
