"""Logging in by name or by e-mail address; an unknown one takes as long as a wrong password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest


class NameOrEmailBackend(ModelBackend):
    """A name wins over an address; an address two users share is nobody's."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The user whose name or address and password these are."""
        if not username or password is None:
            return None
        user = _called(username)
        if user is None:
            # Hashed all the same, so that the time says nothing.
            User().set_password(password)
            return None
        right = user.check_password(password)
        return user if right and self.user_can_authenticate(user) else None


def _called(word: str) -> User | None:
    by_name = User.objects.filter(username=word).first()
    if by_name is not None or "@" not in word:
        return by_name
    by_email = list(User.objects.filter(email__iexact=word)[:2])
    return by_email[0] if len(by_email) == 1 else None
