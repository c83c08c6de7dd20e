"""Streams (what portals offer), channels (what viewers see) and groups."""

from __future__ import annotations

from typing import Any

from django.db import models

from channels.lineups import Lineup, LineupEntry
from channels.logos import Logo
from channels.numbers import shown_number
from channels.querysets import ChannelQuerySet, StreamQuerySet
from channels.stream_health import StreamHealth
from portals.models import Genre, Portal, PublicIdCounter, TakeRule
from restreamer.lib import names

__all__ = [
    "Channel",
    "ChannelStream",
    "GenreMap",
    "Group",
    "Lineup",
    "LineupEntry",
    "Logo",
    "Merge",
    "Stream",
    "StreamHealth",
    "StreamRule",
]


class Group(models.Model):
    """Our own sorting; becomes `group-title`."""

    name = models.CharField(max_length=200, unique=True)
    position = models.PositiveIntegerField(default=0)
    logo = models.CharField(max_length=2000, blank=True, db_default="")

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class Stream(models.Model):
    """One live item as a portal offers it. Written only by refresh; never deleted under a curator."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="streams")
    provider_id = models.CharField(max_length=200, help_text="The portal's own id, opaque.")
    name = models.CharField(max_length=500)
    number = models.CharField(max_length=20, blank=True)
    genre = models.ForeignKey(Genre, null=True, blank=True, on_delete=models.SET_NULL, related_name="streams")
    logo = models.CharField(max_length=2000, blank=True)
    guide_id = models.CharField(max_length=300, blank=True, help_text="The portal's xmltv id.")
    cmd = models.TextField(blank=True, help_text="The portal's play order, or the address itself.")
    is_radio = models.BooleanField(default=False)
    censored = models.BooleanField(default=False)
    subscribed = models.BooleanField(default=True, help_text="False: listed by the portal but not in the subscription.")
    archive_hours = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)
    #: What only the provider's code reads: flags, alternate cmds, per-subscription cmds, request headers.
    provider_data = models.JSONField(default=dict, blank=True)
    #: Ids of the subscriptions that see it; empty = all of the portal's.
    offered_to: models.JSONField[list[int], list[int]] = models.JSONField(default=list, blank=True)
    #: Hash over the upstream columns; equal hash = nothing to write.
    fingerprint = models.CharField(max_length=40, blank=True)
    stale_since = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField(auto_now_add=True)

    objects = StreamQuerySet.as_manager()

    class Meta:
        ordering = ["portal", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["portal", "provider_id"], name="one_row_per_stream")]

    def __str__(self) -> str:
        return self.name


class Channel(models.Model):
    """What viewers see. Written only by curators, accepted proposals and its birth. Its id is public and for ever."""

    id = models.PositiveIntegerField(primary_key=True, editable=False)
    name = models.CharField(max_length=500)
    number = models.DecimalField(max_digits=9, decimal_places=2, null=True, blank=True)
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL, related_name="channels")
    logo = models.CharField(max_length=2000, blank=True)
    guide_id = models.CharField(max_length=300, blank=True, help_text="tvg-id; empty = one of our own.")
    enabled = models.BooleanField(default=False)
    is_radio = models.BooleanField(default=False)
    adult = models.BooleanField(default=False)
    favourite = models.BooleanField(default=False, db_default=False)
    #: What the name says, kept beside it so that lineups can filter: "", "sd", "hd", "fhd", "uhd"; an ISO 3166 code, a
    #: part of the world ("latam", "europe"), or "".
    quality = models.CharField(max_length=4, blank=True, editable=False, db_default="")
    country = models.CharField(max_length=12, blank=True, editable=False, db_default="")
    streams: models.ManyToManyField[Stream, ChannelStream] = models.ManyToManyField(
        Stream, through="ChannelStream", related_name="channels"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        ordering = ["number", "name", "id"]
        indexes = [
            models.Index(fields=["number", "name", "id"], name="channel_in_order"),
            models.Index(fields=["number", "name", "id"], name="channel_playlist", condition=models.Q(enabled=True)),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Take a public id at birth, and read the name again."""
        self.read_name()
        if (fields := kwargs.get("update_fields")) is not None and "name" in fields:
            kwargs["update_fields"] = {*fields, "quality", "country"}
        if not self.id:
            self.id = PublicIdCounter.take(1)[0]
            kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def read_name(self) -> None:
        """Learn quality and country from the name; for who stores names without `save`."""
        said = names.parse(self.name)
        self.quality, self.country = said.quality, said.country

    @property
    def tvg_id(self) -> str:
        """The guide id players match on; never empty (reference m3u-and-xmltv.md, 1 rule 10)."""
        return self.guide_id or f"{self.id}.restreamer"

    @property
    def shown_number(self) -> str:
        """The number as players read it: `7` or `7.1`; empty without one. A lineup may have given another."""
        return shown_number(self.__dict__.get("lineup_number", self.number))


class ChannelStream(models.Model):
    """A stream's place in a channel. A stream serves one channel, so it never has two upstreams."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="links")
    stream = models.OneToOneField(Stream, on_delete=models.CASCADE, related_name="link")
    rank = models.PositiveIntegerField(default=0, help_text="Lower is tried first.")

    class Meta:
        ordering = ["rank", "id"]

    def __str__(self) -> str:
        return f"{self.channel} ← {self.stream}"


class Merge(models.Model):
    """A proposal that two channels are one, what was decided, and what would take it back."""

    class State(models.TextChoices):
        OPEN = "open", "proposed"
        ACCEPTED = "accepted", "merged"
        REJECTED = "rejected", "kept apart"
        UNDONE = "undone", "taken back"

    stays = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="merges")
    #: Plain numbers: the channel that goes is gone after the merge, the decision about it stays.
    stays_id_kept = models.PositiveIntegerField(editable=False)
    goes_id = models.PositiveIntegerField()
    goes_name = models.CharField(max_length=500)
    confidence = models.FloatField()
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    #: The row and links of the channel that went, for undo.
    undo = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-confidence", "id"]
        constraints = [models.UniqueConstraint(fields=["stays_id_kept", "goes_id"], name="one_row_per_pair")]

    def __str__(self) -> str:
        return f"{self.goes_name} → {self.stays}"


class StreamRule(TakeRule):
    """Which live items of a portal are taken at all; see channels/rules.py."""

    class Field(models.TextChoices):
        NAME = "name", "name"
        GENRE = "genre", "genre"
        ADDRESS = "address", "address"
        KIND = "kind", "kind (tv or radio)"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="stream_rules")
    field = models.CharField("looks at", max_length=10, choices=Field.choices, default=Field.NAME)

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.get_field_display()} ~ {self.pattern}"


class GenreMap(models.Model):
    """What becomes of the channels that are born in a portal's genre. Those that exist are a curator's."""

    class Show(models.TextChoices):
        PORTAL = "portal", "as the portal says"
        YES = "yes", "show at once"
        NO = "no", "keep hidden"

    class Numbering(models.TextChoices):
        PROVIDER = "provider", "the portal's number"
        NEXT_FREE = "next_free", "next free number"
        NONE = "none", "no number"

    genre = models.OneToOneField(Genre, on_delete=models.CASCADE, related_name="map")
    ignored = models.BooleanField(default=False, help_text="Take nothing from this genre.")
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.SET_NULL, help_text="Empty = a group named like the genre."
    )
    show = models.CharField(max_length=10, choices=Show.choices, default=Show.PORTAL)
    numbering = models.CharField(max_length=10, choices=Numbering.choices, default=Numbering.PROVIDER)
    number_from = models.PositiveIntegerField(default=1, help_text="First number handed out.")
    number_to = models.PositiveIntegerField(default=0, help_text="Last number handed out; 0 = no end.")
    rename_pattern = models.CharField(
        max_length=300, blank=True, help_text="A regular expression; empty = no renaming."
    )
    rename_to = models.CharField(max_length=300, blank=True, help_text=r"What stands instead; \1 is the first group.")

    class Meta:
        ordering = ["genre__portal", "genre__position"]

    def __str__(self) -> str:
        return f"{self.genre.portal}: {self.genre}"
