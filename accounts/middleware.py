"""Between a session and its user: a browser that was signed out, or owes its second factor, is nobody's.

Every way of logging in ends here, so none can go around it: whoever holds a session gets the user only when the
session's row is there and, where the user has a second factor, says that it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts import web_sessions
from accounts.second_factor import SecondFactor

Answer = Callable[[HttpRequest], HttpResponse]

#: Pages of others' apps that ask for no permission of their own: any member of staff could open them.
_ADMINISTRATORS_ONLY = ("admin/django_rq/",)

_OWN_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: The admin's widgets compile expressions and carry styles inline; logos are shown from where they are.
_ADMIN_PAGES = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: http: https:; font-src 'self' data:; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'self'"
)


class WebSessionMiddleware:
    """Decides whom a session stands for. Costs nothing where there is no session or nobody asks for the user."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            said = request.user
            request.user = cast(User, SimpleLazyObject(lambda: _whom(request, said)))
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Raises PermissionDenied for curators on pages that are administrators' alone."""
        route = request.resolver_match.route if request.resolver_match else ""
        closed = route.startswith(_ADMINISTRATORS_ONLY)
        if closed and request.user.is_staff and not request.user.is_superuser:
            raise PermissionDenied


class PageHeadersMiddleware:
    """What browsers are told about our pages: which scripts may run, who may frame them, what they may reach."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            admin = request.path.startswith(("/admin/", "/api/")) and not getattr(response, "own_page", False)
            own = getattr(response, "own_page", False)
            if admin or own:
                response.headers.setdefault("Content-Security-Policy", _OWN_PAGES if own else _ADMIN_PAGES)
                response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response


def _whom(request: HttpRequest, said: User | AnonymousUser) -> User | AnonymousUser:
    """The user of the session, once it may count as theirs. `request.owes_factor`: who it would be after that."""
    if not isinstance(said, User):
        # Django's own wrapper is an instance of what it wraps.
        return said
    row = web_sessions.current(request) if web_sessions.KEY in request.session else web_sessions.begin(request, said)
    if row is None or row.user_id != said.pk or row.idle:
        request.session.flush()
        return AnonymousUser()
    if not row.verified and SecondFactor.objects.in_use().filter(user=said).exists():
        request.owes_factor = said  # type: ignore[attr-defined]
        return AnonymousUser()
    row.seen()
    return said
