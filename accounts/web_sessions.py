"""Where a web user is logged in: one row per browser, and a session without its row is over.

The row holds no key of Django's session: who reads it can log in nowhere. The session holds the row's id; taking the
row away signs that browser out at its next request.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from restreamer.lib.client_address import client_address

#: Under this name the session keeps the id of its row.
KEY = "web_session"
#: A browser that was not told to remember its login is signed out after so long without a request.
IDLE = timedelta(hours=12)
#: How exact "seen" is; each step is a write.
_SEEN_STEP = timedelta(minutes=5)


def _new_id() -> str:
    return secrets.token_urlsafe(18)


class WebSession(models.Model):
    """One browser that is logged in."""

    id = models.CharField(primary_key=True, max_length=32, default=_new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="web_sessions")
    address = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=300, blank=True)
    #: Was the second factor given, where there is one?
    verified = models.BooleanField(default=False)
    #: May it stay without being used for long?
    remembered = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-seen_at", "id"]

    def __str__(self) -> str:
        return f"{self.user} at {self.address}"

    @property
    def idle(self) -> bool:
        """Was it left alone for too long?"""
        return not self.remembered and timezone.now() - self.seen_at > IDLE

    def seen(self) -> None:
        """It was used now."""
        if timezone.now() - self.seen_at > _SEEN_STEP:
            self.seen_at = timezone.now()
            WebSession.objects.filter(pk=self.pk).update(seen_at=self.seen_at)

    def remember(self, request: HttpRequest, *, wanted: bool) -> None:
        """Keep the login after the browser is closed, or not."""
        request.session.set_expiry(None if wanted else 0)
        self.remembered = wanted
        self.save(update_fields=["remembered"])

    def verify(self, request: HttpRequest) -> None:
        """The second factor was given: from now on this browser may do what the user may. The cookie changes."""
        request.session.cycle_key()
        self.verified = True
        self.save(update_fields=["verified"])


def began(sender: object, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Somebody logged in, by whichever way: note the browser."""
    if request is not None and hasattr(request, "session"):
        begin(request, user)


def begin(request: HttpRequest, user: User) -> WebSession:
    """The new row of this browser; the one it had before is gone."""
    WebSession.objects.filter(pk=request.session.get(KEY, "")).delete()
    row = WebSession.objects.create(
        user=user, address=client_address(request)[:64], agent=request.META.get("HTTP_USER_AGENT", "")[:300]
    )
    request.session[KEY] = row.pk
    return row


def ended(sender: object, request: HttpRequest | None, **kwargs: Any) -> None:
    """Somebody logged out, or went back from the question for the second factor."""
    if request is not None and hasattr(request, "session"):
        WebSession.objects.filter(pk=request.session.get(KEY, "")).delete()


def current(request: HttpRequest) -> WebSession | None:
    """The row of the asking browser."""
    return WebSession.objects.filter(pk=request.session.get(KEY, "")).first()


def sign_out(user: User, *, but: str = "") -> int:
    """End the user's logins everywhere, but for one row; returns how many ended."""
    return user.web_sessions.exclude(pk=but).delete()[0]


def forget_old() -> int:
    """Remove rows whose session ran out long since; returns how many."""
    limit = timezone.now() - timedelta(seconds=2 * settings.SESSION_COOKIE_AGE)
    return WebSession.objects.filter(seen_at__lt=limit).delete()[0]
