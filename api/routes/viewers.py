"""Viewers: what players log in with."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status

from accounts.adding import add_viewer
from accounts.models import LimitPolicy, Viewer
from api.access import needs
from api.routes.shapes import Problem
from api.scopes import Scope
from channels.models import Lineup
from restreamer.addresses import viewer_addresses
from restreamer.lib import storable
from restreamer.lib.errors import InvalidInput

router = Router(tags=["viewers"])


class ViewerOut(Schema):
    """A viewer without its secrets."""

    name: str
    enabled: bool
    connections: int
    limit_policy: str
    expires_at: datetime | None
    networks: str
    lineups: list[str]

    @staticmethod
    def resolve_lineups(row: Viewer) -> list[str]:
        return [lineup.slug for lineup in row.lineups.all()]


class NewViewer(Schema):
    """What a viewer begins with."""

    name: str
    password: str = Field("", description="Made up when empty.")
    connections: Annotated[int, Field(ge=0, le=10_000)] = 1


class ViewerOnce(Schema):
    """A viewer with what is told this once."""

    viewer: ViewerOut
    password: str = ""
    token: str
    addresses: dict[str, str]


class ViewerChange(Schema):
    """What is left out stays as it is."""

    enabled: bool | None = None
    connections: Annotated[int, Field(ge=0, le=10_000)] | None = None
    limit_policy: str | None = None
    expires_at: datetime | None = Field(None, description="null = never.")
    networks: str | None = None
    lineups: list[str] | None = Field(None, description="Short names; empty = all channels that are shown.")


@router.get("", response=list[ViewerOut], auth=needs(Scope.VIEWERS))
def viewers(request: HttpRequest) -> QuerySet[Viewer]:
    """All of them."""
    return Viewer.objects.prefetch_related("lineups")


@router.post("", response={201: ViewerOnce, 400: Problem}, auth=needs(Scope.VIEWERS))
def add(request: HttpRequest, new: NewViewer) -> Status[dict[str, Any]]:
    """Add one; its password and addresses are told this once."""
    password = new.password or secrets.token_urlsafe(9)
    row = add_viewer(new.name, password, connections=new.connections)
    return Status(201, _once(row, password))


@router.patch("/{str:name}", response={200: ViewerOut, 400: Problem, 404: Problem}, auth=needs(Scope.VIEWERS))
def change(request: HttpRequest, name: str, change: ViewerChange) -> Viewer:
    """Change what is given."""
    row = _viewer(name)
    said = change.dict(exclude_unset=True)
    lineups = said.pop("lineups", None)
    for field, value in said.items():
        if value is not None or field == "expires_at":
            setattr(row, field, value)
    if row.limit_policy not in LimitPolicy.values:
        raise InvalidInput(f"limit_policy is one of {', '.join(repr(one) for one in LimitPolicy.values)}.")
    try:
        row.full_clean(exclude=["password_hash", "token", "pin_hash", "owner"])
    except ValidationError as err:
        raise InvalidInput(" ".join(err.messages)) from err
    if lineups is not None:
        found = list(Lineup.objects.filter(slug__in=lineups))
        if missing := set(lineups) - {one.slug for one in found}:
            raise InvalidInput(f"There is no lineup {min(missing)!r}.")
    row.save()
    if lineups is not None:
        row.lineups.set(found)
    return row


@router.post("/{str:name}/token", response={200: ViewerOnce, 404: Problem}, auth=needs(Scope.VIEWERS))
def rotate(request: HttpRequest, name: str) -> dict[str, Any]:
    """A new token; the old addresses stop working."""
    row = _viewer(name)
    row.rotate_token()
    row.save(update_fields=["token"])
    return _once(row, "")


@router.delete("/{str:name}", response={204: None, 404: Problem}, auth=needs(Scope.VIEWERS))
def remove(request: HttpRequest, name: str) -> Status[None]:
    """Remove one; its addresses stop working."""
    _viewer(name).delete()
    return Status(204, None)


def _viewer(name: str) -> Viewer:
    return get_object_or_404(Viewer, name=storable.text(name))


def _once(row: Viewer, password: str) -> dict[str, Any]:
    return {"viewer": row, "password": password, "token": row.token, "addresses": viewer_addresses(row)}
