"""Adding a viewer: one verb for command line and admin."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from accounts.models import RESERVED_NAMES, URL_SAFE, Viewer
from restreamer.lib.errors import InvalidInput


def add_viewer(name: str, password: str, *, connections: int = 1) -> Viewer:
    """The stored viewer. Raises InvalidInput; then nothing was stored."""
    check_name(name)
    check_password_form(password)
    if connections < 0:
        raise InvalidInput("The number of connections cannot be negative; 0 means no limit of its own.")
    if Viewer.objects.filter(name=name).exists():
        raise InvalidInput(f"There is a viewer called {name!r} already.")
    viewer = Viewer(name=name, connections=connections)
    viewer.set_password(password)
    viewer.save()
    return viewer


def check_name(name: str) -> None:
    """Raises InvalidInput unless the name can stand in an address and shadows none."""
    try:
        URL_SAFE(name)
    except ValidationError as err:
        raise InvalidInput(f"{name!r} cannot be a viewer's name. {err.message}") from err
    if name.lower() in RESERVED_NAMES or len(name) > 64:
        raise InvalidInput(f"{name!r} cannot be a viewer's name; choose another.")


def check_password_form(password: str) -> None:
    """Raises InvalidInput unless the password can stand in an address and is worth having."""
    try:
        URL_SAFE(password)
    except ValidationError as err:
        raise InvalidInput(f"That password cannot be used. {err.message}") from err
    if not 8 <= len(password) <= 64:
        raise InvalidInput("A viewer's password has 8 to 64 characters.")
