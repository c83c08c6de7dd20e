"""A slate for a while instead of a refusal, for players that hide errors from those who watch.

A slate is relayed like a channel, under a key of its own, to all who are shown it: one source, one ring, no provider.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection
from dataclasses import replace

from restreamer.lib.errors import RestreamerError
from streaming.mpegts.psi import Codec
from streaming.mpegts.slatemaking import TEXTS, SlateFormat
from streaming.relay.seams import FaultHistory, Opened, Opener, Slates, Ticket
from streaming.sources.slate import SlateSource

_KEY = "slate:"

#: What everything plays: nobody knows what a player that has seen nothing yet decodes.
FORM = SlateFormat(Codec.H264, Codec.AAC)

#: Slates that errors may ask for.
NAMES = ("limit_reached", "nothing_available")

#: More viewers at once than this get the plain refusal: a slate costs a socket each.
MOST_VIEWERS = 500


class SlateMissing(RestreamerError):
    """The slate is not there (any more)."""

    status = 503
    retry_after_s = 10.0
    public = "The channel is not available right now. Try again in a moment."


def is_slate(key: str) -> bool:
    """This relay key is a slate's."""
    return key.startswith(_KEY)


def ticket_for(ticket: Ticket, slate: str, for_s: float) -> Ticket:
    """The same player, to be shown a slate for a while. It counts for no viewer's limit."""
    return replace(
        ticket,
        session_id=f"slate-{secrets.token_hex(8)}",
        key=_KEY + slate,
        viewer_id=0,
        title=TEXTS[slate],
        for_s=for_s,
    )


class SlateOpener:
    """Opens slates itself, and everything else by another opener."""

    def __init__(self, inner: Opener, slates: Slates) -> None:
        self._inner = inner
        self._slates = slates

    def open(self, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> Opened:
        """Raises RestreamerError, SlateMissing among them."""
        if not is_slate(ticket.key):
            return self._inner.open(ticket, history, cancelled)
        data = self._slates.find(ticket.key.removeprefix(_KEY), FORM)
        if not data:
            raise SlateMissing
        source = SlateSource(data)
        source.open()
        return Opened(source, lease_id="", candidate="", stream_id=0, subscription_id=0, label="a slate")

    def close(self, opened: Opened) -> None:
        """Close the source; a slate holds no lease."""
        if isinstance(opened.source, SlateSource):
            opened.source.close()
        else:
            self._inner.close(opened)

    def look_ahead(self, ticket: Ticket, history: FaultHistory, playing: str) -> None:
        """A slate does not fail."""

    def renew(self, opened: Collection[Opened]) -> set[str]:
        """Renew the leases of those that have one."""
        leased = [one for one in opened if not isinstance(one.source, SlateSource)]
        return self._inner.renew(leased)

    def over(self, key: str) -> None:
        """Nobody else's, unless it is no slate."""
        if not is_slate(key):
            self._inner.over(key)
