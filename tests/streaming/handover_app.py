"""A Django site of one view that hands every request over, for servers started by tests."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

from restreamer.lib.errors import RestreamerError

if not settings.configured:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="test",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        RELAY_SOCKET=os.environ.get("TEST_RELAY_SOCKET", ""),
        RELAYS=1,
        RELAY_START_TIMEOUT_S=5.0,
        DATABASES={},
        LOGGING_CONFIG=None,
    )
    django.setup()

# After the settings: Django's modules read them when imported.
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from streaming.handover import hand_over
from streaming.relay.seams import Ticket


def play(request: HttpRequest, key: str) -> HttpResponseBase:
    """As the real view, without its checks."""
    name = request.GET.get("viewer", "1")
    protocol = request.META.get("SERVER_PROTOCOL", "HTTP/1.1")
    ticket = Ticket(f"session-{name}", key, int(name), f"viewer{name}", "One", protocol=protocol)
    try:
        return hand_over(request, ticket)
    except RestreamerError as err:
        return HttpResponse(err.public, status=err.status, headers={"Retry-After": str(int(err.retry_after_s or 1))})


def hello(request: HttpRequest) -> HttpResponse:
    """Something the same worker answers itself."""
    return HttpResponse(f"hello from {os.getpid()}")


urlpatterns = [path("play/<str:key>", play), path("hello", hello)]
application = get_wsgi_application()
asgi = get_asgi_application()
