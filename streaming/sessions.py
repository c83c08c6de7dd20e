"""Who is watching what, for everybody who asks: listing, stopping, switching, preferring.

A session is entered by the view that admits it (`streaming.limits`), kept alive by the relay that serves it
(`streaming.session_book`), and gone at its end, or by itself soon after its relay died.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from django.conf import settings
from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import answering
from streaming import redirects
from streaming.relay import endings
from streaming.relay.seams import Command, RelayFacts, SessionFacts

#: A session or relay that is not heard of for this long is over.
LIFETIME_S = 15.0
#: Of a session whose player is about to be sent to a provider, until that has said where to: as long as a start.
SENDING_LIFETIME_S = settings.RELAY_START_TIMEOUT_S + LIFETIME_S
#: Commands older than this are about a world that is gone.
_COMMANDS_LIFETIME_S = 30
_PREFERENCE_LIFETIME_S = 24 * 3600
_SETTLED_S = 2.0


@dataclass(frozen=True, slots=True)
class WatchFacts:
    """One session as anybody may ask for it. `asked_at`: when the view admitted it (unix s)."""

    facts: SessionFacts
    owner: str
    asked_at: float
    #: The viewer's limit when it was admitted, 0 = none.
    connections: int
    #: What the login's secrets were known by when it was admitted (`Viewer.login_mark`), "" = nobody knows.
    login: str = ""

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self.facts.session_id

    def left_for(self, viewer_id: int, peer: str, agent: str, asked_at: float, connections: int) -> bool:
        """Is this what a player leaves when it asks for something else at `asked_at`?

        The same player of the same viewer. Where several at once are allowed it must have begun a while before: two
        that begin together are two viewings.
        """
        mine = self.facts
        same_player = (mine.viewer_id, mine.peer, mine.agent) == (viewer_id, peer, agent)
        return same_player and (connections == 1 or asked_at - self.asked_at >= _SETTLED_S)


class Sessions:
    """Everybody's window into all sessions and relays. Thread-safe."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def forget(self, facts: SessionFacts, owner: str = "") -> None:
        """Take one session out, `owner` being the relay that served it, if one did. Raises RedisUnavailable."""
        with answering():
            pipeline = self._client.pipeline(transaction=True)
            for key in (
                redis_keys.viewer_sessions(facts.viewer_id),
                redis_keys.ALL_SESSIONS,
                redis_keys.key_sessions(facts.key),
                redis_keys.owner_sessions(owner),
            ):
                pipeline.zrem(key, facts.session_id)
            pipeline.delete(redis_keys.session(facts.session_id))
            pipeline.execute()

    def sessions(self) -> list[WatchFacts]:
        """All sessions now, oldest first. Raises RedisUnavailable."""
        return sorted(self.facts_of(self._alive(redis_keys.ALL_SESSIONS)), key=lambda one: one.asked_at)

    def of_viewer(self, viewer_id: int) -> list[WatchFacts]:
        """The sessions of one viewer, oldest first. Raises RedisUnavailable."""
        alive = self.facts_of(self._alive(redis_keys.viewer_sessions(viewer_id)))
        return sorted(alive, key=lambda one: one.asked_at)

    def viewings(self, viewer_id: int) -> list[WatchFacts]:
        """What counts against a viewer's limit: the oldest session of each viewing, oldest first.

        Raises RedisUnavailable.
        """
        oldest: dict[str, WatchFacts] = {}
        for row in self.of_viewer(viewer_id):
            oldest.setdefault(viewing_of(row.session_id), row)
        return list(oldest.values())

    def watching(self, key: str) -> list[WatchFacts]:
        """The sessions of one relay key. Raises RedisUnavailable."""
        return self.facts_of(self._alive(redis_keys.key_sessions(key)))

    def facts_of(self, session_ids: Iterable[str]) -> list[WatchFacts]:
        """The facts of those that are still there. Raises RedisUnavailable."""
        with answering():
            pipeline = self._client.pipeline(transaction=False)
            for one in session_ids:
                pipeline.hgetall(redis_keys.session(one))
            answers: list[dict[bytes, bytes]] = pipeline.execute()
        return [row for answer in answers if (row := _watch_facts(answer)) is not None]

    def relays(self) -> list[tuple[RelayFacts, str]]:
        """All running relays with their owners, oldest first; one key may run on several nodes.

        Raises RedisUnavailable.
        """
        names = self._alive(redis_keys.ALL_RELAYS)
        with answering():
            raw = self._client.mget([redis_keys.relay_facts(name) for name in names]) if names else []
        rows = [json.loads(one) for one in raw if one]
        found = [(RelayFacts(**row["facts"]), str(row["owner"])) for row in rows]
        return sorted(found, key=lambda one: one[0].started_at)

    def stop(self, session_id: str, reason: str = endings.BY_HAND) -> bool:
        """End one session; returns whether there is one. Raises RedisUnavailable."""
        rows = self.facts_of([session_id])
        for row in rows:
            if redirects.is_redirect(row.owner):
                # No process serves it; all there is to end is that it counts.
                redirects.let_go(self._client, session_id)
                self.forget(row.facts)
                continue
            self.send(row.owner, Command("stop", {"session_id": session_id, "reason": reason}))
        return bool(rows)

    def switch(self, key: str) -> bool:
        """Have the relay of a key take another candidate now; returns whether one runs. Raises RedisUnavailable."""
        return self._tell(key, Command("switch", {"key": key}))

    def prefer(self, key: str, stream_id: int) -> bool:
        """Have a stream tried first for a day, and at once where the key runs; 0 takes the wish back.

        Returns whether a relay runs. Raises RedisUnavailable.
        """
        with answering():
            if stream_id:
                self._client.set(redis_keys.preferred_stream(key), stream_id, ex=_PREFERENCE_LIFETIME_S)
            else:
                self._client.delete(redis_keys.preferred_stream(key))
        running = [facts for facts, _ in self.relays() if facts.key == key and not facts.fed_by]
        if stream_id and any(facts.stream_id != stream_id for facts in running):
            # The opener reads the wish: to switch is enough.
            self.switch(key)
        return bool(running)

    def preferred(self, key: str) -> int:
        """The id of the stream a person wants tried first, or 0. Raises RedisUnavailable."""
        with answering():
            return int(self._client.get(redis_keys.preferred_stream(key)) or 0)

    def send(self, owner: str, command: Command) -> None:
        """Leave a command for a relay process. Raises RedisUnavailable."""
        with answering():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.rpush(redis_keys.relay_commands(owner), json.dumps(asdict(command)))
            pipeline.expire(redis_keys.relay_commands(owner), _COMMANDS_LIFETIME_S)
            pipeline.execute()

    def _tell(self, key: str, command: Command) -> bool:
        # Those that other nodes feed have no source of their own to change.
        owners = [owner for facts, owner in self.relays() if facts.key == key and not facts.fed_by]
        for owner in owners:
            self.send(owner, command)
        return bool(owners)

    def _alive(self, key: str) -> list[str]:
        with answering():
            found: list[bytes] = self._client.zrangebyscore(key, redis_time(self._client), "+inf")  # type: ignore[assignment]
        return [one.decode() for one in found]


def viewing_of(session_id: str) -> str:
    """What is the same in all connections a player opens to one thing: together they count once."""
    return session_id.rpartition("-")[2]


def redis_time(client: Redis) -> float:
    """Redis' own unix time: the machines of an installation need not agree on theirs. Raises RedisUnavailable."""
    with answering():
        seconds, micros = client.time()
    return float(seconds) + float(micros) / 1e6


def _watch_facts(raw: dict[bytes, bytes]) -> WatchFacts | None:
    """The facts, or None when they are gone or cut by a lifetime."""
    row = {name.decode(): value.decode() for name, value in raw.items()}
    try:
        facts = SessionFacts(
            session_id=row["session_id"],
            key=row["key"],
            viewer_id=int(row["viewer_id"]),
            viewer_name=row["viewer_name"],
            title=row["title"],
            peer=row["peer"],
            agent=row["agent"],
            started_at=float(row["started_at"]),
            bytes_out=int(row["bytes_out"]),
            lag_s=float(row["lag_s"]),
            run=row.get("run", ""),
        )
        asked_at = float(row.get("asked_at", row["started_at"]))
        return WatchFacts(facts, row["owner"], asked_at, int(row.get("connections", 0)), row.get("login", ""))
    except (KeyError, ValueError):
        return None
