"""What is taken from a portal, and what becomes of it."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from channels.mirror.births import renamed
from channels.models import GenreMap, Stream, StreamRule
from channels.rules import compiled, preview
from portals.models import Portal
from restreamer.lib.errors import InvalidInput

_EXAMPLES = 15


class StreamRuleForm(forms.ModelForm[StreamRule]):
    """A pattern that cannot work is refused where it is typed."""

    class Meta:
        model = StreamRule
        fields = ("portal", "position", "action", "field", "pattern", "exact_case", "enabled")

    def clean_pattern(self) -> str:
        pattern: str = self.cleaned_data["pattern"]
        try:
            compiled(pattern)
        except InvalidInput as err:
            raise forms.ValidationError(err.message) from err
        return pattern


@admin.register(StreamRule)
class StreamRuleAdmin(ModelAdmin):
    """Include and exclude rules, with a preview of what a portal's rules catch."""

    form = StreamRuleForm
    list_display = ("portal", "position", "action", "field", "pattern", "enabled", "caught")
    list_display_links = ("pattern",)
    list_filter = ("portal", "action", "enabled")
    list_select_related = ("portal",)
    search_fields = ("pattern",)

    def get_urls(self) -> list[URLPattern]:
        """The preview's page."""
        view = self.admin_site.admin_view(self.preview)
        return [path("preview/<int:portal_id>/", view, name="channels_streamrule_preview"), *super().get_urls()]

    @display(description="what they catch")
    def caught(self, rule: StreamRule) -> SafeString:
        """The way to the preview."""
        url = reverse("admin:channels_streamrule_preview", args=[rule.portal_id])
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">preview</a>', url)

    def preview(self, request: HttpRequest, portal_id: int) -> HttpResponse:
        """What all rules of a portal would do with what is stored now."""
        portal = get_object_or_404(Portal, pk=portal_id)
        rules = list(StreamRule.objects.filter(portal=portal))
        context = {
            **self.admin_site.each_context(request),
            "title": f"What the rules of {portal} catch",
            "portal": portal,
            "rules": rules,
            "preview": preview(portal, rules),
        }
        return render(request, "channels/rule_preview.html", context)


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
