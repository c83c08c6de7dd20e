"""What a get_profile answer means: works, or which of the refusals, told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portals import errors
from portals.providers.stalker import expiry
from portals.providers.stalker.sentences import Say, quoting
from portals.providers.stalker.values import clean, flag, ident, is_set, number, words
from restreamer.lib import redact

#: A profile with fewer fields is one of the short refusals, not an account row.
_ROW_FIELDS = 8
_WATCHDOG_DEFAULT_S = 120
_JUST_NOW = timedelta(minutes=5)


class LoginWanted(errors.LoginNeeded):
    """Status 2: `do_auth`, then the profile again."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What we keep of an accepted profile."""

    #: The portal's own zone.
    zone: str
    #: The zone our cookie named, which the row's printed times are in.
    zone_sent: str
    watchdog_s: float
    timeslot_s: float
    force_link_check: bool
    play_token: str
    #: The portal's own text that came with an accepted profile.
    notice: str
    row: Mapping[str, Any]


def judged(js: Any, now: datetime, zone_sent: str) -> Profile:
    """The accepted profile.

    Raises LoginWanted, SubscriptionRefused (which one tells why), PortalClosed, AnswerUnreadable.
    """
    if js is False or (isinstance(js, dict) and js and not {"id", "status", "portal_disabled"} & set(js)):
        # Whoever answered a handshake does not know what a profile is: not the portal.
        raise errors.AnswerNotFound(Say.NO_PORTAL.of(host="this address"))
    if not isinstance(js, dict):
        raise errors.SubscriptionUnknown(Say.UNKNOWN.of())
    status = number(js.get("status"), 0)
    if status == 2:
        raise LoginWanted(quoting(Say.LOGIN_NEEDED.of(), js.get("info")))
    if status == 1 or flag(js.get("portal_disabled")):
        raise refusal(js, now)
    if not ident(js.get("id")).strip("0"):
        raise errors.SubscriptionUnknown(quoting(Say.UNKNOWN_OR_BLOCKED.of(), _said(js)))
    if flag(js.get("blocked")):
        raise errors.SubscriptionBlocked(quoting(Say.BLOCKED.of(), _said(js)))
    return Profile(
        zone=clean(js.get("default_timezone"), 60) if is_set(js.get("default_timezone")) else "",
        zone_sent=zone_sent,
        watchdog_s=min(max(number(js.get("watchdog_timeout")) or _WATCHDOG_DEFAULT_S, 30), 300),
        timeslot_s=min(max(number(js.get("timeslot")), 0), 300),
        force_link_check=flag(js.get("force_ch_link_check")),
        play_token=ident(js.get("play_token")),
        notice=_said(js),
        row=js,
    )


def refusal(js: Mapping[str, Any], now: datetime) -> errors.PortalError:
    """Which refusal a profile with status 1 is. `block_msg` is translated text: quoted, never matched on."""
    if flag(js.get("portal_disabled")):
        return errors.PortalClosed(Say.PORTAL_CLOSED.of())
    machine = words(js.get("msg")).lower()
    if machine.startswith("old firmware"):
        return errors.DeviceConflict(Say.OLD_FIRMWARE.of())
    if machine.startswith("device conflict"):
        elsewhere = "mac address mismatch" in machine
        return errors.DeviceConflict((Say.DEVICE_ELSEWHERE if elsewhere else Say.DEVICE_CONFLICT).of())
    if ident(js.get("id")).strip("0"):
        return _refused_row(js, now)
    if "id" in js and len(js) >= _ROW_FIELDS:
        return errors.SubscriptionUnknown(quoting(Say.UNKNOWN_OR_BLOCKED.of(), _said(js)))
    if machine == "access denied":
        return errors.SubscriptionBlocked(quoting(Say.BLOCKED.of(), js.get("block_msg")))
    if _said(js):
        return errors.SubscriptionUnknown(quoting(Say.UNKNOWN.of(), _said(js)))
    return errors.SubscriptionUnknown(Say.UNKNOWN_FORM.of())


def warnings(profile: Profile, *, now: datetime, ours_last: datetime | None) -> list[str]:
    """What the owner should know although the portal accepted the MAC.

    `ours_last` is when we last asked with this MAC ourselves; the row is the state before this call, so a younger
    sign of life comes from another device (section 13 item 18).
    """
    row = profile.row
    found = []
    if profile.notice:
        found.append(quoting(Say.WARNED.of(), profile.notice))
    born = row_time(row.get("created"), profile.zone_sent)
    is_fresh = born is not None and abs(now - born) < _JUST_NOW
    if isinstance(row.get("id"), int) and is_fresh and "last_start" in row and not is_set(row.get("last_start")):
        found.append(Say.ACCOUNT_CREATED.of())
    seen = row_time(row.get("keep_alive"), profile.zone_sent)
    if seen is not None and timedelta() <= now - seen < timedelta(seconds=2 * profile.watchdog_s):
        ours = ours_last is not None and seen <= ours_last + timedelta(seconds=5)
        if not ours:
            where = f" from {clean(row['ip'], 45)}" if is_set(row.get("ip")) else ""
            found.append(Say.OTHER_DEVICE.of(seconds=int((now - seen).total_seconds()), where=where))
    return found


def facts(profile: Profile, main_info: Mapping[str, Any], family: str) -> dict[str, str]:
    """What is worth showing of an account, in display order, redacted."""
    row = profile.row
    account = row.get("account_info")
    tariff = account.get("tariff_plan_name") if isinstance(account, Mapping) else None
    told = {
        "family": family,
        "account": row.get("id"),
        "name": main_info.get("fname") or row.get("fname"),
        "tariff": tariff or main_info.get("tariff_plan") or row.get("tariff_plan_id"),
        "box model on file": row.get("stb_type"),
        "time zone": profile.zone,
        "watchdog": f"{profile.watchdog_s:.0f} s",
    }
    return {name: redact.text(words(value, 120)) for name, value in told.items() if is_set(value)}


def row_time(value: Any, zone: str) -> datetime | None:
    """A printed time of an account row, in the zone our cookie named."""
    if not is_set(value):
        return None
    try:
        local = datetime.strptime(str(value).strip()[:19], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - its zone follows
        return local.replace(tzinfo=ZoneInfo(zone or "UTC")).astimezone(UTC)
    except (ValueError, ZoneInfoNotFoundError, OverflowError, OSError):  # OSError: a folder of zones, like `Europe`
        return None


def _refused_row(js: Mapping[str, Any], now: datetime) -> errors.PortalError:
    """A whole account row with status 1."""
    end = expiry.account_end(js, {}, now)
    if end is not None and end < now:
        expired = errors.SubscriptionExpired(quoting(Say.EXPIRED.of(date=f"{end:%d %B %Y}"), _said(js)))
        expired.ended_at = end
        return expired
    if _said(js):
        return errors.SubscriptionBlocked(quoting(Say.BLOCKED.of(), _said(js)))
    # A row out of the database has strings; an int was set by a billing decision or a billing that did not answer.
    by_billing = isinstance(js.get("status"), int)
    return errors.SubscriptionBlocked((Say.BLOCKED_BILLING if by_billing else Say.BLOCKED).of())


def _said(js: Mapping[str, Any]) -> str:
    return words(js.get("block_msg")) or words(js.get("msg")) or words(js.get("error"))
