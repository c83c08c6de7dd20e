"""Asks a portal about a subscription, keeps the answer, and knows who must be asked again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from portals import errors, standing
from portals.models import Subscription, SubscriptionState
from portals.models.subscription import REFUSED_STATES
from portals.providers.records import SubscriptionReport
from portals.providers.registry import provider_for

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
    found: dict[str, Any] = {
        "state": report.state,
        "state_until": _until(standing.rest_of(report.state, subscription.state), now()),
        "last_error": "" if report.state == SubscriptionState.OK else report.sentence,
        "warning": report.warning,
    }
    if report.expires_at is not None:
        found["expires_at"] = report.expires_at
    # A limit the provider names itself; one the owner has set stays.
    if report.streams is not None and subscription.streams == _DEFAULT_STREAMS:
        found["streams"] = report.streams
    _keep(subscription, now(), **found)
    return report


def due_for_recheck(now: datetime) -> QuerySet[Subscription]:
    """Refused subscriptions whose time to be asked again has come."""
    return Subscription.objects.filter(
        enabled=True, portal__enabled=True, state__in=REFUSED_STATES, state_until__lte=now
    ).select_related("portal")


def _until(rest_s: float | None, now: datetime) -> datetime | None:
    return None if rest_s is None else now + timedelta(seconds=rest_s)


def _throttled(subscription: Subscription, err: errors.PortalError, now: datetime) -> dict[str, Any]:
    """A portal that wants to be left alone for a while; a refusal it gave before still stands."""
    if not isinstance(err, errors.PortalThrottled) or subscription.state in REFUSED_STATES:
        return {}
    return {
        "state": SubscriptionState.THROTTLED,
        "state_until": _until(err.retry_after_s or standing.FIRST_REST_S, now),
    }


def _keep(subscription: Subscription, now: datetime, **values: Any) -> None:
    """Write to the row and to the object at hand, touching no column an owner edits meanwhile."""
    values["checked_at"] = now
    for name, value in values.items():
        setattr(subscription, name, value)
    Subscription.objects.filter(pk=subscription.pk).update(**values)
