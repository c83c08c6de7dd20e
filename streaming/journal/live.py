"""Journals of what runs: kept in memory by the relay process, mirrored in Redis, handed over to be stored at the end.

All of one process is called from its housekeeping thread. Redis holds, per process, one field for each running viewing
and relay, of bounded size, and a list of what has ended, of bounded length.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from redis import Redis
from redis.client import Pipeline

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import answering
from streaming.journal.documents import Document, dead_viewing, ended_viewing, open_viewing, run_document
from streaming.journal.notes import Kind, Note, Notes, Run, clean, read
from streaming.relay import consolation
from streaming.relay.checkup import Measurement
from streaming.relay.endings import End, end_of
from streaming.relay.seams import SessionFacts, Ticket

#: What ended and nobody has stored: the oldest are forgotten.
MOST_ENDED = 20_000
MOST_MEASURED = 20_000
#: What waits in memory for a Redis that does not answer.
_MOST_WAITING = 2_000
_CLOSED_KEPT = 50
#: So often a running viewing is mirrored though nothing but its bytes has changed.
_MIRROR_S = 60.0
#: A viewing has its own notes only for what happened to it alone.
_OWN_FIRST, _OWN_LAST = 20, 20
#: So far behind live a player reads slowly; below the second it has caught up.
SLOW_S = 15.0
CAUGHT_UP_S = 10.0
#: What a process that vanished leaves behind is forgotten after this, if nobody has closed it before.
_LIFETIME_S = 7 * 24 * 3600


class Journal:
    """The journals of one relay process, the `owner`."""

    def __init__(self, client: Redis, owner: str, *, wall: Callable[[], float] = time.time) -> None:
        self._client = client
        self._owner = owner
        self._wall = wall
        self._runs: dict[str, tuple[Run, Notes]] = {}
        self._closed: dict[str, tuple[Run, Notes]] = {}
        self._own: dict[str, Notes] = {}
        self._slow: set[str] = set()
        self._pictured: set[str] = set()
        #: When each viewing was mirrored last.
        self._mirrored: dict[str, float] = {}
        #: Runs whose notes Redis does not have yet, and viewings and runs that it is to forget.
        self._changed: set[str] = set()
        self._over: list[tuple[str, str]] = []
        self._ended: deque[str] = deque(maxlen=_MOST_WAITING)
        self._measured: deque[str] = deque(maxlen=_MOST_WAITING)

    # --- told by the relays -------------------------------------------------------------------------------------

    def noted(self, run: Run, note: Note) -> None:
        """A note of a relay's life; `CLOSED` is its last."""
        if consolation.is_slate(run.key):
            return
        _, notes = self._runs.setdefault(run.id, (run, Notes()))
        notes.add(note)
        self._changed.add(run.id)
        if note.kind is Kind.CLOSED:
            self._close(run, notes, note.at)

    def measured(self, measurement: Measurement) -> None:
        """How a stream did for a while."""
        self._measured.append(json.dumps(asdict(measurement)))

    def ended(self, facts: SessionFacts, reason: str) -> None:
        """A viewing is over; written at the next `write`."""
        own = self._own.pop(facts.session_id, None) or Notes(_OWN_FIRST, _OWN_LAST)
        own.add(Note(self._wall(), Kind.ENDS, clean(reason)))
        self._slow.discard(facts.session_id)
        self._pictured.discard(facts.session_id)
        self._mirrored.pop(facts.session_id, None)
        if consolation.is_slate(facts.key):
            return
        known = self._runs.get(facts.run) or self._closed.get(facts.run)
        notes = known[1].kept if known is not None else []
        self._ended.append(json.dumps(ended_viewing(facts, notes, self._wall(), end_of(reason), reason, own)))
        self._over.append((redis_keys.open_viewings(self._owner), facts.session_id))

    def _watch(self, one: SessionFacts) -> None:
        """Has it got the picture, fallen behind, caught up?"""
        if one.bytes_out and one.session_id not in self._pictured:
            self._pictured.add(one.session_id)
            waited_s = max(0.0, self._wall() - one.started_at)
            self._note_own(one, Kind.PICTURE, f"the first picture has come, within {waited_s:.1f} s")
        slow = one.session_id in self._slow
        if not slow and one.lag_s > SLOW_S:
            self._slow.add(one.session_id)
            self._note_own(one, Kind.SLOW, f"the player reads slowly: it is {one.lag_s:.0f} s behind live")
        elif slow and one.lag_s < CAUGHT_UP_S:
            self._slow.discard(one.session_id)
            self._note_own(one, Kind.SLOW, "the player has caught up")

    # --- to Redis -----------------------------------------------------------------------------------------------

    def write(self, due: Iterable[SessionFacts] = ()) -> None:
        """Look at those viewings, mirror what changed and hand over what ended.

        Raises RedisUnavailable; then it is written next time.
        """
        viewings = {
            one.session_id: json.dumps(open_viewing(one, self._own.get(one.session_id), self._wall()))
            for one in due
            if self._is_due(one)
        }
        runs = {
            id_: json.dumps(run_document(*self._runs[id_], owner=self._owner))
            for id_ in self._changed & set(self._runs)
        }
        ended, measured, over = list(self._ended), list(self._measured), list(self._over)
        with answering():
            pipeline = self._client.pipeline(transaction=True)
            _mirror(pipeline, redis_keys.open_viewings(self._owner), viewings)
            _mirror(pipeline, redis_keys.open_runs(self._owner), runs)
            _hand_over(pipeline, redis_keys.JOURNAL_ENDED, ended, MOST_ENDED)
            _hand_over(pipeline, redis_keys.MEASURED, measured, MOST_MEASURED)
            for key, field in over:
                pipeline.hdel(key, field)
            pipeline.zadd(redis_keys.JOURNAL_OWNERS, {self._owner: self._wall()})
            pipeline.execute()
        self._changed.clear()
        for queue, written in ((self._ended, ended), (self._measured, measured)):
            for _ in written:
                queue.popleft()
        del self._over[: len(over)]

    def _is_due(self, one: SessionFacts) -> bool:
        """Is there something new to mirror of this viewing? Bytes alone now and then."""
        if consolation.is_slate(one.key):
            return False
        self._watch(one)
        now = self._wall()
        if now - self._mirrored.get(one.session_id, 0.0) < _MIRROR_S:
            return False
        self._mirrored[one.session_id] = now
        return True

    def _close(self, run: Run, notes: Notes, at: float) -> None:
        del self._runs[run.id]
        self._changed.discard(run.id)
        # Viewings whose players are slow to hang up end a little later.
        self._closed[run.id] = (run, notes)
        while len(self._closed) > _CLOSED_KEPT:
            del self._closed[next(iter(self._closed))]
        self._ended.append(json.dumps(run_document(run, notes, owner=self._owner, ended_at=at)))
        self._over.append((redis_keys.open_runs(self._owner), run.id))

    def _note_own(self, facts: SessionFacts, kind: Kind, text: str) -> None:
        own = self._own.setdefault(facts.session_id, Notes(_OWN_FIRST, _OWN_LAST))
        own.add(Note(self._wall(), kind, text))
        self._mirrored.pop(facts.session_id, None)


def told_of_redirect(client: Redis, ticket: Ticket, label: str) -> None:
    """A player was sent to the provider itself: all there will ever be to say. Raises RedisUnavailable."""
    now = time.time()
    own = Notes()
    own.add(Note(now, Kind.TRY, clean(f"sent to {label}")))
    facts = SessionFacts.of(ticket, now, 0, 0.0)
    document = ended_viewing(facts, [], now, End.REDIRECTED, "sent to the provider", own)
    with answering():
        pipeline = client.pipeline(transaction=True)
        _hand_over(pipeline, redis_keys.JOURNAL_ENDED, [json.dumps(document)], MOST_ENDED)
        pipeline.execute()


def close_dead(client: Redis, owner: str) -> int:
    """A relay process is gone without a word: its journals end where it was last heard.

    Returns how many viewings that were. Raises RedisUnavailable.
    """
    with answering():
        heard_at = client.zscore(redis_keys.JOURNAL_OWNERS, owner) or 0.0
        viewings = _documents(client, redis_keys.open_viewings(owner))
        runs = _documents(client, redis_keys.open_runs(owner))
        notes = {run["id"]: read(run["notes"]) for run in runs}
        ended = [dead_viewing(one, notes.get(one["run"], []), heard_at) for one in viewings]
        ended += [run | {"ended_at": max(run["heard_at"], heard_at)} for run in runs]
        pipeline = client.pipeline(transaction=True)
        _hand_over(pipeline, redis_keys.JOURNAL_ENDED, [json.dumps(one) for one in ended], MOST_ENDED)
        pipeline.delete(redis_keys.open_viewings(owner), redis_keys.open_runs(owner))
        pipeline.zrem(redis_keys.JOURNAL_OWNERS, owner)
        pipeline.execute()
    return len(viewings)


def _documents(client: Redis, key: str) -> list[Document]:
    raw: list[Any] = client.hvals(key)
    return [json.loads(one) for one in raw]


def _mirror(pipeline: Pipeline, key: str, documents: dict[Any, Any]) -> None:
    if documents:
        pipeline.hset(key, mapping=documents)
        pipeline.expire(key, _LIFETIME_S)


def _hand_over(pipeline: Pipeline, key: str, documents: list[str], most: int) -> None:
    if documents:
        pipeline.rpush(key, *documents)
        pipeline.ltrim(key, -most, -1)
