"""What one viewer may watch at once.

A viewing is (viewer, what is relayed, address and agent of the player), so the two or three connections a player
opens while it probes one channel count once. A viewer at the limit who asks for something else is most often
changing channel: what the same player began before (a while before, where several at once are allowed) is ended for
it, and has ended before the new one counts. Otherwise there is a short grace, because the old connection may be closing
right now; then the policy decides.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import answering
from streaming.errors import LimitReached
from streaming.redirects import is_redirect
from streaming.relay import endings
from streaming.sessions import LIFETIME_S, SENDING_LIFETIME_S, Sessions, WatchFacts, redis_time

#: How long a viewer at the limit waits for an old connection that may be closing.
GRACE_S = 2.0
_POLL_S = 0.05
#: How long the end of another viewing is waited for: mostly some milliseconds, and never for a relay that hangs.
_END_S = 2.0
_END_POLL_S = 0.01

# KEYS[1] sessions of the viewer   KEYS[2] all sessions   KEYS[3] sessions of the relay key   KEYS[4] facts of this one
# ARGV[1] session id   ARGV[2] limit, 0 = none   ARGV[3] lifetime in s   ARGV[4] ids that are being ended, by "," each
# ARGV[5..] facts as name, value, name, value…
# Returns {} when admitted, else the ids of the sessions that count.
# A player that comes by again and again is the one it was: neither younger nor back at nothing.
# Session ids end with the digest of what is watched: equal digests are one viewing.
_ADMIT = """
local parts = redis.call('TIME')
local t = parts[1] + parts[2] / 1000000
local function viewing(id) return string.match(id, '[^-]*$') end
local ending = {}
for id in string.gmatch(ARGV[4], '[^,]+') do ending[id] = true end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.3f', t))
local seen, count, others = {}, 0, {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if ending[id] then
    redis.call('ZREM', KEYS[1], id)
  elseif id ~= ARGV[1] then
    table.insert(others, id)
    if not seen[viewing(id)] then
      seen[viewing(id)] = true
      count = count + 1
    end
  end
end
local limit = tonumber(ARGV[2])
if limit > 0 and count >= limit and not seen[viewing(ARGV[1])] then return others end
local expiry = string.format('%.3f', t + ARGV[3])
local known = redis.call('EXISTS', KEYS[4]) == 1
for i = 1, 3 do
  redis.call('ZADD', KEYS[i], expiry, ARGV[1])
  redis.call('EXPIRE', KEYS[i], 3600)
end
if not known then redis.call('HSET', KEYS[4], unpack(ARGV, 5)) end
redis.call('PEXPIRE', KEYS[4], math.floor(ARGV[3] * 1000))
return {}
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants to watch what, from where."""

    viewer_id: int
    viewer_name: str
    #: Streams at once, 0 = no limit.
    connections: int
    key: str
    title: str
    peer: str
    agent: str
    #: `Viewer.login_mark`: a viewing does not outlive the token and password it was begun with.
    login: str = ""

    def new_session_id(self) -> str:
        """A session id that tells which viewing it belongs to."""
        return self._session_id(secrets.token_hex(8))

    def session_id_of(self, name: str) -> str:
        """The same for a player that comes by again and again: its name makes it, for this viewer at this address."""
        what = "\0".join((name, str(self.viewer_id), self.key, self.peer))
        return self._session_id(hashlib.blake2s(what.encode(errors="replace"), digest_size=8).hexdigest())

    def _session_id(self, beginning: str) -> str:
        what = "\0".join((self.key, self.peer, self.agent))
        return f"{beginning}-{hashlib.blake2s(what.encode(errors='replace'), digest_size=8).hexdigest()}"


class Limits:
    """Admits viewings, within each viewer's limit."""

    def __init__(
        self,
        client: Redis,
        owner: str,
        *,
        policy: str = "refuse",
        clock: Callable[[], float] | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        """`owner` is the relay that will serve the sessions; `policy` is settings.VIEWER_LIMIT_POLICY.

        `clock` tells who began first, in unix s: it is Redis' own, whatever those of the web processes' machines say.
        """
        self._owner = owner
        # A relay writes of all it has at its first beat, of those who still wait too: what it never got is soon free.
        self._lifetime_s = SENDING_LIFETIME_S if is_redirect(owner) else LIFETIME_S
        self._sessions = Sessions(client)
        self._policy = policy
        self._clock = clock or partial(redis_time, client)
        self._pause = pause or threading.Event().wait
        self._admit = client.register_script(_ADMIT)

    def admit(self, wish: Wish, session_id: str = "") -> str:
        """The id of the session, a new one unless given; its slot is taken; `give_back` when nothing comes of it.

        Raises LimitReached, RedisUnavailable.
        """
        session_id = session_id or wish.new_session_id()
        asked_at = self._clock()
        # Pauses are counted: a clock that is put right meanwhile holds nobody up.
        waited_s = 0.0
        ending: set[str] = set()
        while others := self._try(session_id, wish, asked_at, ending):
            late = waited_s >= GRACE_S
            victim = self._victim(self._sessions.facts_of(others), wish, asked_at, ending, late=late)
            if victim is not None:
                self._end(victim.session_id)
                ending.add(victim.session_id)
            elif late:
                raise LimitReached(f"{wish.viewer_name} already watches {wish.connections} at once.")
            else:
                self._pause(_POLL_S)
                waited_s += _POLL_S
        return session_id

    def give_back(self, session_id: str) -> None:
        """The session never began. Raises RedisUnavailable."""
        for row in self._sessions.facts_of([session_id]):
            self._sessions.forget(row.facts)

    def _end(self, session_id: str) -> None:
        """Have a session ended; returns when it is, or will not be soon."""
        self._sessions.stop(session_id, endings.CHANGED)
        for _ in range(round(_END_S / _END_POLL_S)):
            if not self._sessions.facts_of([session_id]):
                return
            self._pause(_END_POLL_S)

    def _try(self, session_id: str, wish: Wish, asked_at: float, ending: Collection[str]) -> list[str]:
        facts: dict[str, str | int] = {
            "session_id": session_id,
            "key": wish.key,
            "viewer_id": wish.viewer_id,
            "viewer_name": wish.viewer_name,
            "title": wish.title,
            "peer": wish.peer,
            "agent": wish.agent,
            "started_at": f"{asked_at:.3f}",
            "bytes_out": 0,
            "lag_s": 0,
            "owner": self._owner,
            # To the microsecond, as Redis tells it: who was first may be a matter of less than one thousandth.
            "asked_at": f"{asked_at:.6f}",
            "connections": wish.connections,
            "login": wish.login,
        }
        keys = [
            redis_keys.viewer_sessions(wish.viewer_id),
            redis_keys.ALL_SESSIONS,
            redis_keys.key_sessions(wish.key),
            redis_keys.session(session_id),
        ]
        flat = [part for pair in facts.items() for part in pair]
        with answering():
            args = [session_id, wish.connections, self._lifetime_s, ",".join(ending), *flat]
            others: list[bytes] = self._admit(keys=keys, args=args)
        return [other.decode() for other in others]

    def _victim(
        self, others: list[WatchFacts], wish: Wish, asked_at: float, ending: Collection[str], *, late: bool
    ) -> WatchFacts | None:
        """The session to end for this wish, or None: wait, then refuse (`late`: the grace is over)."""
        oldest_first = sorted((one for one in others if one.session_id not in ending), key=lambda one: one.asked_at)
        for one in oldest_first:
            if one.left_for(wish.viewer_id, wish.peer, wish.agent, asked_at, wish.connections):
                return one
        if self._policy == "end_oldest" and late and oldest_first:
            return oldest_first[0]
        return None
