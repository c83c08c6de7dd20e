"""What can go wrong with a portal. `message` is the sentence the owner reads in admin."""

from __future__ import annotations

from datetime import datetime

from restreamer.lib.errors import RestreamerError


class PortalError(RestreamerError):
    """Anything a portal did or did not do."""

    status = 503
    public = "The provider of this channel does not answer right now."


class PortalUnreachable(PortalError):
    """No answer: DNS, refused connection, time-out, TLS."""


class NotAPortal(PortalError):
    """Something answers at the address, but it is no portal of this kind."""

    permanent = True


class AnswerUnreadable(PortalError):
    """HTML, broken JSON or nothing where an answer was expected."""


class AnswerNotFound(AnswerUnreadable):
    """404: the address is wrong, or the portal hides from those it does not like."""


class TimeZoneRefused(AnswerUnreadable):
    """The portal broke on the time zone we sent; another one may do."""


class PortalOverloaded(PortalError):
    """The portal failed inside (5xx, an exception, a fatal error); later may be better."""


class PortalClosed(PortalError):
    """The operator switched the portal off; no fault of the subscription."""

    retry_after_s = 15 * 60.0


class TokenRefused(PortalError):
    """The session's token is not, or no longer, accepted: a new handshake may help, once."""


class PortalThrottled(PortalError):
    """The portal asked us to wait (429, 503); counts for the whole portal."""


class SubscriptionBusy(PortalError):
    """The portal wants this one subscription to wait (458): too many streams or questions of it; others may go on."""

    retry_after_s = 30.0


class CatalogueIncomplete(PortalError):
    """A list ended early; what is stored stays as it is."""


class RunHeld(RestreamerError):
    """The run waits for a person, because it would lose too much."""


class RunGoesOn(RestreamerError):
    """The run has done its share and makes room for others; it goes on when its turn comes again."""


class RunNotUndoable(RestreamerError):
    """The run cannot be taken back; the message says why."""

    permanent = True
    status = 409


class NoUsableSubscription(PortalError):
    """The portal has no subscription that may be asked."""

    permanent = True


class RunCancelled(RestreamerError):
    """A person stopped the run."""


class SubscriptionRefused(PortalError):
    """The portal refuses this subscription; `state` is the SubscriptionState to store."""

    permanent = True
    state = "blocked"
    public = "The provider refuses this subscription."


class SubscriptionUnknown(SubscriptionRefused):
    """The portal does not know the MAC or login."""

    state = "unknown"


class SubscriptionBlocked(SubscriptionRefused):
    """The portal knows the subscription and has blocked it."""

    state = "blocked"


class AccessDenied(SubscriptionBlocked):
    """Refused without a reason; the profile says which it is."""


class SubscriptionExpired(SubscriptionRefused):
    """Paid time is over."""

    state = "expired"
    ended_at: datetime | None = None


class LoginNeeded(SubscriptionRefused):
    """The portal wants a name and password, or refused the ones it got."""

    state = "login_needed"


class DeviceConflict(SubscriptionRefused):
    """Serial or device ids differ from those the portal has pinned to the MAC."""

    state = "conflict"


class SessionLost(PortalError):
    """The token was not accepted twice in a row: another device uses this MAC."""

    retry_after_s = 60.0


class ItemRefused(PortalError):
    """The portal gives no address for this item; another stream may do better."""


class ItemNotSubscribed(ItemRefused):
    """The item is not part of the subscription."""

    permanent = True


class ItemBusy(ItemRefused):
    """The provider's own servers are full: nobody's fault, worth another try soon."""

    retry_after_s = 10.0


class NoFreeSlot(RestreamerError):
    """Every subscription that could carry the item is in use. No fault of the stream."""

    status = 503
    retry_after_s = 10.0
    slate = "limit_reached"
    tuner_error = "805 All Tuners In Use"
    public = "All connections of the provider are in use. Try again in a moment."
    #: Which limit: subscription, portal, installation; memory = Redis has forgotten and waits for reports.
    level: str = ""


class LeaseLost(RestreamerError):
    """A slot was taken away or ran out while in use; the upstream must close at once."""
