"""What include and exclude rules of any kind of item have in common."""

from __future__ import annotations

from django.db import models


class TakeRule(models.Model):
    """Which items of a portal are taken at all; see portals/rules.py. Each kind adds `portal` and the `field`."""

    class Action(models.TextChoices):
        INCLUDE = "include", "take only"
        EXCLUDE = "exclude", "leave out"

    position = models.PositiveIntegerField(default=0)
    action = models.CharField(max_length=10, choices=Action.choices, default=Action.EXCLUDE)
    pattern = models.CharField(max_length=300, help_text="A regular expression, found anywhere in the text.")
    exact_case = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)

    class Meta:
        abstract = True
        ordering = ["position", "id"]
