"""Viewers: what a player logs in with. Web users are Django's own."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

#: Names and passwords stand in addresses, so only characters that need no escaping there
#: (reference xtream-codes-api.md, section 1).
URL_SAFE = RegexValidator(r"^[A-Za-z0-9._@-]+$", "Use letters, digits and . _ @ - only: it becomes part of addresses.")

#: Names that would shadow a path of ours.
RESERVED_NAMES = frozenset({"admin", "api", "live", "movie", "series", "timeshift", "play", "hls", "stream", "static"})


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
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
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
        return check_password(password, self.password_hash)

    def rotate_token(self) -> None:
        """A new token; every address made with the old one stops working."""
        self.token = new_token()

    @property
    def expired(self) -> bool:
        """Has the login's time run out?"""
        return self.expires_at is not None and self.expires_at <= timezone.now()
