"""Before a source is lost: have what the next one needs ready, without touching anybody's slot or link.

A link is made for a play and may end the one that plays now, so none is made ahead. What takes longest is the portal's
session of a MAC that has not played for a while: a sign-in of three or four questions. That is done while the source
that falls silent still has half of its patience left.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import DatabaseError

from portals.errors import PortalError
from restreamer.lib.redis_client import RedisUnavailable
from streaming.candidates import candidates_for
from streaming.failover import Attempt, Try, decide
from streaming.faults import Fault
from streaming.relay.seams import FaultHistory, Ticket

if TYPE_CHECKING:
    from streaming.opening import PortalOpener

logger = logging.getLogger(__name__)


def make_ready(opener: PortalOpener, ticket: Ticket, history: FaultHistory, playing: str) -> str:
    """Sign the next candidate's subscription in; returns the candidate's key, "" when there is no other.

    Which one is next is the failover rule's word, as if `playing` failed now. Never raises: whatever goes wrong here
    is met, and told, when the candidate is opened.
    """
    now = opener.clock()
    try:
        preferred = opener.sessions.preferred(ticket.key)
        found = {one.candidate.key: one for one in candidates_for(ticket.key, preferred_stream=preferred)}
        candidates = [one.candidate for one in found.values()]
        entries = [*history.entries, (now, playing, Fault.SILENT)]
        decision = decide(candidates, entries, now, Attempt(now, patience_s=1.0, starting=False))
        if not isinstance(decision, Try) or decision.candidate.key == playing:
            return ""
        subscription = found[decision.candidate.key].subscription
        opener.providers(subscription.portal).make_ready(subscription)
    except (PortalError, RedisUnavailable, DatabaseError) as err:
        logger.info("%s: the next source could not be made ready: %s", ticket.title, err)
        return ""
    return decision.candidate.key
