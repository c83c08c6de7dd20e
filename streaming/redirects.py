"""Redirected viewings: whose they are, how long they count, how they end. Nobody sees the player leave."""

from __future__ import annotations

from django.conf import settings
from redis import Redis

from portals.leases import Lease, Ledger
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import answering

_SUFFIX = ":redirect"


def redirect_owner() -> str:
    """The name under which this machine's redirected viewings hold leases and sessions."""
    return f"{settings.NODE_NAME}{_SUFFIX}"


def is_redirect(owner: str) -> bool:
    """Is this the owner of redirected viewings, on whatever machine?"""
    return owner.endswith(_SUFFIX)


def redirect_ledger(client: Redis) -> Ledger:
    """The slots of redirected viewings: they are not renewed, they last as long as is believed of such a viewing."""
    return Ledger(client, redirect_owner(), lifetime_s=settings.REDIRECT_LEASE_S, settle_s=settings.LEASE_LIFETIME_S)


def lease_id(session_id: str, attempt: int) -> str:
    """The lease of a redirected session; what was given back is never taken again, so each attempt has its own."""
    return f"{session_id}:{attempt}"


def session_of(lease: str) -> str:
    """The session a redirect's lease belongs to."""
    return lease.rpartition(":")[0]


def keep(client: Redis, session_id: str, viewer_id: int, lease: Lease) -> None:
    """The player was sent away: its session counts as long as its lease. Raises RedisUnavailable."""
    lifetime_s = settings.REDIRECT_LEASE_S
    with answering():
        seconds, micros = client.time()
        until = seconds + micros / 1e6 + lifetime_s
        pipeline = client.pipeline(transaction=True)
        pipeline.hset(redis_keys.session(session_id), "lease", lease.id)
        pipeline.pexpire(redis_keys.session(session_id), int(lifetime_s * 1000))
        for key in (
            redis_keys.ALL_SESSIONS,
            redis_keys.viewer_sessions(viewer_id),
            redis_keys.key_sessions(lease.key),
        ):
            pipeline.zadd(key, {session_id: until})
            pipeline.expire(key, int(max(lifetime_s, 3600)))
        pipeline.execute()


def let_go(client: Redis, session_id: str) -> None:
    """Give the slot of a redirected session back. Raises RedisUnavailable."""
    with answering():
        lease = client.hget(redis_keys.session(session_id), "lease")
    if lease:
        redirect_ledger(client).release(lease.decode() if isinstance(lease, bytes) else str(lease))
