"""Who watches what, what runs, how viewings went; and steering them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from ninja.errors import HttpError

from api.access import needs
from api.routes.shapes import Limit, Offset, Problem, page
from api.scopes import Scope
from restreamer.lib import storable
from restreamer.lib.redis_client import connection
from streaming.journal import keeping
from streaming.journal.reading import told
from streaming.journal.rows import PlaySession
from streaming.relay.seams import RelayFacts
from streaming.sessions import Sessions, WatchFacts

router = Router(tags=["playing"])


class Watching(Schema):
    """A viewing that goes on."""

    id: str
    viewer: str
    watches: str
    key: str
    peer: str
    player: str
    started_at: datetime
    bytes: int
    lag_s: float


class Running(Schema):
    """A channel or title that runs, whoever watches."""

    key: str
    title: str
    state: str
    source: str
    viewers: int
    bytes_in: int
    started_at: datetime


class Playing(Schema):
    """Everything that plays now."""

    viewings: list[Watching]
    running: list[Running]


class ViewingOut(Schema):
    """A viewing, going on or over."""

    id: str
    viewer: str
    watched: str
    started_at: datetime
    ended_at: datetime | None
    end: str
    bytes: int
    faults: int
    sentence: str

    @staticmethod
    def resolve_id(row: PlaySession) -> str:
        return row.session_id

    @staticmethod
    def resolve_viewer(row: PlaySession) -> str:
        return row.viewer_name

    @staticmethod
    def resolve_watched(row: PlaySession) -> str:
        return row.title

    @staticmethod
    def resolve_bytes(row: PlaySession) -> int:
        return row.bytes_out


class Viewings(Schema):
    """A page of viewings."""

    count: int
    items: list[ViewingOut]


class Journal(Schema):
    """The journal of one viewing."""

    sentence: str
    bytes: int
    lines: list[str]


class Done(Schema):
    """It was told to."""

    done: bool = True


@router.get("/playing", response=Playing, auth=needs(Scope.PLAYING_READ))
def playing(request: HttpRequest) -> dict[str, Any]:
    """What plays now."""
    sessions = Sessions(connection())
    return {
        "viewings": [_watching(one) for one in sessions.sessions()],
        "running": [_running(facts) for facts, _ in sessions.relays()],
    }


@router.post("/playing/{str:session_id}/stop", response={200: Done, 404: Problem}, auth=needs(Scope.PLAYING_CONTROL))
def stop(request: HttpRequest, session_id: str) -> dict[str, bool]:
    """End one viewing."""
    return _did(Sessions(connection()).stop(session_id), "That viewing is over already.")


@router.post("/running/{str:key}/switch", response={200: Done, 404: Problem}, auth=needs(Scope.PLAYING_CONTROL))
def switch(request: HttpRequest, key: str) -> dict[str, bool]:
    """Have a running channel take its next source; nobody is dropped. `key` as in `/playing`."""
    return _did(Sessions(connection()).switch(key), "That channel does not run.")


@router.get("/viewings", response=Viewings, auth=needs(Scope.PLAYING_READ))
def viewings(request: HttpRequest, viewer: str = "", limit: Limit = 50, offset: Offset = 0) -> dict[str, Any]:
    """The newest first."""
    keeping.keep()
    rows: QuerySet[PlaySession] = PlaySession.objects.defer("notes")
    if viewer:
        rows = rows.filter(viewer_name=storable.text(viewer))
    return page(rows, limit, offset)


@router.get("/viewings/{str:session_id}/journal", response={200: Journal, 404: Problem}, auth=needs(Scope.PLAYING_READ))
def journal(request: HttpRequest, session_id: str) -> dict[str, Any]:
    """Why it began where it did, what failed, what followed, why it ended."""
    row = get_object_or_404(PlaySession, session_id=storable.text(session_id))
    whole = told(connection(), row)
    return {"sentence": whole.sentence, "bytes": whole.bytes_out, "lines": [line.text for line in whole.lines]}


def _did(done: bool, otherwise: str) -> dict[str, bool]:
    if not done:
        raise HttpError(404, otherwise)
    return {"done": True}


def _watching(one: WatchFacts) -> dict[str, Any]:
    facts = one.facts
    return {
        "id": facts.session_id,
        "viewer": facts.viewer_name,
        "watches": facts.title,
        "key": facts.key,
        "peer": facts.peer,
        "player": facts.agent,
        "started_at": datetime.fromtimestamp(facts.started_at, UTC),
        "bytes": facts.bytes_out,
        "lag_s": facts.lag_s,
    }


def _running(facts: RelayFacts) -> dict[str, Any]:
    return {
        "key": facts.key,
        "title": facts.title,
        "state": facts.state,
        "source": facts.label,
        "viewers": facts.viewers,
        "bytes_in": facts.bytes_in,
        "started_at": datetime.fromtimestamp(facts.started_at, UTC),
    }
