"""Lineups: what a choice of channels holds, with hand picks in their order."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from channels.models import Channel, Lineup, LineupEntry

_EXAMPLES = 12


class EntryInline(TabularInline):
    """Channels that are always in, in their order, and those that never are."""

    model = LineupEntry
    fields = ("channel", "choice", "number", "position")
    autocomplete_fields = ("channel",)
    ordering_field = "position"
    hide_ordering_field = True
    ordering = ("position", "id")
    extra = 0


@admin.register(Lineup)
class LineupAdmin(ModelAdmin):
    """Named choices of channels for viewers and devices."""

    empty_hint = (
        "A lineup is a choice of channels for one of your viewers. A viewer without one sees all that are shown."
    )
    list_display = ("name", "slug", "channel_count", "order")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("portals", "genres", "groups")
    readonly_fields = ("holds",)
    inlines = (EntryInline,)
    actions = ("duplicate",)
    fieldsets = (
        (None, {"fields": ("name", "slug", "holds")}),
        (
            "Filters",
            {
                "fields": (
                    "only_picks",
                    "kind",
                    "quality",
                    "country",
                    "text",
                    ("with_guide", "favourites"),
                    "portals",
                    "genres",
                    "groups",
                )
            },
        ),
        ("Order and numbers", {"fields": ("order", ("numbering", "first_number"))}),
    )

    @display(description="channels")
    def channel_count(self, lineup: Lineup) -> int:
        """How many channels viewers see in it now."""
        return Channel.objects.enabled().playable().in_lineup(lineup).order_by().count()

    @display(description="holds now")
    def holds(self, lineup: Lineup) -> SafeString | str:
        """The first channels as players list them."""
        if not lineup.pk:
            return "Save it to see what it holds."
        chosen = Channel.objects.enabled().playable().in_lineup(lineup)
        total = chosen.order_by().count()
        if not total:
            return "Nothing: no shown channel passes these filters, and none is picked by hand."
        rows = [(one.shown_number or "–", one.name) for one in chosen.in_lineup_order(lineup)[:_EXAMPLES]]
        listed = format_html_join("", '<span class="mr-4 whitespace-nowrap">{} {}</span> ', rows)
        more = f" and {total - len(rows)} more" if total > len(rows) else ""
        return format_html_join("", "{}{}", [(listed, more)])

    @action(description="Make a copy", permissions=["add"])
    def duplicate(self, request: HttpRequest, queryset: QuerySet[Lineup]) -> None:
        """A copy of each with its filters and hand picks, to change freely."""
        for lineup in queryset:
            copy_lineup(lineup)
        self.message_user(request, f"{queryset.count()} lineup(s) copied.", messages.SUCCESS)


def copy_lineup(lineup: Lineup) -> Lineup:
    """A new lineup like this one, under the first free name “… copy”."""
    at = 1
    while Lineup.objects.filter(slug=(slug := f"{lineup.slug[:85]}-copy{at if at > 1 else ''}")).exists():
        at += 1
    portals, genres, groups = list(lineup.portals.all()), list(lineup.genres.all()), list(lineup.groups.all())
    entries = list(lineup.entries.all())
    copied = Lineup.objects.get(pk=lineup.pk)
    copied.pk, copied.slug, copied.name = None, slug, f"{lineup.name[:85]} copy{f' {at}' if at > 1 else ''}"
    copied.save(force_insert=True)
    copied.portals.set(portals)
    copied.genres.set(genres)
    copied.groups.set(groups)
    for entry in entries:
        entry.pk, entry.lineup = None, copied
    LineupEntry.objects.bulk_create(entries)
    return copied
