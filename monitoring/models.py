"""Alerts: what needs a person, from when it was first seen until it was over."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Source(models.TextChoices):
    """Whose trouble it is."""

    PORTAL = "portal", "portal"
    SUBSCRIPTION = "subscription", "MAC or login"
    CHANNEL = "channel", "channel"
    GUIDE = "guide", "guide"
    MACHINE = "machine", "this machine"


class Kind(models.TextChoices):
    """What is wrong."""

    REFUSED = "refused", "refused by the provider"
    EXPIRES = "expires", "runs out soon"
    EXPIRED = "expired", "has run out"
    REFRESH_FAILED = "refresh_failed", "refresh failed"
    REFRESH_HELD = "refresh_held", "refresh waits for you"
    GUIDE_FAILED = "guide_failed", "guide not read"
    NOT_PLAYED = "not_played", "could not be played"
    DISK_FULL = "disk_full", "disk nearly full"
    NO_BACKUP = "no_backup", "backup not made"


class Severity(models.TextChoices):
    """How bad: an error is something viewers miss now."""

    ERROR = "error", "error"
    WARNING = "warning", "warning"


class AlertQuerySet(models.QuerySet["Alert"]):
    """Words about alerts."""

    def open(self) -> AlertQuerySet:
        """Those that are not over."""
        return self.filter(resolved_at__isnull=True)


class Alert(models.Model):
    """One trouble. `key` names the condition behind it; of each there is at most one open alert.

    `evidence` tells one occurrence from the next: an alert that a person resolved stays away until it changes.
    """

    key = models.CharField(max_length=200, db_index=True, editable=False)
    evidence = models.CharField(max_length=200, editable=False)
    source = models.CharField(max_length=20, choices=Source.choices)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    subject = models.CharField("about", max_length=300)
    text = models.TextField("in words")
    page = models.CharField(max_length=300, blank=True, editable=False)
    count = models.PositiveIntegerField("times", default=1)
    first_at = models.DateTimeField("since")
    last_at = models.DateTimeField("last seen")
    resolved_at = models.DateTimeField(null=True, blank=True)
    #: Who said so; empty: it was over by itself.
    resolved_by = models.CharField(max_length=150, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        # Errors before warnings, as the words happen to sort.
        ordering = ["severity", "-last_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(resolved_at__isnull=True), name="one_open_alert"),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.get_kind_display()}"
