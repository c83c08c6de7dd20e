"""Web users for tests."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client

from accounts.people import add_user
from accounts.roles import Role

PASSWORD = "correct horse battery"


def person(role: Role | str = Role.VIEWER, name: str = "", *, email: str = "") -> User:
    """A stored web user with PASSWORD."""
    return add_user(name or f"some-{Role(role).value}", PASSWORD, role=Role(role), email=email)


def as_(user: User) -> Client:
    """A browser in which the user is logged in."""
    client = Client()
    client.force_login(user, "accounts.backends.NameOrEmailBackend")
    return client
