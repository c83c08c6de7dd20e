"""What the pages of include and exclude rules have in common: patterns are checked where typed, and the preview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from portals.models import Portal, TakeRule
from portals.rules import Preview, compiled
from restreamer.lib.errors import InvalidInput


class RuleForm(forms.ModelForm[Any]):
    """A pattern that cannot work is refused where it is typed."""

    class Meta:
        fields = ("portal", "position", "action", "field", "pattern", "exact_case", "enabled")

    def clean_pattern(self) -> str:
        pattern: str = self.cleaned_data["pattern"]
        try:
            compiled(pattern)
        except InvalidInput as err:
            raise forms.ValidationError(err.message) from err
        return pattern


class RuleAdmin(ModelAdmin):
    """Include and exclude rules, with a preview of what a portal's rules catch."""

    #: What the rules are about, in the plural.
    noun: ClassVar[str]

    form = RuleForm
    list_display = ("portal", "position", "action", "field", "pattern", "enabled", "caught")
    list_display_links = ("pattern",)
    list_filter = ("portal", "action", "enabled")
    list_select_related = ("portal",)
    search_fields = ("pattern",)

    def previewed(self, portal: Portal, rules: Sequence[Any]) -> Preview:
        """What these rules would do with what is stored of the portal."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """The preview's page."""
        view = self.admin_site.admin_view(self.preview)
        return [path("preview/<int:portal_id>/", view, name=self._preview_name), *super().get_urls()]

    @display(description="what they catch")
    def caught(self, rule: TakeRule) -> SafeString:
        """The way to the preview."""
        url = reverse(f"admin:{self._preview_name}", args=[rule.portal_id])  # type: ignore[attr-defined]
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">preview</a>', url)

    def preview(self, request: HttpRequest, portal_id: int) -> HttpResponse:
        """What all rules of a portal would do with what is stored now."""
        portal = get_object_or_404(Portal, pk=portal_id)
        rules = list(self.model._default_manager.filter(portal=portal))
        context = {
            **self.admin_site.each_context(request),
            "title": f"What the rules of {portal} catch",
            "portal": portal,
            "rules": rules,
            "noun": self.noun,
            "preview": self.previewed(portal, rules),
        }
        return render(request, "portals/rule_preview.html", context)

    @property
    def _preview_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_preview"
