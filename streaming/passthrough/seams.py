"""The borders of this room: what the passing of bytes is handed by those who know portals, slots and titles."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from streaming.relay.seams import Ticket
from streaming.sources.base import Source
from streaming.sources.firstbytes import PlaylistAnswer

#: What the relay keys of viewings begin with that are passed through instead of shared.
KINDS = ("movie", "episode", "archive")


def passes_through(ticket: Ticket) -> bool:
    """Is this a file of one player's own, and no television to share?"""
    return ticket.key.partition(":")[0] in KINDS


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """How a provider's answer began. `body_bytes` is what its body holds, None when only its end will tell."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body_bytes: int | None = None


class FileSource(Source, Protocol):
    """A source that reads a file or a piece of an archive, from some byte on."""

    #: Valid after `open`.
    answer: FileAnswer

    def abort(self) -> None:
        """End the connection now, from any thread: whoever reads wakes. Its reader must still `close` it."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a file a provider serves."""

    #: None: it does not say, then there are no ranges either.
    length: int | None
    content_type: str
    #: What players are told; equal tags are equal files.
    etag: str
    modified: str = ""
    #: The provider's own tag; never told to anybody.
    provider_etag: str = ""
    #: The provider serves ranges of it.
    ranges: bool = True
    #: What it was served as, see Seat.
    offer: str = ""

    def same_file(self, other: FileFacts) -> bool:
        """May bytes of the other go on where this one's stopped?

        Servers of one provider make tags of their own for one file: within an offer its length must do.
        """
        tags = {one.provider_etag for one in (self, other) if one.provider_etag}
        same_length = self.length is not None and self.length == other.length
        return same_length and (self.offer == other.offer or len(tags) < 2)


class Seat(Protocol):
    """A held slot of one subscription, with what it is to be used for. All methods block."""

    lease_id: str
    #: Names offer and subscription, for telling candidates apart.
    candidate: str
    #: Names the offer alone: its subscriptions serve the same file.
    offer: str
    subscription_id: int
    #: For facts and journals, redacted.
    label: str
    #: File form by the catalogue, "" when unknown.
    container: str

    def source(self, byte_range: str) -> FileSource:
        """Ask the portal if need be; the source is not open yet. Raises RestreamerError."""

    def as_playlist(self, answer: PlaylistAnswer) -> FileSource:
        """The source for what turned out to be a playlist; not open yet."""

    def worked(self, facts: FileFacts) -> None:
        """The address served the file."""

    def again_in_s(self, error: Exception, closed_ago_s: float) -> float | None:
        """After a failure: how long to wait before the next try on this seat; None when this seat is done with.

        `closed_ago_s` is how long ago we closed a connection of ours on it: a provider may still count that.
        """


class Seats(Protocol):
    """Where slots come from. Thread-safe; blocks."""

    def take(self, ticket: Ticket, tried: Collection[str], cancelled: threading.Event) -> Seat:
        """The next candidate not among `tried` that has a free slot, which is then held.

        Raises RestreamerError when there is none: all are full, or all were tried.
        """

    def leave(self, seat: Seat, *, used: bool) -> None:
        """Give the slot back; nothing is connected under it any more. Never raises."""

    def renew(self, lease_ids: Collection[str]) -> set[str]:
        """Renew the leases; returns the lost ones."""
