"""The relay's hand in the book of sessions: it publishes what runs, fetches commands, and frees slots at an end."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from redis import Redis
from redis.client import Pipeline

from portals.leases import Ledger
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering
from streaming.journal.live import Journal, close_dead
from streaming.journal.notes import Note, Run
from streaming.relay import endings
from streaming.relay.checkup import Measurement
from streaming.relay.seams import Command, RelayFacts, SessionFacts
from streaming.sessions import LIFETIME_S, Sessions, redis_time

logger = logging.getLogger(__name__)

#: With many viewers each one's facts are written every so many seconds; _AT_ONCE of them at every beat.
_SPREAD_S = 4.0
_AT_ONCE = 100
#: A dead Redis is worth a line now and then, not one per beat.
_COMPLAIN_EVERY_S = 30.0


class SessionBook:
    """Implements `streaming.relay.seams.Book` for one relay process, the `owner`. Thread-safe."""

    def __init__(
        self,
        client: Redis,
        owner: str,
        *,
        ledger: Ledger | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.owner = owner
        self._client = client
        self._sessions = Sessions(client)
        self._ledger = ledger
        self._journal = Journal(client, owner)
        self._clock = clock
        self._lock = threading.Lock()
        #: When each session's facts were written last, and which ended lately: a beat that was under way must not
        #: write those again.
        self._written_at: dict[str, float] = {}
        self._ended_at: dict[str, float] = {}
        self._relays: set[str] = set()
        self._was_idle = False
        self._complained_at = float("-inf")

    def boot(self) -> int:
        """At the start of the relay: forget the sessions, relays and commands of its dead predecessor.

        Also those it had not written of yet: a view entered them. One that is just being handed to us comes back with
        the first beat. Returns how many sessions that were: they must not count against viewers who come back at once.

        Raises RedisUnavailable.
        """
        close_dead(self._client, self.owner)
        dead = [row for row in self._sessions.sessions() if row.owner == self.owner]
        for row in dead:
            self._sessions.forget(row.facts, owner=self.owner)
        with answering():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.delete(redis_keys.owner_sessions(self.owner), redis_keys.relay_commands(self.owner))
            for facts, owner in self._sessions.relays():
                if owner == self.owner:
                    _drop_relay(pipeline, redis_keys.relay_name(facts.key, owner))
            pipeline.execute()
        return len(dead)

    def beat(self, relays: Sequence[RelayFacts], sessions: Sequence[SessionFacts]) -> list[Command]:
        """Publish what runs and return the commands waiting for this process. Never raises: facts can wait."""
        try:
            with answering(), self._lock:
                commands = self._write(relays, sessions)
            self._mark_lingering(relays)
            return [one for raw in commands if (one := command_from(raw)) is not None]
        except RedisUnavailable as err:
            self._complain(err)
            return []

    def ended(self, facts: SessionFacts, reason: str) -> None:
        """A session is over: free the viewer's slot at once. Never raises: without Redis it expires."""
        lasted_s = max(0.0, time.time() - facts.started_at)
        who, what = facts.viewer_name, facts.title
        joined = reason == endings.JOINED
        if not joined:
            logger.info("%s left %s after %.0f s and %d bytes: %s", who, what, lasted_s, facts.bytes_out, reason)
        with self._lock:
            self._written_at.pop(facts.session_id, None)
            self._ended_at[facts.session_id] = self._clock()
            if not joined:
                self._journal.ended(facts, reason)
            try:
                self._sessions.forget(facts, owner=self.owner)
            except RedisUnavailable as err:
                self._complain(err)

    def noted(self, run: Run, note: Note) -> None:
        """Something for the journal of a relay's life; written with the next beat."""
        logger.info("[%s] %s%s", run.key, note.text, f": {note.fault}" if note.fault else "")
        with self._lock:
            self._journal.noted(run, note)

    def measured(self, measurement: Measurement) -> None:
        """How a stream did for a while; written with the next beat."""
        with self._lock:
            self._journal.measured(measurement)

    def finish(self) -> None:
        """The process ends: hand over the journals of what has just ended. Never raises."""
        with self._lock:
            self._write_journal(())

    # --- inside ---------------------------------------------------------------------------------------------------

    def _write(self, relays: Sequence[RelayFacts], sessions: Sequence[SessionFacts]) -> list[bytes]:
        now = redis_time(self._client)
        pipeline = self._client.pipeline(transaction=False)
        self._write_relays(pipeline, relays, now)
        due = self._due(sessions)
        self._write_sessions(pipeline, due, now)
        pipeline.lpop(redis_keys.relay_commands(self.owner), 1000)
        commands: list[bytes] = pipeline.execute()[-1] or []
        self._write_journal(due)
        return commands

    def _write_journal(self, due: Sequence[SessionFacts]) -> None:
        try:
            self._journal.write(due)
        except RedisUnavailable as err:
            self._complain(err)

    def _due(self, sessions: Sequence[SessionFacts]) -> list[SessionFacts]:
        """Those whose facts are written at this beat: new ones, then the longest unwritten."""
        now = self._clock()
        self._ended_at = {one: at for one, at in self._ended_at.items() if now - at < LIFETIME_S}
        running = [one for one in sessions if one.session_id not in self._ended_at]
        alive = {one.session_id for one in running}
        written = self._written_at = {one: at for one, at in self._written_at.items() if one in alive}
        ranked = sorted(running, key=lambda one: written.get(one.session_id, float("-inf")))
        late = sum(1 for one in ranked if now - written.get(one.session_id, float("-inf")) >= _SPREAD_S)
        due = ranked[: max(_AT_ONCE, late)]
        written.update((one.session_id, now) for one in due)
        return due

    def _write_relays(self, pipeline: Pipeline, relays: Sequence[RelayFacts], now: float) -> None:
        names = {redis_keys.relay_name(one.key, self.owner) for one in relays}
        for one in relays:
            raw = json.dumps({"facts": asdict(one), "owner": self.owner})
            facts = redis_keys.relay_facts(redis_keys.relay_name(one.key, self.owner))
            pipeline.set(facts, raw, px=int(LIFETIME_S * 1000))
        if names:
            pipeline.zadd(redis_keys.ALL_RELAYS, dict.fromkeys(names, now + LIFETIME_S))
        for ended in self._relays - names:
            _drop_relay(pipeline, ended)
        pipeline.zremrangebyscore(redis_keys.ALL_RELAYS, "-inf", now)
        self._relays = names

    def _write_sessions(self, pipeline: Pipeline, sessions: Sequence[SessionFacts], now: float) -> None:
        members: dict[str, list[str]] = defaultdict(list)
        for one in sessions:
            facts = redis_keys.session(one.session_id)
            fields: dict[Any, Any] = asdict(one) | {"owner": self.owner}
            pipeline.hset(facts, mapping=fields)
            pipeline.pexpire(facts, int(LIFETIME_S * 1000))
            for key in (
                redis_keys.ALL_SESSIONS,
                redis_keys.owner_sessions(self.owner),
                redis_keys.viewer_sessions(one.viewer_id),
                redis_keys.key_sessions(one.key),
            ):
                members[key].append(one.session_id)
        for key, ids in members.items():
            pipeline.zadd(key, dict.fromkeys(ids, now + LIFETIME_S))
            pipeline.expire(key, 3600)
        pipeline.zremrangebyscore(redis_keys.ALL_SESSIONS, "-inf", now)

    def _mark_lingering(self, relays: Sequence[RelayFacts]) -> None:
        idle = [one.key for one in relays if one.viewers == 0 and not one.nodes]
        if self._ledger is not None and (idle or self._was_idle):
            self._ledger.mark_lingering(idle)
        self._was_idle = bool(idle)

    def _complain(self, err: RedisUnavailable) -> None:
        if self._clock() - self._complained_at > _COMPLAIN_EVERY_S:
            self._complained_at = self._clock()
            logger.warning("What is watched cannot be written down: %s", err)


def _drop_relay(pipeline: Pipeline, name: str) -> None:
    pipeline.delete(redis_keys.relay_facts(name))
    pipeline.zrem(redis_keys.ALL_RELAYS, name)


def command_from(raw: bytes) -> Command | None:
    """The command, or None for what only an older or newer version can have written."""
    try:
        document: Any = json.loads(raw)
        return Command(str(document["name"]), dict(document["arguments"]))
    except (ValueError, KeyError, TypeError):
        logger.warning("An unreadable command was dropped.")
        return None
