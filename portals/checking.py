"""Asks a portal about a subscription and keeps the answer."""

from __future__ import annotations

from django.utils import timezone

from portals.models import Subscription
from portals.providers.records import SubscriptionReport
from portals.providers.registry import provider_for


def check_subscription(subscription: Subscription) -> SubscriptionReport:
    """The portal's answer, stored in the row. Raises PortalError when the portal cannot be asked."""
    report = provider_for(subscription.portal).check(subscription)
    Subscription.objects.filter(pk=subscription.pk).update(
        state=report.state,
        state_until=None,
        last_error="" if report.state == "ok" else report.sentence,
        warning=report.warning,
        expires_at=report.expires_at or subscription.expires_at,
        checked_at=timezone.now(),
    )
    return report
