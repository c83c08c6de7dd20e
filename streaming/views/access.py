"""Who asks, and from where."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import HttpRequest

from accounts.guessing import guessed_wrong, must_not_guess
from accounts.models import AdultView, Viewer
from restreamer.addresses import asked_base_url
from restreamer.lib.client_address import client_address
from restreamer.lib.prepared import Prepared
from restreamer.lib.redis_client import connection
from streaming.errors import LoginWrong, TokenMissing, ViewerNotAllowed
from streaming.outputs.addresses import Pictures
from streaming.visible import Sight

#: Compared with when nobody has the token, so that both answers take the same path.
_NOBODY = secrets.token_urlsafe(24)
_LONGEST_TOKEN = 64
#: Asked at every request, each segment of HLS included.
_BY_TOKEN = Prepared(lambda token: Viewer.objects.filter(token=token).order_by()[:1], "a token")


def admitted(request: HttpRequest, token: str = "") -> Sight:
    """What the viewer whose token stands in the path or in `?token=` sees.

    Without a token, a network that was opened for that stands for it. Raises TokenMissing (the same for none and for a
    wrong one), ViewerNotAllowed, TooManyGuesses, RedisUnavailable (after a wrong token or PIN only).
    """
    address = client_address(request)
    given = token or request.GET.get("token", "")
    viewer = _with_token(given) if given else _of_open_network(address)
    if viewer is None:
        _count_wrong(address)
        raise TokenMissing("No viewer has the token of this request.")
    _must_be_allowed(viewer)
    return _sight(request, viewer, address)


def admitted_to_page(request: HttpRequest, token: str = "") -> Sight:
    """The same for a page: who is logged in and sends no token counts as the first viewer they own."""
    user = request.user
    if not token and "token" not in request.GET and user.is_authenticated:
        viewer = Viewer.objects.allowed().filter(owner=user).order_by("id").first()
        if viewer is not None:
            return _sight(request, viewer, client_address(request))
    return admitted(request, token)


def admitted_by_login(request: HttpRequest, name: str, password: str) -> Sight:
    """The same for name and password, as players of the Xtream scheme send them; the token counts as a password too.

    An unknown name and a wrong password are one error, and take as long. Raises LoginWrong besides.
    """
    sight = identified_by_login(request, name, password)
    _must_be_allowed(sight.viewer)
    return sight


def identified_by_login(request: HttpRequest, name: str, password: str) -> Sight:
    """The same, but a login that is switched off or expired is let in: that API tells such a player its state."""
    address = client_address(request)
    must_not_guess(connection(), address)
    viewer = Viewer.objects.filter(name=_storable(name)).first()
    known = viewer if viewer is not None else Viewer(name="", token=_NOBODY)
    right = secrets.compare_digest(known.token.encode(), _storable(password).encode()) or known.check_password(password)
    if viewer is None or not right:
        _count_wrong(address)
        raise LoginWrong("Name and password are no viewer's.")
    return _sight(request, viewer, address)


def admitted_viewer(request: HttpRequest, token: str = "") -> Viewer:
    """Who asks, where it does not matter what they see. Raises as `admitted`."""
    return admitted(request, token).viewer


def pictures_of(request: HttpRequest, sight: Sight) -> Pictures:
    """Where this viewer loads pictures: by token, unless its network needs none and it sent none."""
    return Pictures(
        base_url=asked_base_url(request),
        token=sight.viewer.token,
        pin=request.GET.get("pin", "") if sight.pin_given else "",
        kept=settings.PICTURES == "kept",
    )


def _with_token(given: str) -> Viewer | None:
    viewer = next(iter(_BY_TOKEN(_storable(given))), None)
    known = viewer.token if viewer is not None else _NOBODY
    return viewer if secrets.compare_digest(known.encode(), _storable(given).encode()) else None


def _storable(text: str) -> str:
    """No token or name of ours is longer, or holds a NUL, which PostgreSQL would stumble over."""
    return text[: _LONGEST_TOKEN + 1].replace("\0", " ").encode(errors="replace").decode()


def _of_open_network(address: str) -> Viewer | None:
    opened = Viewer.objects.allowed().with_open_networks()
    return next((viewer for viewer in opened if viewer.is_open_to(address)), None)


def _count_wrong(address: str) -> None:
    client = connection()
    must_not_guess(client, address)
    guessed_wrong(client, address)


def _must_be_allowed(viewer: Viewer) -> None:
    if not viewer.enabled:
        raise ViewerNotAllowed(f"{viewer.name} is switched off.", public="This login is switched off.")
    if viewer.expired:
        raise ViewerNotAllowed(f"{viewer.name} has expired.", public="This login has expired.")


def _sight(request: HttpRequest, viewer: Viewer, address: str) -> Sight:
    if not viewer.may_come_from(address):
        raise ViewerNotAllowed(
            f"{viewer.name} may not come from {address}.", public="This login does not work from your network."
        )
    pin = request.GET.get("pin", "")[:_LONGEST_TOKEN]
    if not pin or viewer.adult != AdultView.PIN:
        return Sight(viewer)
    must_not_guess(connection(), address)
    if viewer.check_pin(pin):
        return Sight(viewer, pin_given=True)
    _count_wrong(address)
    raise ViewerNotAllowed(f"The PIN of {viewer.name} was wrong.", public="The PIN is wrong.")
