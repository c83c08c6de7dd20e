"""What a subscription's row says of it: asking the portal, keeping the answer, and when to ask again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from portals import errors
from portals.models import Subscription, SubscriptionState
from portals.models.subscription import REFUSED_STATES
from portals.providers.records import SubscriptionReport
from portals.providers.registry import provider_for

#: The first look after a refusal comes soon: a portal whose billing is down looks like one that blocks.
_FIRST_RECHECK = timedelta(minutes=10)
_LATER_RECHECK = timedelta(hours=1)
_EXPIRED_RECHECK = timedelta(days=1)
_REST = timedelta(seconds=60)

_DEFAULT_STREAMS = Subscription._meta.get_field("streams").default


def check_subscription(subscription: Subscription, *, now: Callable[[], datetime] = timezone.now) -> SubscriptionReport:
    """The portal's answer, stored in the row.

    Raises PortalError when the portal cannot be asked; the row keeps its state and says why.
    """
    try:
        report = provider_for(subscription.portal).check(subscription)
    except errors.PortalError as err:
        _keep(subscription, now(), last_error=err.message, **_throttled(subscription, err, now()))
        raise
    keep_report(subscription, report, now=now)
    return report


def keep_report(
    subscription: Subscription, report: SubscriptionReport, *, now: Callable[[], datetime] = timezone.now
) -> None:
    """What a portal told of a subscription, asked for it or by the way."""
    found: dict[str, Any] = {
        "state": report.state,
        "state_until": rests_until(report.state, subscription.state, now()),
        "last_error": "" if report.state == SubscriptionState.OK else report.sentence,
        "warning": report.warning,
    }
    if report.facts:
        found["facts"] = dict(report.facts)
    if report.expires_at is not None:
        found["expires_at"] = report.expires_at
    # A limit the provider names itself; one the owner has set stays.
    if report.streams is not None and subscription.streams == _DEFAULT_STREAMS:
        found["streams"] = report.streams
    _keep(subscription, now(), **found)


def note_end(
    subscription: Subscription, expires_at: datetime | None, *, now: Callable[[], datetime] = timezone.now
) -> None:
    """The end of what is paid for, where a refresh is told it; one nobody names leaves what is known."""
    if expires_at is not None and expires_at != subscription.expires_at:
        _keep(subscription, now(), expires_at=expires_at)


def note_failure(
    subscription: Subscription, err: errors.PortalError, *, now: Callable[[], datetime] = timezone.now
) -> None:
    """Keep a refusal met while listing or playing, so that nobody tries this subscription for a while.

    What the portal as a whole is to blame for (unreachable, asked too often) says nothing of the subscription.
    """
    at = now()
    if isinstance(err, errors.SubscriptionRefused):
        until = rests_until(err.state, subscription.state, at)
        _keep(subscription, at, state=err.state, state_until=until, last_error=err.message)
    elif isinstance(err, errors.SessionLost):
        _keep(subscription, at, state=SubscriptionState.COOLDOWN, state_until=at + _REST, last_error=err.message)
    elif isinstance(err, errors.SubscriptionBusy):
        _keep(subscription, at, last_error=err.message, **_throttled(subscription, err, at))


def note_success(subscription: Subscription, *, now: Callable[[], datetime] = timezone.now) -> None:
    """The portal served this subscription: what it rested from is over. Costs nothing when it works already.

    A refusal written meanwhile stands: only a check lifts it.
    """
    if subscription.state not in (SubscriptionState.OK, *REFUSED_STATES):
        unrefused = Subscription.objects.exclude(state__in=REFUSED_STATES)
        _keep(subscription, now(), unrefused, state=SubscriptionState.OK, state_until=None, last_error="")


def due_for_recheck(now: datetime) -> QuerySet[Subscription]:
    """Refused subscriptions whose time to be asked again has come; and those whose end has come and that nobody asked
    since: they are used no more, so no refresh would hear that they were renewed."""
    refused = Q(state__in=REFUSED_STATES)
    over = Q(expires_at__lte=now) & (Q(state_until__isnull=True) | Q(state_until__lte=now))
    unasked = Q(checked_at__isnull=True) | Q(checked_at__lte=now - _EXPIRED_RECHECK)
    return Subscription.objects.filter(
        (refused & Q(state_until__lte=now)) | (~refused & over & unasked), enabled=True, portal__enabled=True
    ).select_related("portal")


def rests_until(state: str, state_before: str, now: datetime) -> datetime | None:
    """When a state is looked at again by itself; None = only when a person changes something, or never needed."""
    if state in (SubscriptionState.BLOCKED, SubscriptionState.UNKNOWN):
        return now + (_LATER_RECHECK if state_before == state else _FIRST_RECHECK)
    if state == SubscriptionState.EXPIRED:
        return now + _EXPIRED_RECHECK
    if state == SubscriptionState.COOLDOWN:
        return now + _REST
    return None


def _throttled(subscription: Subscription, err: errors.PortalError, now: datetime) -> dict[str, Any]:
    """A portal that wants to be left alone for a while; a refusal it gave before still stands."""
    if not isinstance(err, errors.PortalThrottled | errors.SubscriptionBusy) or subscription.state in REFUSED_STATES:
        return {}
    return {"state": SubscriptionState.THROTTLED, "state_until": now + timedelta(seconds=err.retry_after_s or 30)}


def _keep(
    subscription: Subscription, now: datetime, among: QuerySet[Subscription] | None = None, **values: Any
) -> None:
    """Write to the row and to the object at hand, touching no column an owner edits meanwhile."""
    values["checked_at"] = now
    rows = Subscription.objects.all() if among is None else among
    if rows.filter(pk=subscription.pk).update(**values):
        for name, value in values.items():
            setattr(subscription, name, value)
