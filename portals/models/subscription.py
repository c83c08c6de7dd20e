"""A right to N simultaneous streams on a portal: a MAC, a login, or the playlist itself."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from portals.models.portal import Portal
from restreamer.lib import redact
from restreamer.lib.errors import InvalidInput


class SubscriptionState(models.TextChoices):
    """What the provider last said of this subscription (reference stalker-portal.md, section 12)."""

    NEW = "new", "not asked yet"
    OK = "ok", "works"
    LOGIN_NEEDED = "login_needed", "login needed"
    UNKNOWN = "unknown", "unknown to the portal"
    BLOCKED = "blocked", "blocked"
    EXPIRED = "expired", "expired"
    CONFLICT = "conflict", "device conflict"
    THROTTLED = "throttled", "asked too often"
    COOLDOWN = "cooldown", "resting after failures"


#: States nothing but a person (or a scheduled recheck) gets a subscription out of.
REFUSED_STATES = (
    SubscriptionState.LOGIN_NEEDED,
    SubscriptionState.UNKNOWN,
    SubscriptionState.BLOCKED,
    SubscriptionState.EXPIRED,
    SubscriptionState.CONFLICT,
)


#: So long before the end of what is paid for it is time to renew.
EXPIRES_SOON = timedelta(days=14)


def normal_mac(value: str) -> str:
    """The MAC in upper case with colons, from any usual spelling.

    Raises InvalidInput.
    """
    digits = re.sub(r"[\s:.\-]", "", value.strip()).upper()
    if not re.fullmatch(r"[0-9A-F]{12}", digits):
        raise InvalidInput(f"{redact.text(value)!r} is not a MAC address; it looks like 00:1A:79:12:34:56.")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Words about subscriptions."""

    def usable_q(self) -> Q:
        """Enabled, not refused by the provider, not resting, not past its expiry."""
        now = timezone.now()
        rested = Q(state_until__isnull=True) | Q(state_until__lte=now)
        return (
            Q(enabled=True, portal__enabled=True)
            & (~Q(state__in=REFUSED_STATES))
            & (Q(state__in=[SubscriptionState.NEW, SubscriptionState.OK]) | rested)
            & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        )

    def not_working_q(self) -> Q:
        """Refused by the provider, or past its end. One nobody has asked about yet is not among them."""
        return Q(state__in=REFUSED_STATES) | Q(expires_at__lte=timezone.now())

    def usable(self) -> SubscriptionQuerySet:
        """Those a stream may be started on now."""
        return self.filter(self.usable_q())


class Subscription(models.Model):
    """One identity with a portal and what we know of it. Secrets are shown to owners only."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="subscriptions")
    label = models.CharField(max_length=100, blank=True)
    mac = models.CharField(max_length=17, blank=True, help_text="00:1A:79:…; any usual spelling is accepted.")
    login = models.CharField(max_length=200, blank=True)
    password = models.CharField(max_length=200, blank=True)
    serial = models.CharField(max_length=64, blank=True, help_text="Serial number (sn) your box or app sent before.")
    device_id = models.CharField(max_length=128, blank=True)
    device_id2 = models.CharField(max_length=128, blank=True)
    signature = models.CharField(max_length=128, blank=True)
    model = models.CharField(max_length=30, blank=True, default="MAG250")
    streams = models.PositiveIntegerField(default=1, help_text="Streams at once; 0 = unlimited.")
    shared_count = models.CharField(
        "counted together with",
        max_length=80,
        blank=True,
        help_text="One account behind several MACs, logins or addresses: give each the same word here, and their "
        "streams at once are counted together.",
    )
    enabled = models.BooleanField(default=True)
    rank = models.PositiveIntegerField(default=0, help_text="Lower is tried first.")
    state = models.CharField(
        max_length=20, choices=SubscriptionState.choices, default=SubscriptionState.NEW, editable=False
    )
    state_until = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    warning = models.TextField(blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    #: What the provider last told of the account (SubscriptionReport.facts).
    facts = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["rank", "id"]
        constraints = [
            models.UniqueConstraint(fields=["portal", "mac"], condition=~Q(mac=""), name="one_row_per_mac"),
            models.UniqueConstraint(
                fields=["portal", "login"], condition=Q(mac="") & ~Q(login=""), name="one_row_per_login"
            ),
        ]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def counter(self) -> str:
        """What the provider counts streams by: this subscription alone, or all that share its word."""
        word = self.shared_count.strip().casefold()
        return f"shared:{word}" if word else str(self.pk)

    def runs_out(self, now: datetime) -> str:
        """`past` or `soon`; "" when there is time, or nobody knows."""
        if self.expires_at is None:
            return ""
        if self.expires_at <= now:
            return "past"
        return "soon" if self.expires_at <= now + EXPIRES_SOON else ""

    @property
    def shown_name(self) -> str:
        """What may stand in logs, journals and pages."""
        if self.label:
            return self.label
        if self.mac:
            return redact.mac(self.mac)
        if self.login:
            return f"login {self.login[:2]}***"
        return "playlist"


class _MacManager(models.Manager["Mac"]):
    def get_queryset(self) -> models.QuerySet[Mac]:
        return super().get_queryset().exclude(mac="")


class Mac(Subscription):
    """A subscription of a Stalker portal."""

    objects = _MacManager()  # type: ignore[assignment,misc]

    class Meta:
        proxy = True
        verbose_name = "MAC"
        verbose_name_plural = "MACs"


class _LoginManager(models.Manager["Login"]):
    def get_queryset(self) -> models.QuerySet[Login]:
        return super().get_queryset().filter(mac="").exclude(login="")


class Login(Subscription):
    """A subscription of an Xtream portal."""

    objects = _LoginManager()  # type: ignore[assignment,misc]

    class Meta:
        proxy = True
