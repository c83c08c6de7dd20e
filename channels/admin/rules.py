"""What is taken from a portal, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.decorators import display

from channels.mirror.births import renamed
from channels.models import GenreMap, Stream, StreamRule
from channels.rules import preview
from portals.admin.rule import RuleAdmin
from portals.models import Portal
from portals.rules import Preview
from restreamer.lib.errors import InvalidInput

_EXAMPLES = 15


@admin.register(StreamRule)
class StreamRuleAdmin(RuleAdmin):
    """Rules of live channels."""

    empty_hint = "A rule leaves out, or alone takes, what a portal offers under names of a pattern."
    noun = "channels"

    def previewed(self, portal: Portal, rules: Sequence[StreamRule]) -> Preview:
        """Tried on the stored streams."""
        return preview(portal, rules)


class GenreMapForm(forms.ModelForm[GenreMap]):
    """Refuses patterns that cannot work and ranges that are none."""

    class Meta:
        model = GenreMap
        fields = (
            "genre", "ignored", "group", "show", "numbering", "number_from", "number_to", "rename_pattern", "rename_to",
        )  # fmt: skip

    def clean(self) -> None:
        super().clean()
        data = self.cleaned_data
        if data.get("number_to") and data["number_to"] < data.get("number_from", 0):
            self.add_error("number_to", "The last number lies before the first.")
        try:
            renamed("CNN HD", data.get("rename_pattern", ""), data.get("rename_to", ""))
        except InvalidInput as err:
            self.add_error("rename_pattern", err.message)


@admin.register(GenreMap)
class GenreMapAdmin(ModelAdmin):
    """What becomes of the channels born in a genre."""

    form = GenreMapForm
    list_display = ("genre", "portal", "ignored", "group", "show", "numbering", "number_from", "number_to")
    list_filter = ("genre__portal", "ignored", "show")
    list_select_related = ("genre__portal", "group")
    search_fields = ("genre__name",)
    readonly_fields = ("names",)
    autocomplete_fields = ("group",)

    @display(description="portal")
    def portal(self, row: GenreMap) -> str:
        """Whose genre it is."""
        return row.genre.portal.name

    @display(description="names after renaming")
    def names(self, row: GenreMap) -> str:
        """The first names of the genre, before → after; save to see a changed pattern."""
        if not row.pk:
            return "save to see them"
        streams = Stream.objects.filter(genre=row.genre).values_list("name", flat=True)[:_EXAMPLES]
        pairs = [(name, renamed(name, row.rename_pattern, row.rename_to)) for name in streams]
        return "; ".join(f"{old} → {new}" if old != new else old for old, new in pairs) or "nothing in this genre yet"
