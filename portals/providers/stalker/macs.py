"""Which MACs of a portal may be asked, and what to do when one of them is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from portals import checking, errors
from portals.models import Portal, Subscription
from portals.providers.stalker.sentences import Say

T = TypeVar("T")


def usable(portal: Portal) -> list[Subscription]:
    """The portal's MACs that may be asked, in the owner's order."""
    return list(Subscription.objects.usable().filter(portal=portal).exclude(mac=""))


def from_first(portal: Portal, question: Callable[[Subscription], T]) -> T:
    """The answer to the first MAC the portal does not refuse.

    Raises PortalError.
    """
    first: errors.PortalError | None = None
    for subscription in usable(portal):
        try:
            return question(subscription)
        except (errors.SubscriptionRefused, errors.SubscriptionBusy, errors.SessionLost) as err:
            checking.note_failure(subscription, err)
            first = first or err
    raise first or errors.NoUsableSubscription(Say.NO_MAC.of())
