"""Journals as they are kept: a row per viewing, and one per life of a relay, which its viewings share."""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.models import Viewer
from channels.models import Channel
from streaming.journal.notes import Note, read
from streaming.relay.endings import End

#: As people read them; the values are `streaming.relay.endings.End`.
END_WORDS = {
    End.LEFT: "the viewer left",
    End.CHANGED: "the viewer changed channel",
    End.BY_HAND: "ended by hand",
    End.REFUSED: "refused",
    End.NO_SOURCE: "no source was left",
    End.TOO_SLOW: "the player was too slow",
    End.SLOT_WANTED: "another channel needed the connection",
    End.LONG_ENOUGH: "as long as a viewing may last",
    End.RESTART: "Restreamer was stopped or restarted",
    End.DIED: "the streaming process died",
    End.DEFECT: "a defect",
    End.REDIRECTED: "sent to the provider",
    End.OTHER: "another reason",
}


class PlaySession(models.Model):
    """One viewing, from asking to the last byte. `ended_at` is empty as long as it goes on."""

    session_id = models.CharField("id", max_length=60, unique=True)
    run = models.CharField(max_length=16, blank=True, db_index=True, editable=False)
    viewer = models.ForeignKey(Viewer, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions")
    viewer_name = models.CharField("viewer", max_length=200)
    channel = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions")
    title = models.CharField("watched", max_length=500)
    peer = models.CharField("from", max_length=60, blank=True)
    agent = models.CharField("player", max_length=200, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    bytes_out = models.BigIntegerField("bytes", default=0)
    end = models.CharField(max_length=12, blank=True, choices=[(end.value, END_WORDS[end]) for end in End])
    reason = models.CharField(max_length=300, blank=True)
    faults = models.PositiveIntegerField(default=0)
    sentence = models.TextField("in a sentence", blank=True)
    notes: models.JSONField[list[Any], list[Any]] = models.JSONField(default=list, blank=True)
    left_out = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-started_at", "-id"]
        verbose_name = "viewing"
        indexes = [
            # The list of all, newest first, and what retention removes.
            models.Index(fields=["-started_at", "-id"], name="viewing_newest"),
            # What goes on, looked at every few seconds.
            models.Index(fields=["id"], condition=models.Q(ended_at__isnull=True), name="viewing_open"),
        ]

    def __str__(self) -> str:
        return f"{self.viewer_name}: {self.title}"

    @property
    def own_notes(self) -> list[Note]:
        """What happened to this viewing alone."""
        return read(self.notes)


class RelayRun(models.Model):
    """One life of a relay: from its first viewer to the close of its last upstream."""

    id = models.CharField(primary_key=True, max_length=16)
    key = models.CharField(max_length=60)
    title = models.CharField(max_length=500)
    owner = models.CharField(max_length=200)
    started_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    notes: models.JSONField[list[Any], list[Any]] = models.JSONField(default=list, blank=True)
    left_out = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.title} ({self.id})"
