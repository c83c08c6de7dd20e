"""The API as a whole: its routes, its errors, its pages."""

from __future__ import annotations

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Swagger

from api.routes import catalogue, guide, playing, portals, titles, viewers
from restreamer.lib.errors import RestreamerError

api = NinjaAPI(
    title="Restreamer",
    version=settings.VERSION,
    description="Channels, movies, guide, providers, viewings and viewers. Log in, or send a token "
    "(`manage.py token add`, or *API tokens* in the admin pages) as `Authorization: Bearer …`.",
    urls_namespace="api",
    docs=Swagger(settings={"persistAuthorization": False, "defaultModelsExpandDepth": -1}),
    # Strangers do not learn what there is.
    docs_decorator=staff_member_required,
)
for room, word in ((catalogue, ""), (titles, ""), (guide, "guide"), (portals, ""), (playing, ""), (viewers, "viewers")):
    api.add_router(word, room.router)


@api.exception_handler(RestreamerError)
def told(request: HttpRequest, error: RestreamerError) -> HttpResponse:
    """Our errors with their status. Who calls has logged in, so the owner's sentence is for them."""
    answer = api.create_response(request, {"detail": error.message}, status=error.status)
    if error.retry_after_s is not None:
        answer["Retry-After"] = str(int(error.retry_after_s))
    return answer
