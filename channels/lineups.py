"""Lineups: named, ordered choices of channels, given to viewers. Saved filters, hand picks and exclusions.

The words that turn a lineup into a queryset are in channels/querysets.py (`in_lineup`, `in_lineup_order`); every
output reads that one queryset.
"""

from __future__ import annotations

from django.db import models


class Quality(models.TextChoices):
    """The least a channel's name must promise; names that promise nothing count as standard."""

    ANY = "", "any"
    HD = "hd", "HD or better"
    FHD = "fhd", "Full HD or better"
    UHD = "uhd", "UHD"


#: What a channel's `quality` may be for each least quality.
AT_LEAST: dict[str, tuple[str, ...]] = {"hd": ("hd", "fhd", "uhd"), "fhd": ("fhd", "uhd"), "uhd": ("uhd",)}


class Lineup(models.Model):
    """A choice of channels. Filters that are empty say nothing; those that are set must all be true of a channel."""

    class Order(models.TextChoices):
        NUMBER = "number", "by number"
        NAME = "name", "by name"
        GROUP = "group", "by group, then number"
        HAND = "hand", "by hand: picks first, as placed"

    class Kind(models.TextChoices):
        ALL = "", "television and radio"
        TV = "tv", "television only"
        RADIO = "radio", "radio only"

    class Numbering(models.TextChoices):
        OWN = "own", "the channels' own numbers"
        FROM_FIRST = "count", "count on from the first number"

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True, help_text="Stands in addresses: /playlist?lineup=….")
    only_picks = models.BooleanField(
        "only what is picked by hand", default=False, help_text="The filters below then choose nothing."
    )
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.ALL, blank=True)
    portals = models.ManyToManyField("portals.Portal", blank=True, related_name="+")
    genres = models.ManyToManyField("portals.Genre", blank=True, related_name="+")
    groups = models.ManyToManyField("channels.Group", blank=True, related_name="+")
    country = models.CharField(
        max_length=100, blank=True, help_text="Country codes as channel names carry them, like DE, AT; empty = any."
    )
    quality = models.CharField("least quality", max_length=10, choices=Quality.choices, default=Quality.ANY, blank=True)
    text = models.CharField(max_length=200, blank=True, help_text="The name contains this.")
    with_guide = models.BooleanField("only with a guide", default=False)
    favourites = models.BooleanField("only favourites", default=False)
    order = models.CharField(max_length=10, choices=Order.choices, default=Order.NUMBER)
    numbering = models.CharField(max_length=10, choices=Numbering.choices, default=Numbering.OWN)
    first_number = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def countries(self) -> list[str]:
        """The country codes asked for, in lower case."""
        return [code for code in self.country.lower().replace(",", " ").split() if code]


class LineupEntry(models.Model):
    """What a hand says of one channel in one lineup: in, whatever the filters say, or out."""

    class Choice(models.TextChoices):
        IN = "in", "always in"
        OUT = "out", "never in"

    lineup = models.ForeignKey(Lineup, on_delete=models.CASCADE, related_name="entries")
    channel = models.ForeignKey("channels.Channel", on_delete=models.CASCADE, related_name="lineup_entries")
    choice = models.CharField(max_length=5, choices=Choice.choices, default=Choice.IN)
    position = models.PositiveIntegerField(default=0)
    number = models.DecimalField(
        max_digits=9, decimal_places=2, null=True, blank=True, help_text="In this lineup; empty = the channel's own."
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["lineup", "channel"], name="one_entry_per_lineup_channel")]

    def __str__(self) -> str:
        return f"{self.lineup}: {self.channel} {self.get_choice_display()}"
