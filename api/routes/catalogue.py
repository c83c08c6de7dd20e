"""Channels, groups, lineups, and the streams portals offer."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema

from api.access import needs
from api.routes.shapes import Limit, Offset, Problem, Search, page
from api.scopes import Scope
from channels.models import Channel, Group, Lineup, Stream
from restreamer.lib import storable

router = Router(tags=["channels"])
_READ, _WRITE = needs(Scope.CATALOGUE_READ), needs(Scope.CATALOGUE_WRITE)


class ChannelOut(Schema):
    """A channel as viewers see it."""

    id: int
    name: str
    number: Decimal | None
    group: str | None
    enabled: bool
    radio: bool
    adult: bool
    favourite: bool
    guide_id: str = Field(description="tvg-id, the same in M3U and XMLTV.")
    logo: str = Field(description="The provider's address of it; players get ours.")

    @staticmethod
    def resolve_group(row: Channel) -> str | None:
        return row.group.name if row.group else None

    @staticmethod
    def resolve_radio(row: Channel) -> bool:
        return row.is_radio

    @staticmethod
    def resolve_guide_id(row: Channel) -> str:
        return row.tvg_id


class StreamOut(Schema):
    """What a portal offers."""

    id: int
    portal: str
    name: str
    genre: str | None
    number: str
    radio: bool
    archive_hours: int
    stale_since: datetime | None = Field(description="Since when the portal no longer lists it.")
    channel: int | None = Field(description="The channel it feeds.")

    @staticmethod
    def resolve_portal(row: Stream) -> str:
        return row.portal.slug

    @staticmethod
    def resolve_genre(row: Stream) -> str | None:
        return row.genre.name if row.genre else None

    @staticmethod
    def resolve_radio(row: Stream) -> bool:
        return row.is_radio

    @staticmethod
    def resolve_channel(row: Stream) -> int | None:
        link = getattr(row, "link", None)
        return link.channel_id if link else None


class ChannelWithStreams(ChannelOut):
    """A channel with its streams, first choice first."""

    streams: list[StreamOut]

    @staticmethod
    def resolve_streams(row: Channel) -> list[Stream]:
        rows = Stream.objects.filter(link__channel=row).select_related("portal", "genre", "link")
        return list(rows.order_by("link__rank", "pk"))


class ChannelChange(Schema):
    """What is left out stays as it is."""

    name: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    number: Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=2)] | None = None
    group: Annotated[str, Field(max_length=200)] | None = Field(None, description="By name; empty = none.")
    enabled: bool | None = None
    adult: bool | None = None
    favourite: bool | None = None
    guide_id: Annotated[str, Field(max_length=300)] | None = None


class Named(Schema):
    """A group or a lineup."""

    id: int
    name: str


class Channels(Schema):
    """A page of channels."""

    count: int
    items: list[ChannelOut]


class Streams(Schema):
    """A page of streams."""

    count: int
    items: list[StreamOut]


@router.get("/channels", response=Channels, auth=_READ)
def channels(
    request: HttpRequest,
    search: Search = "",
    group: str = "",
    portal: str = "",
    enabled: bool | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Channels in their order. `portal` is a short name, `group` a name."""
    rows: QuerySet[Channel] = Channel.objects.in_order().select_related("group")
    if search:
        rows = rows.filter(name__icontains=storable.text(search))
    if group:
        rows = rows.filter(group__name=storable.text(group))
    if portal:
        rows = rows.filter(pk__in=Channel.objects.of_portal_slug(storable.text(portal)).values("pk"))
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    return page(rows, limit, offset)


@router.get("/channels/{int:channel_id}", response={200: ChannelWithStreams, 404: Problem}, auth=_READ)
def channel(request: HttpRequest, channel_id: int) -> Channel:
    """One channel with its streams."""
    return get_object_or_404(Channel.objects.select_related("group"), pk=channel_id)


@router.patch("/channels/{int:channel_id}", response={200: ChannelOut, 404: Problem}, auth=_WRITE)
def change_channel(request: HttpRequest, channel_id: int, change: ChannelChange) -> Channel:
    """Change what is given; a provider's refresh never takes it back."""
    row = get_object_or_404(Channel.objects.select_related("group"), pk=channel_id)
    said = change.dict(exclude_unset=True)
    if "group" in said:
        name = (said.pop("group") or "").strip()
        row.group = Group.objects.get_or_create(name=storable.text(name))[0] if name else None
    for field, value in said.items():
        # A number may be taken away; everything else has no "none".
        if value is not None or field == "number":
            setattr(row, field, storable.text(value) if isinstance(value, str) else value)
    row.save()
    return row


@router.get("/groups", response=list[Named], auth=_READ)
def groups(request: HttpRequest) -> QuerySet[Group]:
    """All groups in their order."""
    return Group.objects.all()


@router.get("/lineups", response=list[Named], auth=_READ)
def lineups(request: HttpRequest) -> QuerySet[Lineup]:
    """All lineups."""
    return Lineup.objects.all()


@router.get("/streams", response=Streams, auth=_READ)
def streams(
    request: HttpRequest,
    search: Search = "",
    portal: str = "",
    genre: str = "",
    unassigned: bool = False,
    limit: Limit = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """What portals offer; `unassigned`: only what feeds no channel."""
    rows: QuerySet[Stream] = Stream.objects.order_by("portal", "position", "pk")
    rows = rows.select_related("portal", "genre", "link")
    if search:
        rows = rows.filter(name__icontains=storable.text(search))
    if portal:
        rows = rows.filter(portal__slug=storable.text(portal))
    if genre:
        rows = rows.filter(genre__name=storable.text(genre))
    if unassigned:
        rows = rows.filter(link__isnull=True)
    return page(rows, limit, offset)
