"""What a panel says about a login: the account document, read kindly, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portals import errors
from portals.models import SubscriptionState
from portals.providers.records import SubscriptionReport
from portals.providers.xtream.sentences import Say, quoting
from portals.providers.xtream.values import clean, flag, is_set, moment, number, one_row, words, zone_named

#: Days before the end at which the owner is told.
_SOON = timedelta(days=7)
_BLOCKED_STATES = {"banned": Say.BANNED, "blocked": Say.BANNED, "disabled": Say.DISABLED, "inactive": Say.DISABLED}


@dataclass(frozen=True, slots=True)
class Account:
    """One login as its panel sees it."""

    accepted: bool
    #: In lower case: "active", "trial", "expired", "banned", "disabled"; "" when nothing is said.
    status: str
    message: str
    #: None = never, or unknown.
    expires_at: datetime | None
    created_at: datetime | None
    is_trial: bool
    streams_in_use: int
    #: None when the panel names no limit.
    streams: int | None
    #: Forms of live streams it may fetch, in lower case; empty = unknown.
    formats: tuple[str, ...]
    #: An IANA name, or an offset such as "+02:00"; "" when unknown.
    zone: str
    server: str
    version: str

    @property
    def live_extension(self) -> str:
        """The form to ask live streams in: TS, unless this login may only fetch HLS."""
        return "m3u8" if "m3u8" in self.formats and "ts" not in self.formats else "ts"


def is_account(document: Any) -> bool:
    """Is this the login document of a panel?"""
    return isinstance(document, dict) and "user_info" in document


def read(document: Mapping[str, Any]) -> Account:
    """The account in a login document, whatever the types of its fields."""
    user, server = one_row(document.get("user_info")), one_row(document.get("server_info"))
    status = clean(user.get("status"), 40).lower()
    zone = _zone(server)
    formats = user.get("allowed_output_formats")
    limit = number(user.get("max_connections"))
    return Account(
        # Panels that leave `auth` out tell by the status alone.
        accepted=flag(user["auth"]) if "auth" in user else bool(status),
        status=status,
        message=words(user.get("message"), 200),
        expires_at=moment(user.get("exp_date"), zone_named(zone) or UTC),
        created_at=moment(user.get("created_at"), zone_named(zone) or UTC),
        is_trial=flag(user.get("is_trial")),
        streams_in_use=max(number(user.get("active_cons")), 0),
        streams=limit if limit > 0 else None,
        formats=tuple(clean(item, 10).lower() for item in formats) if isinstance(formats, list) else (),
        zone=zone,
        server=clean(server.get("url"), 200),
        version=clean(server.get("version"), 40) if is_set(server.get("version")) else "",
    )


def refusal(account: Account, now: datetime) -> errors.SubscriptionRefused | None:
    """Why this login may not be used; None when it may."""
    error: errors.SubscriptionRefused | None = None
    if account.status == "expired" or (account.expires_at is not None and account.expires_at <= now):
        ended = account.expires_at
        sentence = Say.EXPIRED.of(date=_date(ended)) if ended and ended <= now else Say.EXPIRED_UNDATED.of()
        error = errors.SubscriptionExpired(quoting(sentence, account.message))
    elif account.status in _BLOCKED_STATES:
        error = errors.SubscriptionBlocked(quoting(_BLOCKED_STATES[account.status].of(), account.message))
    elif not account.accepted:
        error = errors.SubscriptionUnknown(quoting(Say.WRONG_LOGIN.of(), account.message))
    return error


def report(account: Account, now: datetime) -> SubscriptionReport:
    """What the owner is told."""
    refused = refusal(account, now)
    named_zone = account.zone if account.zone[:1] not in ("+", "-") else ""
    return SubscriptionReport(
        state=refused.state if refused else SubscriptionState.OK,
        sentence=refused.message if refused else Say.WORKS.of(),
        expires_at=account.expires_at,
        warning="" if refused else "\n".join(_warnings(account, now)),
        streams=account.streams,
        time_zone=named_zone,
        facts=_facts(account),
    )


def _warnings(account: Account, now: datetime) -> list[str]:
    found = []
    if account.expires_at is not None and account.expires_at - now <= _SOON:
        found.append(Say.ENDS_SOON.of(date=_date(account.expires_at)))
    if account.streams is not None and account.streams_in_use >= account.streams:
        found.append(Say.ALL_IN_USE.of(most=account.streams))
    if account.message:
        found.append(Say.PANEL_SAYS.of(message=account.message))
    return found


def _facts(account: Account) -> dict[str, str]:
    limit = str(account.streams) if account.streams is not None else "no limit named"
    facts = {
        "Status": account.status.capitalize(),
        "Trial": "yes" if account.is_trial else "",
        "Expires": _date(account.expires_at) if account.expires_at else "never",
        "Connections": f"{account.streams_in_use} in use, most: {limit}",
        "Since": _date(account.created_at) if account.created_at else "",
        "Live as": ", ".join(account.formats),
        "Time zone": account.zone,
        "Server": account.server,
        "Version": account.version,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _zone(server: Mapping[str, Any]) -> str:
    """The panel's zone by name; when we do not know the name, by its two clocks."""
    name = clean(server.get("timezone"), 60)
    if zone_named(name) is not None:
        return name
    instant, wall = moment(server.get("timestamp_now")), moment(server.get("time_now"))
    if instant is None or wall is None:
        return ""
    quarters = round((wall - instant).total_seconds() / 900)
    if abs(quarters) > 14 * 4:
        return ""
    sign = "-" if quarters < 0 else "+"
    return f"{sign}{abs(quarters) // 4:02}:{abs(quarters) % 4 * 15:02}"


def _date(when: datetime) -> str:
    return f"{when.day} {when:%B %Y}"
