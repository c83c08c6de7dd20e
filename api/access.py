"""Who may call: a program by its token, or a person whose browser is logged in (the pages under /api/docs)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from ninja.errors import HttpError
from ninja.security import APIKeyCookie, HttpBearer

from accounts.guessing import guessed_wrong, must_not_guess
from api.models import found
from api.scopes import RIGHTS, Scope
from restreamer.lib.client_address import client_address
from restreamer.lib.redis_client import connection


class _Token(HttpBearer):
    """`Authorization: Bearer rs_…`. Wrong ones count as guesses of their address."""

    openapi_name = "token"

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """The owner, when the token has the scope. Raises TooManyGuesses, RedisUnavailable, HttpError 403."""
        address = client_address(request)
        must_not_guess(connection(), address)
        row = found(token)
        if row is None:
            guessed_wrong(connection(), address)
            return None
        if not row.may(self._scope):
            raise HttpError(403, f"This token may not: {self._scope.label} ({self._scope.value}).")
        row.used(timezone.now())
        request.user = row.user
        return row.user


class _Browser(APIKeyCookie):
    """A web session, with the CSRF token for all that changes something."""

    openapi_name = "browser"

    def __init__(self, scope: Scope) -> None:
        self.param_name = settings.SESSION_COOKIE_NAME
        self._scope = scope
        super().__init__(csrf=True)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        """The user, when their role allows it. Raises HttpError 403."""
        user = request.user
        if not (user.is_active and user.is_staff):
            return None
        if not user.has_perm(RIGHTS[self._scope]):
            raise HttpError(403, f"You may not: {self._scope.label}.")
        return user


def needs(scope: Scope) -> list[Any]:
    """What an operation asks for."""
    return [_Token(scope), _Browser(scope)]
