"""/healthz: this process answers. /readyz: and so does everything it needs."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from restreamer.embedded_redis import url_answers
from restreamer.runner.roles import socket_accepts
from streaming import dealing


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives; asks nothing else, so a slow database never has us restarted."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, Redis and every relay process answer; else 503 with the one that does not."""
    answers = {
        "database": _database_answers(),
        "redis": url_answers(settings.REDIS_URL),
        "relay": all(socket_accepts(path) for path in dealing.sockets()),
    }
    ready = all(answers.values())
    return JsonResponse({"ready": ready, **answers}, status=200 if ready else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except DatabaseError:
        return False
