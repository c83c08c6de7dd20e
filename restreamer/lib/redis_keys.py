"""Every Redis key we own, spelled in one place. RQ's own keys begin with `rq:`."""

from __future__ import annotations

PREFIX = "rs:"


def leases(subscription_id: int) -> str:
    """Sorted set: lease id -> expiry (unix s) of the slots taken on one subscription."""
    return f"{PREFIX}leases:sub:{subscription_id}"


def portal_leases(portal_id: int) -> str:
    """Sorted set: lease id -> expiry of all slots taken on one portal."""
    return f"{PREFIX}leases:portal:{portal_id}"


#: Sorted set: lease id -> expiry of all slots of the installation.
ALL_LEASES = f"{PREFIX}leases:all"

#: Hash: lease id -> JSON facts (owner, subscription, portal, channel, since).
LEASE_FACTS = f"{PREFIX}leases:facts"

#: Set of lease ids whose relay must give them up within a tick, see portals/leases.py.
LEASE_REVOKED = f"{PREFIX}leases:revoked"


def portal_session(subscription_id: int) -> str:
    """Hash with the one portal session (token, endpoint, profile facts) of a subscription."""
    return f"{PREFIX}portal:session:{subscription_id}"


def portal_session_lock(subscription_id: int) -> str:
    """Lock that serialises handshakes of one subscription over all processes."""
    return f"{PREFIX}portal:lock:{subscription_id}"


def portal_requests(portal_id: int) -> str:
    """Sorted set of API requests under way to one portal (never more than two)."""
    return f"{PREFIX}portal:requests:{portal_id}"


def portal_throttle(portal_id: int) -> str:
    """Set while the portal asked us to wait; its TTL is the wait."""
    return f"{PREFIX}portal:throttle:{portal_id}"


def watchdog(subscription_id: int) -> str:
    """Held by whoever sends the watchdog of a subscription now."""
    return f"{PREFIX}portal:watchdog:{subscription_id}"


def viewer_sessions(viewer_id: int) -> str:
    """Sorted set: session id -> expiry of what one viewer watches."""
    return f"{PREFIX}sessions:viewer:{viewer_id}"


#: Sorted set: session id -> expiry of all running sessions.
ALL_SESSIONS = f"{PREFIX}sessions:all"


def session(session_id: str) -> str:
    """Hash with the facts of one running session."""
    return f"{PREFIX}session:{session_id}"


def relay_facts(relay_key: str) -> str:
    """Hash with the facts of one running relay (channel, candidate, viewers, bytes, state)."""
    return f"{PREFIX}relay:{relay_key}"


#: Sorted set: relay key -> expiry of all running relays.
ALL_RELAYS = f"{PREFIX}relays"


def relay_commands(node: str) -> str:
    """List of JSON commands (switch, prefer, stop) one relay process consumes."""
    return f"{PREFIX}commands:{node}"


def run_progress(run_id: int) -> str:
    """Hash with the live progress of a refresh run."""
    return f"{PREFIX}run:{run_id}"


def run_cancel(run_id: int) -> str:
    """Set when a person asked a run to stop."""
    return f"{PREFIX}run:{run_id}:cancel"


#: Lease of the one scheduler of the installation.
SCHEDULER_LEASE = f"{PREFIX}scheduler"
