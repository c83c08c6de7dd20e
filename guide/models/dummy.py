"""A guide made from channel names: what to read in a name and what to say about it."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from guide.models.source import EpgSource
from restreamer.lib.time_zones import is_zone


class DummyTemplate(models.Model):
    """One rule of a dummy source; the first whose pattern fits a name is used.

    Templates hold `{name}`, `{title}` and every named group of the patterns, `{start}`, `{stop}` and `{date}`.
    """

    source = models.ForeignKey(EpgSource, on_delete=models.CASCADE, related_name="templates")
    position = models.PositiveSmallIntegerField(default=0)
    name_pattern = models.CharField(
        max_length=500,
        default=r"(?P<title>.+)",
        help_text=r"Regular expression on the channel's name: (?P&lt;title&gt;.+?) \| (?P&lt;time&gt;\d+:\d\d) "
        r"(?P&lt;date&gt;\d+/\d+)",
    )
    day_first = models.BooleanField(default=True, help_text="3/7 is the third of July; off = the seventh of March.")
    time_zone = models.CharField(max_length=60, default="UTC", help_text="Zone of the times in names.")
    shown_time_zone = models.CharField(max_length=60, blank=True, help_text="Zone of times in texts; empty = the same.")
    event_minutes = models.PositiveIntegerField(
        default=180, validators=[MinValueValidator(5), MaxValueValidator(24 * 60)], help_text="Length of an event."
    )
    block_minutes = models.PositiveIntegerField(
        default=180,
        validators=[MinValueValidator(15), MaxValueValidator(24 * 60)],
        help_text="Length of fillers.",
    )
    title_template = models.CharField(max_length=300, default="{title}")
    subtitle_template = models.CharField(max_length=300, blank=True)
    description_template = models.TextField(blank=True)
    before_template = models.CharField(max_length=300, default="Next: {title} at {start}")
    after_template = models.CharField(max_length=300, default="Ended: {title}")
    categories = models.CharField(max_length=300, blank=True, help_text="By comma: Sports, Live.")
    icon_template = models.CharField(max_length=500, blank=True, help_text="Address of a picture; may hold {title}.")

    class Meta:
        ordering = ["source", "position", "id"]

    def __str__(self) -> str:
        return f"{self.source} {self.position}"

    def clean(self) -> None:
        """Refuse patterns and zones that cannot work, at the desk and not at night."""
        errors: dict[str, str] = {}
        try:
            re.compile(self.name_pattern)
        except re.error as err:
            errors["name_pattern"] = f"This is no regular expression: {err}."
        for field in ("time_zone", "shown_time_zone"):
            if getattr(self, field) and not is_zone(getattr(self, field)):
                errors[field] = f"{getattr(self, field)!r} is no zone; it looks like Europe/Berlin."
        if errors:
            raise ValidationError(errors)
