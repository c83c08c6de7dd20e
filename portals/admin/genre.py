"""Genres of portals: looked up by other pages, written by refreshes alone."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from portals.models import Genre


@admin.register(Genre)
class GenreAdmin(ModelAdmin):
    """Only searched: what becomes of a genre is set on the genre maps."""

    search_fields = ("name", "portal__name")
    list_display = ("name", "portal")
    list_select_related = ("portal",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Genre | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Genre | None = None) -> bool:
        return False
