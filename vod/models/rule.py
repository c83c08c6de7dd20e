"""Include and exclude rules of a portal's movies and series."""

from __future__ import annotations

from django.db import models

from portals.models import Portal, TakeRule


class TitleRule(TakeRule):
    """Which movies and series of a portal are taken at all; see vod/rules.py."""

    class Field(models.TextChoices):
        NAME = "name", "name"
        CATEGORY = "category", "category"
        YEAR = "year", "year"
        KIND = "kind", "kind (movie or series)"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="title_rules")
    field = models.CharField("looks at", max_length=10, choices=Field.choices, default=Field.NAME)

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.get_field_display()} ~ {self.pattern}"
