"""A program with a token."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from api.models import make
from api.scopes import Scope


class Program:
    """Calls with a token; `get`, `post`, `patch`, `delete` return status and JSON."""

    def __init__(self, secret: str) -> None:
        self._client = Client()
        self._headers = {"Authorization": f"Bearer {secret}"}

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        call = getattr(self._client, method)
        if method == "get":
            answer = call(f"/api/{path}", query, headers=self._headers)
        else:
            answer = call(f"/api/{path}", body, content_type="application/json", headers=self._headers)
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def owner(db) -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def program(owner, redis) -> Program:
    """One that may everything."""
    return Program(make(owner, "all", Scope.values)[1])
