"""Tokens of programs: only hashes are stored, the token itself is shown once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from api.scopes import RIGHTS, Scope
from restreamer.lib.errors import InvalidInput

#: How exactly `last_used_at` is kept.
_USED_EVERY = timedelta(minutes=1)


class ApiToken(models.Model):
    """A program's key to the API. 256 random bits need no slow hash."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="Which program it is for.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    #: Its beginning, so that people can tell one from another.
    hint = models.CharField(max_length=12, editable=False)
    scopes: models.JSONField[list[str], list[str]] = models.JSONField("may", default=list)
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name", "id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    def may(self, scope: Scope) -> bool:
        """Was it given the scope, and may its owner still do that?"""
        return scope in self.scopes and self.user.has_perm(RIGHTS[scope])

    def used(self, now: datetime) -> None:
        """Remember that it was used."""
        if self.last_used_at is None or now - self.last_used_at >= _USED_EVERY:
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)


def make(user: User, name: str, scopes: Iterable[str], expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """A stored token and its secret, which nobody can read again. Raises InvalidInput."""
    chosen = sorted(set(scopes))
    if unknown := set(chosen) - set(Scope.values):
        raise InvalidInput(f"There is no right {min(unknown)!r}; there are {', '.join(Scope.values)}.")
    if not chosen or not name.strip():
        raise InvalidInput("A token needs a name and at least one right.")
    secret = f"rs_{secrets.token_urlsafe(32)}"
    row = ApiToken(user=user, name=name.strip(), scopes=chosen, expires_at=expires_at)
    row.digest, row.hint = _digest(secret), secret[:7]
    row.save()
    return row, secret


def found(secret: str) -> ApiToken | None:
    """The token of this secret, when it works now."""
    row = ApiToken.objects.filter(digest=_digest(secret)).select_related("user").first()
    if row is None or not row.enabled or not row.user.is_active:
        return None
    return None if row.expires_at is not None and row.expires_at <= timezone.now() else row


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
