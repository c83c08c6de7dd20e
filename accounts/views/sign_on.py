"""`/sign-on/`: logging in with an identity provider (OpenID Connect), where RESTREAMER_OIDC_* names one."""

from __future__ import annotations

from typing import Any, cast

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe
from joserfc.errors import JoseError

from accounts import external, second_factor
from accounts.views.pages import for_user, next_page, own_page
from restreamer.lib.base_url import asked_base_url
from restreamer.lib.errors import RestreamerError

_TIMEOUT_S = 10
_NEXT, _LINK = "sign_on_next", "sign_on_link"


class SignOnFailed(RestreamerError):
    """The identity provider does not answer, or what it answered does not hold."""

    status = 502
    public = "The single sign-on did not work. Try again, or log in with name and password."


@require_safe
@own_page
def start(request: HttpRequest) -> HttpResponse:
    """Off to the provider."""
    _must_be_on()
    request.session[_NEXT] = request.GET.get("next", "")[:2000]
    request.session.pop(_LINK, None)
    return _away(request)


@require_POST
@csrf_protect
@for_user
def link(request: HttpRequest) -> HttpResponse:
    """The same, to connect the identity with whoever is logged in."""
    _must_be_on()
    request.session[_LINK] = request.user.pk
    return _away(request)


@require_safe
@own_page
def back(request: HttpRequest) -> HttpResponse:
    """Where the provider sends people back to. Raises SignOnFailed, SignOnRefused."""
    _must_be_on()
    claims = _claims(request)
    linking, asked = request.session.pop(_LINK, None), request.session.pop(_NEXT, "")
    if linking is not None:
        if not request.user.is_authenticated or request.user.pk != linking:
            raise SignOnFailed("A single sign-on came back to another login than it was begun in.")
        external.connect(request.user, settings.OIDC_ISSUER, str(claims["sub"]))
        messages.success(request, f"From now on you can log in with {settings.OIDC_NAME}.")
        return redirect("account")
    user = external.user_of(settings.OIDC_ISSUER, claims, create=settings.OIDC_CREATE)
    login(request, user, "accounts.backends.NameOrEmailBackend")
    if second_factor.of(user) is not None:
        return redirect(f"{reverse('login-code')}?{urlencode({'next': asked})}")
    return redirect(next_page(request, user, asked))


def _must_be_on() -> None:
    if not settings.OIDC_ISSUER:
        raise Http404


def _away(request: HttpRequest) -> HttpResponse:
    target = asked_base_url(request) + reverse("sign-on-back")
    try:
        return cast(HttpResponse, _provider().authorize_redirect(request, target))
    except (requests.RequestException, AuthlibBaseError, ValueError, KeyError, RuntimeError) as err:
        raise SignOnFailed(f"The identity provider {settings.OIDC_ISSUER} cannot be asked: {err}") from err


def _claims(request: HttpRequest) -> dict[str, Any]:
    """What the signed token says, once signature, issuer, audience, time and nonce hold. Raises SignOnFailed."""
    provider = _provider()
    wanted = {
        "iss": {"essential": True, "value": settings.OIDC_ISSUER},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
        "sub": {"essential": True},
    }
    try:
        token = provider.authorize_access_token(request, claims_options=wanted)
    except (requests.RequestException, AuthlibBaseError, JoseError, ValueError, KeyError, RuntimeError) as err:
        raise SignOnFailed(f"A single sign-on at {settings.OIDC_ISSUER} failed: {type(err).__name__}") from err
    claims = token.get("userinfo")
    if not claims or not claims.get("sub"):
        raise SignOnFailed(f"{settings.OIDC_ISSUER} sent no token that says who it is.")
    return dict(claims)


def _provider() -> Any:
    """The client of the provider; made anew each time, so that its keys and addresses are never stale."""
    return OAuth().register(
        "restreamer",
        client_id=settings.OIDC_CLIENT_ID,
        client_secret=settings.OIDC_CLIENT_SECRET,
        server_metadata_url=f"{settings.OIDC_ISSUER.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "default_timeout": _TIMEOUT_S,
        },
    )
