"""Web users: adding, passwords, switching off; the same verbs for pages and command line."""

from __future__ import annotations

import re
import secrets

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts import web_sessions
from accounts.roles import Role, give_role, must_leave_an_administrator
from restreamer.lib.errors import InvalidInput

_NAME = re.compile(r"[\w.@+-]{1,150}")


def new_password() -> str:
    """A password to be shown once: 16 characters, 96 bits."""
    return secrets.token_urlsafe(12)


@transaction.atomic
def add_user(name: str, password: str, *, role: Role = Role.VIEWER, email: str = "") -> User:
    """The stored user. Raises InvalidInput; then nothing was stored."""
    check_user_name(name)
    check_email(email)
    user = User(username=name, email=email)
    check_password_worth(password, user)
    user.set_password(password)
    user.save()
    give_role(user, role)
    return user


def check_user_name(name: str) -> None:
    """Raises InvalidInput unless the name can be a new user's."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot be a name; use letters, digits and @ . + - _ (150 at most).")
    if User.objects.filter(username__iexact=name).exists():
        raise InvalidInput(f"There is a web user called {name!r} already.")


def check_email(email: str, *, of: User | None = None) -> None:
    """Raises InvalidInput unless the address is empty, or one nobody else has: people log in with it."""
    if not email:
        return
    try:
        validate_email(email)
    except ValidationError as err:
        raise InvalidInput(f"{email!r} is no e-mail address.") from err
    others = User.objects.filter(email__iexact=email)
    if (others.exclude(pk=of.pk) if of is not None else others).exists():
        raise InvalidInput(f"Somebody else has the e-mail address {email!r}.")


def check_password_worth(password: str, user: User) -> None:
    """Raises InvalidInput with what is wrong with the password."""
    try:
        validate_password(password, user)
    except ValidationError as err:
        raise InvalidInput(" ".join(err.messages)) from err


def set_password(user: User, password: str, *, but: str = "") -> None:
    """Store it and sign the user out everywhere, but for one browser. Raises InvalidInput."""
    check_password_worth(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    web_sessions.sign_out(user, but=but)


def reset_password(user: User) -> str:
    """A new password made up here, to be shown once; the user is signed out everywhere."""
    password = new_password()
    user.set_password(password)
    user.save(update_fields=["password"])
    web_sessions.sign_out(user)
    return password


@transaction.atomic
def switch(user: User, *, on: bool) -> None:
    """Let the user log in, or no longer. Raises InvalidInput when nobody would be left to administer."""
    if not on:
        must_leave_an_administrator([user.pk])
        web_sessions.sign_out(user)
    user.is_active = on
    user.save(update_fields=["is_active"])
