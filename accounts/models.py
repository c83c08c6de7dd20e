"""Viewers: what a player logs in with. Web users are Django's own; what belongs to their logins is in its own rooms."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.external import ExternalIdentity as ExternalIdentity
from accounts.networks import contains, validate_networks
from accounts.second_factor import SecondFactor as SecondFactor
from accounts.secrets import right_passwords
from accounts.web_sessions import WebSession as WebSession

#: Names and passwords stand in addresses, so only characters that need no escaping there
#: (reference xtream-codes-api.md, section 1).
URL_SAFE = RegexValidator(r"^[A-Za-z0-9._@-]+$", "Use letters, digits and . _ @ - only: it becomes part of addresses.")

#: Names that would shadow a path of ours.
RESERVED_NAMES = frozenset(
    {
        "admin", "api", "live", "movie", "series", "timeshift", "play", "hls", "stream", "static", "t", "hdhr",
        "player", "vod", "logo", "portal", "streaming", "chplay", "auto", "media", "guide", "library",
    }
)  # fmt: skip


def new_token() -> str:
    """A token for generated addresses: 32 URL-safe characters, 192 bits."""
    return secrets.token_urlsafe(24)


class ViewerQuerySet(models.QuerySet["Viewer"]):
    """Words about viewers."""

    def allowed(self) -> ViewerQuerySet:
        """Enabled and not expired."""
        return self.filter(enabled=True).filter(
            models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=timezone.now())
        )

    def own_first(self, user_id: int) -> ViewerQuerySet:
        """Those the web user owns before the others, each by name."""
        own = models.Case(models.When(owner=user_id, then=0), default=1)
        return self.order_by(own, "name")

    def with_open_networks(self) -> ViewerQuerySet:
        """Those that some network may use without a token, oldest first."""
        return self.exclude(open_networks="").order_by("id")


class AdultView(models.TextChoices):
    """What a viewer sees of the channels and movies marked as adult."""

    HIDDEN = "hidden", "hide them"
    PIN = "pin", "only in addresses with the PIN"
    SHOWN = "shown", "show them"


class LimitPolicy(models.TextChoices):
    """What a viewer at the limit who asks for one more meets."""

    DEFAULT = "", "as the installation says"
    REFUSE = "refuse", "refuse"
    END_OLDEST = "end_oldest", "end the oldest stream"


class Viewer(models.Model):
    """A player login: name and password (Xtream), token (all generated addresses), limits."""

    name = models.CharField(max_length=64, unique=True, validators=[URL_SAFE])
    password_hash = models.CharField(max_length=128, blank=True, editable=False)
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="viewers"
    )
    connections = models.PositiveIntegerField(
        default=1, help_text="Streams at once; 0 = as many as the providers allow."
    )
    may_redirect = models.BooleanField(
        "may go to the provider itself",
        default=False,
        help_text="Where a channel's delivery is “redirect”, the player learns the provider's own address and with it "
        "the login inside. Off: such channels are relayed to this viewer.",
    )
    limit_policy = models.CharField(
        "at the limit", max_length=12, choices=LimitPolicy.choices, default=LimitPolicy.DEFAULT, blank=True
    )
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    #: Named as text: this room knows no channels, only that a viewer is given some.
    lineups = models.ManyToManyField(
        "channels.Lineup", blank=True, related_name="+", help_text="None chosen = all channels that are shown."
    )
    with_live = models.BooleanField("channels", default=True)
    with_movies = models.BooleanField("movies", default=True)
    with_series = models.BooleanField("series", default=True)
    adult = models.CharField(max_length=10, choices=AdultView.choices, default=AdultView.HIDDEN)
    pin_hash = models.CharField(max_length=128, blank=True, editable=False)
    networks = models.TextField(
        "allowed networks",
        blank=True,
        validators=[validate_networks],
        help_text="Addresses and networks this login works from, like 192.168.1.0/24; empty = everywhere.",
    )
    open_networks = models.TextField(
        "networks without a token",
        blank=True,
        validators=[validate_networks],
        help_text="Players in these networks need no token and count as this viewer; for televisions that cannot "
        "send one. Name your home network only. Empty = nobody.",
    )
    notes = models.TextField(blank=True, help_text="Which players use it, whose they are: for you alone.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ViewerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def set_password(self, password: str) -> None:
        """Keep the password's hash; the password itself is never stored."""
        self.password_hash = make_password(password)

    def check_password(self, password: str) -> bool:
        """Is this the viewer's password?"""
        return right_passwords.check(password, self.password_hash)

    def set_pin(self, pin: str) -> None:
        """Keep the PIN's hash; an empty PIN takes it away."""
        self.pin_hash = make_password(pin) if pin else ""

    def check_pin(self, pin: str) -> bool:
        """Is this the viewer's PIN? Never when none is set."""
        return bool(pin) and bool(self.pin_hash) and right_passwords.check(pin, self.pin_hash)

    def may_come_from(self, address: str) -> bool:
        """Does this login work from the address?"""
        return not self.networks.strip() or contains(self.networks, address)

    def is_open_to(self, address: str) -> bool:
        """Does a player at this address need no token to count as this viewer?"""
        return contains(self.open_networks, address)

    def rotate_token(self) -> None:
        """A new token; every address made with the old one stops working."""
        self.token = new_token()

    def login_mark(self) -> str:
        """Changes with the token and the password, and tells nobody either: what was begun with them is known by it."""
        secrets_of_it = f"{self.token}\0{self.password_hash}"
        return salted_hmac("accounts.Viewer", secrets_of_it, algorithm="sha256").hexdigest()[:32]

    @property
    def expired(self) -> bool:
        """Has the login's time run out?"""
        return self.expires_at is not None and self.expires_at <= timezone.now()
