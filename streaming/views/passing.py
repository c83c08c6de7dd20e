"""From an admitted viewer to a passage: slot, ticket, descriptor; and what HEAD is told without any of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from accounts.models import Viewer
from restreamer.lib.client_address import client_address
from restreamer.lib.redis_client import connection
from streaming.dealing import owner_of
from streaming.handover import hand_over
from streaming.limits import Limits, Wish
from streaming.passthrough import answers, memory
from streaming.passthrough.candidates import player_mark
from streaming.passthrough.seams import FileFacts
from streaming.redirecting import Way
from streaming.redirects import redirect_owner
from streaming.relay.seams import Ticket
from streaming.views.away import redirect

_LONGEST_AGENT = 200
_LONGEST_HEADER = 200


def player_of(request: HttpRequest, viewer: Viewer) -> str:
    """What tells this player from the viewer's others in keys."""
    return player_mark(viewer.pk, client_address(request), _agent(request))


def pass_through(
    request: HttpRequest, viewer: Viewer, key: str, title: str, away: Sequence[Way] = ()
) -> HttpResponseBase:
    """Let the relay serve this request from a provider's file, or send the player there, `away`.

    Raises what the viewer is told instead.
    """
    wish = Wish(
        viewer_id=viewer.pk,
        viewer_name=viewer.name,
        connections=viewer.connections,
        key=key,
        title=title,
        peer=client_address(request),
        agent=_agent(request),
        login=viewer.login_mark(),
    )
    owner = redirect_owner() if away else owner_of(key)
    limits = Limits(connection(), owner, policy=viewer.limit_policy or settings.VIEWER_LIMIT_POLICY)
    session_id = limits.admit(wish)
    ticket = Ticket(
        session_id=session_id,
        key=key,
        viewer_id=wish.viewer_id,
        viewer_name=wish.viewer_name,
        title=title,
        peer=wish.peer,
        agent=wish.agent,
        protocol=str(request.META.get("SERVER_PROTOCOL", "HTTP/1.1")),
        for_s=settings.LONGEST_VIEWING_S,
        byte_range=request.headers.get("Range", "")[:_LONGEST_HEADER],
        if_range=request.headers.get("If-Range", "")[:_LONGEST_HEADER],
    )
    with contextlib.ExitStack() as undo:
        undo.callback(limits.give_back, session_id)
        response = redirect(ticket, list(away)) if away else hand_over(request, ticket)
        undo.pop_all()
    return response


def told_without_opening(key: str, container: str) -> HttpResponseBase:
    """The answer to HEAD: what the last serving of the file showed. Asks no provider and takes no slot."""
    facts = memory.size(connection(), memory.item_of(key))
    if facts is None:
        facts = FileFacts(None, answers.content_type_of(container), "")
    # One that streams: else an unknown length would be told as 0.
    response: HttpResponseBase = StreamingHttpResponse(iter(())) if facts.length is None else HttpResponse()
    for name, value in answers.known(facts):
        response[name] = value
    if facts.length is not None:
        response["Content-Length"] = str(facts.length)
    return response


def _agent(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")[:_LONGEST_AGENT]
