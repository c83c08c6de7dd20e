"""Every Redis key we own, spelled in one place. RQ's own keys begin with `rq:`."""

from __future__ import annotations

PREFIX = "rs:"


#: With a subscription's counter behind it: sorted set, lease id -> expiry (unix s) of the slots taken on it.
LEASES_OF_SUBSCRIPTION = f"{PREFIX}leases:sub:"

#: With a portal's id behind it: sorted set, lease id -> expiry of all slots taken on it.
LEASES_OF_PORTAL = f"{PREFIX}leases:portal:"

#: With an owner behind it: sorted set, lease id -> expiry of the slots one relay process holds.
LEASES_OF_OWNER = f"{PREFIX}leases:owner:"


#: Sorted set: lease id -> expiry of all slots of the installation.
ALL_LEASES = f"{PREFIX}leases:all"

#: Hash: lease id -> JSON facts (owner, subscription, portal, channel, since).
LEASE_FACTS = f"{PREFIX}leases:facts"

#: Set of lease ids whose relay must give them up within a tick, see portals/leases.py.
LEASE_REVOKED = f"{PREFIX}leases:revoked"

#: Sorted set: lease id -> since when (unix s) nobody watches what it feeds.
LEASE_LINGERING = f"{PREFIX}leases:lingering"

#: Sorted set: id of a lease given back -> until when (unix s) it must not come to life again.
LEASE_GONE = f"{PREFIX}leases:gone"

#: Hash: lease id -> JSON (wanted lease, until): who was promised the slot when the lease is given back.
LEASE_HEIRS = f"{PREFIX}leases:heirs"

#: Hash: counter of a subscription -> when (unix s) its last upstream was closed.
LEASE_CLOSED = f"{PREFIX}leases:closed"

#: Since when (unix s) this Redis has known all leases; missing = it forgot, or is new.
LEASE_MEMORY = f"{PREFIX}leases:memory"


def portal_session(subscription_id: int) -> str:
    """Hash with the one portal session (token, endpoint, profile facts) of a subscription."""
    return f"{PREFIX}portal:session:{subscription_id}"


def portal_session_lock(subscription_id: int) -> str:
    """Lock that serialises handshakes of one subscription over all processes."""
    return f"{PREFIX}portal:lock:{subscription_id}"


def portal_requests(portal_id: int) -> str:
    """Sorted set of API requests under way to one portal (never more than two)."""
    return f"{PREFIX}portal:requests:{portal_id}"


def portal_pace(portal_id: int) -> str:
    """When the last API request to one portal began; lives as long as the next must wait."""
    return f"{PREFIX}portal:pace:{portal_id}"


def portal_throttle(portal_id: int) -> str:
    """Set while the portal asked us to wait; its TTL is the wait."""
    return f"{PREFIX}portal:throttle:{portal_id}"


def portal_backoff(portal_id: int) -> str:
    """How many times in a row the portal asked us to wait; gone after a good answer or some quiet hours."""
    return f"{PREFIX}portal:backoff:{portal_id}"


def portal_moved(portal_id: int) -> str:
    """Set while the portal's address was asked lately whether its endpoint has moved."""
    return f"{PREFIX}portal:moved:{portal_id}"


def portal_refusal(subscription_id: int) -> str:
    """Why the portal refused a subscription a moment ago, so that a crowd of callers asks it once."""
    return f"{PREFIX}portal:refusal:{subscription_id}"


def watchdog(subscription_id: int) -> str:
    """Held by whoever sends the watchdog of a subscription now."""
    return f"{PREFIX}portal:watchdog:{subscription_id}"


def portal_events(subscription_id: int) -> str:
    """List of JSON: what the portal told a subscription's box lately, newest first."""
    return f"{PREFIX}portal:events:{subscription_id}"


def refused_streams(subscription_id: int) -> str:
    """Set of stream ids a subscription was turned away from since it last played."""
    return f"{PREFIX}portal:refused:{subscription_id}"


def version(part: str) -> str:
    """How often a part of the catalogue was written to."""
    return f"{PREFIX}version:{part}"


def wrong_logins(address: str) -> str:
    """How many wrong tokens and passwords one address sent lately."""
    return f"{PREFIX}wrong:{address}"


#: Hash: address -> JSON (until, name tried last) of those who were wrong too often at the pages' login.
LOCKOUTS = f"{PREFIX}lockouts"


def viewer_sessions(viewer_id: int) -> str:
    """Sorted set: session id -> expiry of what one viewer watches."""
    return f"{PREFIX}sessions:viewer:{viewer_id}"


#: Sorted set: session id -> expiry of all running sessions.
ALL_SESSIONS = f"{PREFIX}sessions:all"


def session(session_id: str) -> str:
    """JSON with the facts of one running session; gone with its lifetime."""
    return f"{PREFIX}session:{session_id}"


def key_sessions(relay_key: str) -> str:
    """Sorted set: session id -> expiry of who watches one relay key."""
    return f"{PREFIX}sessions:key:{relay_key}"


def owner_sessions(owner: str) -> str:
    """Sorted set: session id -> expiry of the sessions one relay process serves."""
    return f"{PREFIX}sessions:owner:{owner}"


def relay_name(relay_key: str, owner: str) -> str:
    """One running relay: several nodes may run one key, all but one of them fed by that one."""
    return f"{relay_key}@{owner}"


def relay_facts(relay_name: str) -> str:
    """JSON with the facts of one running relay (channel, candidate, viewers, bytes, state); gone with its lifetime."""
    return f"{PREFIX}relay:{relay_name}"


def claim(relay_key: str) -> str:
    """JSON: which relay process owns a relay key, and where others feed from it; gone with its lifetime."""
    return f"{PREFIX}claim:{relay_key}"


def owner_claims(owner: str) -> str:
    """Set of the relay keys one relay process has claimed."""
    return f"{PREFIX}claims:{owner}"


#: Sorted set: name of the relay -> expiry of all running relays.
ALL_RELAYS = f"{PREFIX}relays"


def preferred_stream(relay_key: str) -> str:
    """Id of the stream a person wants tried first for a relay key."""
    return f"{PREFIX}prefer:{relay_key}"


def relay_commands(node: str) -> str:
    """List of JSON commands (switch, prefer, stop) one relay process consumes."""
    return f"{PREFIX}commands:{node}"


def run_progress(run_id: int) -> str:
    """Hash with the live progress of a refresh run."""
    return f"{PREFIX}run:{run_id}"


def run_cancel(run_id: int) -> str:
    """Set when a person asked a run to stop."""
    return f"{PREFIX}run:{run_id}:cancel"


#: Compressed JSON: the last change of many genres, and what takes it back; gone after a day.
GENRES_UNDO = f"{PREFIX}genres:undo"

#: Set while our channels have changed and their guide channels were not looked for since.
GUIDE_MATCH_ASKED = f"{PREFIX}guide:match"

#: Set while a refresh has brought channels and doubles were not looked for since.
DOUBLES_ASKED = f"{PREFIX}channels:doubles"

#: Lease of the one scheduler of the installation.
SCHEDULER_LEASE = f"{PREFIX}scheduler"


#: Sorted set: relay owner -> when (unix s) it last wrote into its journals.
JOURNAL_OWNERS = f"{PREFIX}journal:owners"

#: List of JSON: journals of viewings and relays that have ended and are to be stored, oldest first.
JOURNAL_ENDED = f"{PREFIX}journal:ended"

#: List of JSON: what relays measured of streams and is to be stored, oldest first.
MEASURED = f"{PREFIX}measured"

#: Held by whoever stores journals and measurements now.
JOURNAL_LOCK = f"{PREFIX}journal:lock"


def open_viewings(owner: str) -> str:
    """Hash: session id -> JSON journal of the viewings one relay process serves."""
    return f"{PREFIX}journal:viewings:{owner}"


def open_runs(owner: str) -> str:
    """Hash: run id -> JSON journal of the relays one process runs."""
    return f"{PREFIX}journal:runs:{owner}"


def file_facts(item: str) -> str:
    """JSON of what a movie's, episode's or archive's file was when it was served last: length, tag, type."""
    return f"{PREFIX}file:{item}"


def archive_layout(portal_id: int) -> str:
    """Which of the layouts a portal's archive may have was the one that played."""
    return f"{PREFIX}archive:layout:{portal_id}"


def bulk_undo(name: str) -> str:
    """JSON of what one change of many channels at once would be taken back by."""
    return f"{PREFIX}channels:undo:{name}"
