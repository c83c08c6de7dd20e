"""Claims: which relay process of all nodes owns a relay key, so that a provider sees one connection for all of them.

A claim is a Redis key with a lifetime, taken by one script and renewed together with the leases. Its holder opens the
provider, everybody else feeds from it. One that cannot be renewed is given up before it expires, as a lease is; what
happens if that rule were broken is bounded by the ledger, which counts connections whoever makes them.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from redis import Redis

from portals.leases import good_until
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering

# KEYS[1] the claim   KEYS[2] keys of our claims
# ARGV[1] owner   ARGV[2] our claim as JSON   ARGV[3] lifetime in ms   ARGV[4] relay key
# Returns the claim that stands now. What was left to us (see LEAVE) is ours as it is.
_TAKE = """
local raw = redis.call('GET', KEYS[1])
if raw and cjson.decode(raw).owner ~= ARGV[1] then return raw end
redis.call('SET', KEYS[1], raw or ARGV[2], 'PX', ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
return raw or ARGV[2]
"""

# KEYS our claims   ARGV[1] owner   ARGV[2] lifetime in ms   ARGV[3..] the claims as JSON, in the order of KEYS
# Returns the places, from 1, of those that are somebody else's. One that Redis forgot is entered again.
_RENEW = """
local lost = {}
for i, key in ipairs(KEYS) do
  local raw = redis.call('GET', key)
  if raw and cjson.decode(raw).owner ~= ARGV[1] then
    table.insert(lost, i)
  else
    redis.call('SET', key, ARGV[2 + i], 'PX', ARGV[2])
  end
end
return lost
"""

# KEYS[1] the claim   KEYS[2] keys of our claims   ARGV[1] owner   ARGV[2] relay key
# ARGV[3] the heir's claim as JSON, "" = nobody's   ARGV[4] lifetime in ms
# Returns 1 when it was ours. The heir finds it his own when he asks for it.
_LEAVE = """
redis.call('SREM', KEYS[2], ARGV[2])
local raw = redis.call('GET', KEYS[1])
if not raw or cjson.decode(raw).owner ~= ARGV[1] then return 0 end
if ARGV[3] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
return 1
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to own a relay key: whose, and where others may feed from it."""

    key: str
    owner: str
    #: host:port of the owner's door for other nodes.
    address: str
    #: A new one each time the key changes hands; known only to those who may read our Redis.
    id: str


class Claims:
    """The claims as one relay process, the `owner`, sees them. Thread-safe."""

    def __init__(
        self,
        client: Redis,
        owner: str,
        address: str,
        *,
        lifetime_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.owner = owner
        self.lifetime_s = settings.LEASE_LIFETIME_S if lifetime_s is None else lifetime_s
        self._client = client
        self._address = address
        self._clock = clock
        self._lock = threading.Lock()
        #: What is ours, and until when on our clock without a renewal.
        self._held: dict[str, tuple[Claim, float]] = {}
        self._take = client.register_script(_TAKE)
        self._renew = client.register_script(_RENEW)
        self._leave = client.register_script(_LEAVE)

    def take(self, key: str) -> Claim:
        """Claim a key. Returns the claim that stands: ours (`owner`), or that of whom to feed from.

        Raises RedisUnavailable.
        """
        asked_at = self._clock()
        ours = Claim(key, self.owner, self._address, secrets.token_hex(16))
        with answering():
            raw = self._take(
                keys=[redis_keys.claim(key), redis_keys.owner_claims(self.owner)],
                args=[self.owner, json.dumps(asdict(ours)), self._lifetime_ms, key],
            )
        claim = Claim(**json.loads(raw))
        with self._lock:
            if claim.owner == self.owner:
                self._held[key] = (claim, good_until(asked_at, self.lifetime_s))
            else:
                self._held.pop(key, None)
        return claim

    def held(self, key: str) -> Claim | None:
        """Our claim to a key, if we have it. Asks nobody."""
        with self._lock:
            found = self._held.get(key)
        return found[0] if found is not None else None

    def renew(self) -> set[str]:
        """Renew what is ours; returns the keys that are lost. Never raises: without Redis our own clock decides."""
        asked_at = self._clock()
        with self._lock:
            claims = [claim for claim, _ in self._held.values()]
        if not claims:
            return set()
        try:
            with answering():
                args: list[Any] = [self.owner, self._lifetime_ms, *(json.dumps(asdict(one)) for one in claims)]
                places: list[Any] = self._renew(keys=[redis_keys.claim(one.key) for one in claims], args=args)
            lost = {claims[int(place) - 1] for place in places}
        except RedisUnavailable:
            now = self._clock()
            with self._lock:
                lost = {claim for claim, until in self._held.values() if until <= now}
            claims = []
        with self._lock:
            for one in claims:
                # Not one that was given back, or came anew, meanwhile.
                if one.key in self._held and self._held[one.key][0] == one:
                    self._held[one.key] = (one, good_until(asked_at, self.lifetime_s))
            for one in lost:
                if one.key in self._held and self._held[one.key][0] == one:
                    del self._held[one.key]
        return {one.key for one in lost}

    def release(self, key: str) -> None:
        """The key is nobody's any more, if it was ours. Raises RedisUnavailable: then it expires."""
        self._give(key, "")

    def leave_to(self, key: str, owner: str, address: str) -> None:
        """The key is another relay process's from now on, if it was ours. Raises RedisUnavailable."""
        self._give(key, json.dumps(asdict(Claim(key, owner, address, secrets.token_hex(16)))))

    def sweep(self) -> int:
        """At the start of a relay: release what its dead predecessor held; returns how many.

        Raises RedisUnavailable.
        """
        with answering():
            keys: set[bytes] = self._client.smembers(redis_keys.owner_claims(self.owner))  # type: ignore[assignment]
        for key in keys:
            self.release(key.decode())
        return len(keys)

    def _give(self, key: str, heir: str) -> None:
        with self._lock:
            self._held.pop(key, None)
        with answering():
            self._leave(
                keys=[redis_keys.claim(key), redis_keys.owner_claims(self.owner)],
                args=[self.owner, key, heir, self._lifetime_ms],
            )

    @property
    def _lifetime_ms(self) -> int:
        return int(self.lifetime_s * 1000)
