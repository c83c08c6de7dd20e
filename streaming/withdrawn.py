"""Ends what runs for logins that may not watch any more: addresses are checked when asked, and a viewing lasts.

Looked at every few seconds from what is stored, so it is all one who changed a viewer, and how; an expiry is no change
at all.
"""

from __future__ import annotations

import logging

from redis import Redis

from accounts.models import Viewer
from streaming.onlookers import still_looking
from streaming.relay import endings
from streaming.sessions import Sessions, WatchFacts

logger = logging.getLogger(__name__)


def end_withdrawn(client: Redis) -> int:
    """Have every such viewing ended; returns how many. Raises RedisUnavailable, DatabaseError."""
    sessions = Sessions(client)
    rows = sessions.sessions()
    ids = {row.facts.viewer_id for row in rows}
    viewers: dict[int, Viewer] = Viewer.objects.in_bulk(ids) | still_looking(ids) if rows else {}
    ended = 0
    for row in rows:
        # Nobody's: a slate, shown to whoever was refused.
        if row.facts.viewer_id and not _may_go_on(row, viewers.get(row.facts.viewer_id)):
            logger.info("%s may not watch %s any more", row.facts.viewer_name, row.facts.title)
            ended += sessions.stop(row.session_id, endings.WITHDRAWN)
    return ended


def _may_go_on(row: WatchFacts, viewer: Viewer | None) -> bool:
    if viewer is None or not viewer.enabled or viewer.expired or not viewer.may_come_from(row.facts.peer):
        return False
    # Entered by an older version, or written down again after Redis forgot it: nobody knows which login it was.
    return not row.login or row.login == viewer.login_mark()
