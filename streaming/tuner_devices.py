"""Network tuners that we pretend to be: whose login they use, which channels they have, how clients find them."""

from __future__ import annotations

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import models

from accounts.models import Viewer
from channels.models import Lineup
from restreamer.lib import hdhomerun


def validate_device_id(value: str) -> None:
    """For the model field: raises ValidationError with a sentence."""
    if not hdhomerun.is_valid(value):
        raise ValidationError(
            f"{value!r} is no DeviceID: eight hex digits of which the last is a checksum. Empty it to get a new one."
        )


class TunerDeviceQuerySet(models.QuerySet["TunerDevice"]):
    """Words about devices."""

    def active(self) -> TunerDeviceQuerySet:
        """Switched on, of a viewer who may watch."""
        return self.filter(enabled=True, viewer__in=Viewer.objects.allowed()).select_related("viewer", "lineup")

    def at_port(self, port: int, special_ports: Collection[int]) -> TunerDeviceQuerySet:
        """Those at the root of a port. Without a port of their own they are wherever no special one is."""
        rows = self.filter(port=port) if port in special_ports else self.filter(port__isnull=True)
        return rows.order_by("id")


class TunerDevice(models.Model):
    """One network tuner (HDHomeRun)."""

    name = models.CharField(max_length=60, default="Restreamer", help_text="What clients show.")
    slug = models.SlugField(max_length=60, unique=True, help_text="Stands in addresses: /hdhr/token/…")
    device_id = models.CharField(
        "DeviceID",
        max_length=8,
        unique=True,
        blank=True,
        default=hdhomerun.new_device_id,
        validators=[validate_device_id],
        help_text="Clients know the tuner by it for ever. The one of another emulator brings its favourites along.",
    )
    viewer = models.ForeignKey(
        Viewer, on_delete=models.CASCADE, related_name="tuner_devices", help_text="Whose login and limits it uses."
    )
    lineup = models.ForeignKey(
        Lineup,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Empty = all the viewer sees.",
    )
    tuners = models.PositiveIntegerField(
        default=0, help_text="Tuners that clients see; 0 = what viewer and providers allow at once, at least 2."
    )
    port = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="One of RESTREAMER_TUNER_PORTS, for clients that read the root of a port; empty = the main port.",
    )
    announce = models.BooleanField(
        default=True, help_text="Answer clients that look for tuners, in the networks the viewer is open to."
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TunerDeviceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        verbose_name = "network tuner"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        """Ids are kept in upper case; an emptied one is made anew."""
        self.device_id = (self.device_id or hdhomerun.new_device_id()).upper()
        super().save(*args, **kwargs)  # type: ignore[arg-type]
