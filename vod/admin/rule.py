"""What movies and series are taken from a portal at all."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin

from portals.admin.rule import RuleAdmin
from portals.models import Portal
from portals.rules import Preview
from vod.models import TitleRule
from vod.rules import preview


@admin.register(TitleRule)
class TitleRuleAdmin(RuleAdmin):
    """Rules of movies and series."""

    empty_hint = "A rule leaves out, or alone takes, movies and series of a pattern."
    noun = "movies and series"

    def previewed(self, portal: Portal, rules: Sequence[TitleRule]) -> Preview:
        """Tried on the stored offers."""
        return preview(portal, rules)
