"""Opening where several nodes share an installation: the owner of a key opens the provider, the others feed from it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping

from django.conf import settings

from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import RedisUnavailable
from streaming.claims import Claim, Claims
from streaming.errors import Cancelled
from streaming.internal import Caller
from streaming.relay.nodedoor import ticket_for_node
from streaming.relay.seams import FaultHistory, Opened, Opener, Ticket
from streaming.sources.peer import PeerAbsent, PeerSource

logger = logging.getLogger(__name__)

#: Between two looks at who owns a key that cannot be fed from now.
_LOOK_S = 0.2


class OwnerUnreachable(RestreamerError):
    """Another node owns the channel, and its relay is not reached."""

    status = 503
    retry_after_s = 5.0
    slate = "nothing_available"
    tuner_error = "806 Tune Failed"
    public = "The channel is just moving to another machine. Try again in a moment."


class ClusterOpener:
    """Implements `streaming.relay.seams.Opener` for a relay process of several nodes. Thread-safe; methods block."""

    def __init__(
        self,
        inner: Opener,
        claims: Claims,
        address: str,
        secret: bytes,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`inner` opens providers. `address` is our own door, which is ours to say to those we feed from."""
        self.claims = claims
        self._inner = inner
        self._address = address
        self._secret = secret
        self._clock = clock
        self._keys: dict[str, str] = {}

    def open(self, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> Opened:
        """From the provider when the key is ours, else from its owner. Raises RestreamerError."""
        starting = not history.entries
        patience_s = settings.RELAY_START_TIMEOUT_S if starting else settings.RELAY_RETRY_S
        until = self._clock() + patience_s
        absent: PeerAbsent | None = None
        while not cancelled.is_set():
            try:
                claim = self.claims.take(ticket.key)
            except RedisUnavailable:
                if starting or self._clock() >= until:
                    raise
                cancelled.wait(1.0)
                continue
            opened = None
            if claim.owner == self.claims.owner:
                opened = self._open_provider(ticket, history, cancelled)
            else:
                try:
                    opened = self._open_peer(claim, cancelled)
                except PeerAbsent as err:
                    absent = err
            if opened is not None:
                return opened
            if self._clock() >= until:
                raise OwnerUnreachable(absent.message if absent else f"The claim to {ticket.title} cannot be kept.")
            cancelled.wait(_LOOK_S)
        raise Cancelled

    def close(self, opened: Opened) -> None:
        """Close the source, confirmed; a lease, if it has one, goes back."""
        if opened.fed_by:
            opened.source.close()
            return
        self._keys.pop(opened.lease_id, None)
        self._inner.close(opened)

    def look_ahead(self, ticket: Ticket, history: FaultHistory, playing: str) -> None:
        """Only the owner has a next candidate."""
        if self.claims.held(ticket.key) is not None:
            self._inner.look_ahead(ticket, history, playing)

    def over(self, key: str) -> None:
        """The key is free for others."""
        self._inner.over(key)
        self._release(key)

    def renew(self, opened: Collection[Opened]) -> set[str]:
        """Renew leases and claims; whoever lost the claim to its key has lost its lease."""
        leased = [one for one in opened if not one.fed_by]
        lost = self._inner.renew(leased)
        gone = self.claims.renew()
        return lost | {one.lease_id for one in leased if self._keys.get(one.lease_id) in gone}

    def leave_to(self, heirs: Mapping[str, Ticket]) -> None:
        """This process ends: what other nodes are fed with here is theirs from now on."""
        for key, heir in heirs.items():
            try:
                self.claims.leave_to(key, heir.node, heir.node_address)
            except RedisUnavailable as err:
                logger.warning("A channel moves to its next node by the claim's lifetime: %s", err)
                return

    def judge(self, key: str, headers: dict[str, str]) -> Ticket | int:
        """Whether a caller at our door is one of ours and asks for what is ours; see `relay.nodedoor`."""
        caller = Caller.from_headers(key, headers, self._secret)
        if caller is None:
            return 403
        claim = self.claims.held(key)
        if claim is None or claim.id != caller.claim_id:
            return 409
        return ticket_for_node(key, caller.owner, caller.address)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _open_provider(self, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> Opened | None:
        """None when the claim was lost meanwhile."""
        try:
            opened = self._inner.open(ticket, history, cancelled)
        except BaseException:
            # Whatever ended it, other nodes must not wait for our claim.
            self._release(ticket.key)
            raise
        if self.claims.held(ticket.key) is None:
            self._inner.close(opened)
            return None
        self._keys[opened.lease_id] = ticket.key
        return opened

    def _open_peer(self, claim: Claim, cancelled: threading.Event) -> Opened:
        """Raises PeerAbsent, PeerRefused."""
        caller = Caller(claim.key, claim.id, self.claims.owner, self._address)
        source = PeerSource(
            claim.address,
            claim.key,
            caller.headers(self._secret),
            # Its owner refuses those who wait too long, and says why.
            patience_s=settings.RELAY_START_TIMEOUT_S + 2.0,
            cancelled=cancelled,
        )
        source.open()
        label = f"node {claim.owner.rpartition(':')[0]}"
        return Opened(source, "", "", stream_id=0, subscription_id=0, label=label, fed_by=claim.owner)

    def _release(self, key: str) -> None:
        try:
            self.claims.release(key)
        except RedisUnavailable as err:
            logger.warning("A channel is given up by its claim's lifetime: %s", err)
