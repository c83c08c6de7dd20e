"""Instead of a refusal: a slate, where the installation wants that for players that hide errors."""

from __future__ import annotations

import logging

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from restreamer.lib.client_address import client_address
from restreamer.lib.errors import RestreamerError
from streaming.handover import hand_over
from streaming.relay import consolation
from streaming.relay.seams import Ticket
from streaming.relay.slates import path_of

logger = logging.getLogger(__name__)


def slate_instead(request: HttpRequest, viewer_name: str, err: RestreamerError) -> HttpResponseBase:
    """The relay shows the slate that says it. Raises `err` when there is none, or none is wanted."""
    for_s = settings.REFUSAL_SLATE_S
    if not for_s or not err.slate or request.method != "GET":
        raise err
    if not path_of(settings.SLATE_FOLDER, err.slate, consolation.FORM).exists():
        raise err
    refused = Ticket(
        session_id="",
        key="",
        viewer_id=0,
        viewer_name=viewer_name,
        title="",
        peer=client_address(request),
        agent=request.headers.get("User-Agent", "")[:200],
        protocol=str(request.META.get("SERVER_PROTOCOL", "HTTP/1.1")),
    )
    logger.info("%s is shown a slate: %s", viewer_name, err.message)
    return hand_over(request, consolation.ticket_for(refused, err.slate, for_s))
