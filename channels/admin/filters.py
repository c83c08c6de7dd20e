"""By what the list of channels is narrowed down."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter

from channels.models import Channel, ChannelStream
from portals.models import Portal

_NO_GROUP = "none"


class PortalFilter(admin.SimpleListFilter):
    """Channels fed by one portal."""

    title = "portal"
    parameter_name = "portal"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Portal.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        value = self.value() or ""
        if not value.isdigit():
            return queryset
        fed = ChannelStream.objects.filter(stream__portal=int(value)).values("channel")
        return queryset.filter(pk__in=fed)


class PlayableFilter(admin.SimpleListFilter):
    """Channels that still have something to play."""

    title = "offered"
    parameter_name = "offered"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        return [("yes", "by a portal now"), ("no", "by nobody any more")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        playable = Channel.objects.playable()
        if self.value() == "yes":
            return queryset.filter(pk__in=playable.values("pk"))
        if self.value() == "no":
            return queryset.exclude(pk__in=playable.values("pk"))
        return queryset


class QualityFilter(admin.SimpleListFilter):
    """What the name announces; the choices are known without reading a hundred thousand rows."""

    title = "quality"
    parameter_name = "quality"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        return [("uhd", "UHD"), ("fhd", "Full HD"), ("hd", "HD"), ("sd", "SD"), ("none", "says nothing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        value = self.value()
        return queryset.filter(quality="" if value == "none" else value) if value else queryset


class CountryFilter(admin.SimpleListFilter):
    """What the name announces: countries and parts of the world that some channel has."""

    title = "country"
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        known = Channel.objects.order_by("country").values_list("country", flat=True).distinct()
        return [(code, code.upper()) for code in known if code] + [("none", "says nothing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        value = self.value()
        return queryset.filter(country="" if value == "none" else value) if value else queryset


class GroupFilter(RelatedDropdownFilter):
    """One group, or none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lookup_choices = [(_NO_GROUP, "none"), *self.lookup_choices]  # type: ignore[has-type]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel] | None:
        if self.value() == _NO_GROUP:
            return queryset.filter(group=None)
        found: QuerySet[Channel] | None = super().queryset(request, queryset)
        return found
