"""Where guide data comes from."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from portals.models import Portal, Run, RunState
from restreamer.lib.time_zones import is_zone, zone_named


class SourceKind(models.TextChoices):
    """Who tells us."""

    URL = "url", "XMLTV by address"
    UPLOAD = "upload", "XMLTV uploaded"
    FILE = "file", "XMLTV file on this machine"
    PORTAL = "portal", "the portal's own guide"
    XTREAM = "xtream", "the Xtream login's guide"
    DUMMY = "dummy", "made from channel names"


#: How soon a source that failed is asked again.
RETRY_AFTER = timedelta(hours=1)
#: Kinds that belong to a portal.
PORTAL_KINDS = (SourceKind.PORTAL, SourceKind.XTREAM)


class EpgSourceQuerySet(models.QuerySet["EpgSource"]):
    """Words about sources."""

    def enabled(self) -> EpgSourceQuerySet:
        """Switched on, and not of a portal that is switched off."""
        return self.filter(Q(enabled=True) & (Q(portal__isnull=True) | Q(portal__enabled=True)))

    def in_order(self) -> EpgSourceQuerySet:
        """The one whose word counts first."""
        return self.order_by("priority", "id")

    def due(self, now: datetime) -> list[EpgSource]:
        """Enabled sources whose refresh interval has passed."""
        return [
            source
            for source in self.enabled().exclude(refresh_hours=0).select_related("last_run").in_order()
            if source.is_due(now)
        ]


class EpgSource(models.Model):
    """A guide and how it is read.

    An import writes guide channels (and under them programmes) of a new generation, which nobody reads. One update of
    `live_generation` then shows all of it at once; what was live before is removed afterwards, bit by bit.
    """

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=SourceKind.choices, default=SourceKind.URL)
    address = models.CharField(
        max_length=2000, blank=True, help_text="http(s):// address, or the path of a file on this machine."
    )
    upload = models.FileField(upload_to="guide/", blank=True, help_text="XMLTV; .gz, .xz and .zip are fine.")
    portal = models.ForeignKey(Portal, null=True, blank=True, on_delete=models.CASCADE, related_name="epg_sources")
    enabled = models.BooleanField(default=True)
    priority = models.IntegerField(default=100, help_text="Lower wins when two sources know a channel.")
    shift_minutes = models.IntegerField(
        default=0,
        validators=[MinValueValidator(-24 * 60), MaxValueValidator(24 * 60)],
        help_text="Moves the whole guide; 60 = everything an hour later.",
    )
    time_zone = models.CharField(
        max_length=60, blank=True, help_text="IANA name for times that come without a zone; empty = UTC."
    )
    languages = models.CharField(
        max_length=100, blank=True, help_text="Preferred first, by comma: de,en. Empty = the first text given."
    )
    refresh_hours = models.PositiveIntegerField(
        default=12, validators=[MaxValueValidator(24 * 30)], help_text="0 = only by hand."
    )
    days_back = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(60)])
    days_ahead = models.PositiveSmallIntegerField(default=8, validators=[MaxValueValidator(60)])
    keep_everything = models.BooleanField(
        default=False, help_text="Keep broadcasts of channels too that none of ours is mapped to."
    )
    icons_as_logos = models.BooleanField(
        "icons become logos",
        default=False,
        help_text="Channels of yours that have no logo take that of their guide channel after each import.",
    )
    proxy_url = models.CharField(max_length=500, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    verify_tls = models.BooleanField(default=True)

    # What the last visits left behind; written by refresh only.
    etag = models.CharField(max_length=300, blank=True, editable=False)
    last_modified = models.CharField(max_length=100, blank=True, editable=False)
    content_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    #: Hash of content, wanted channels, window and rules of the last import; the same again = nothing to do.
    import_key = models.CharField(max_length=64, blank=True, editable=False)
    live_generation = models.PositiveIntegerField(default=0, editable=False)
    last_generation = models.PositiveIntegerField(default=0, editable=False)
    incomplete = models.BooleanField(default=False, editable=False)
    status = models.TextField(blank=True, editable=False)
    failed = models.BooleanField(default=False, editable=False)
    counts = models.JSONField(default=dict, blank=True, editable=False)
    asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    imported_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_run = models.ForeignKey(
        Run, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EpgSourceQuerySet.as_manager()

    class Meta:
        ordering = ["priority", "id"]
        verbose_name = "EPG source"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Each kind needs its own address."""
        errors: dict[str, str] = {}
        if self.kind in (SourceKind.URL, SourceKind.FILE) and not self.address.strip():
            errors["address"] = "This kind of source needs an address."
        if self.kind == SourceKind.URL and self.address and "://" not in self.address:
            errors["address"] = "An address begins with http:// or https://."
        if self.kind == SourceKind.UPLOAD and not self.upload:
            errors["upload"] = "Choose a file to upload."
        if self.kind in PORTAL_KINDS and self.portal is None:
            errors["portal"] = "Choose the portal whose guide this is."
        if not is_zone(self.time_zone):
            errors["time_zone"] = f"{self.time_zone!r} is no zone; it looks like Europe/Berlin."
        if errors:
            raise ValidationError(errors)

    def default_zone(self) -> tzinfo:
        """The zone of times that name none."""
        return zone_named(self.time_zone)

    def preferred_languages(self) -> tuple[str, ...]:
        """Language codes in order of preference, lower case."""
        return tuple(part.strip().lower() for part in self.languages.split(",") if part.strip())

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """From when to when broadcasts are kept, in the guide's own times."""
        shift = timedelta(minutes=self.shift_minutes)
        return now - timedelta(days=self.days_back) - shift, now + timedelta(days=self.days_ahead) - shift

    def is_due(self, now: datetime) -> bool:
        """Has the refresh interval passed since the guide was last asked for? After a failure we ask sooner."""
        interval = timedelta(hours=self.refresh_hours)
        asked_at, failed = self.asked_at, self.failed
        if self.last_run is not None and self.last_run.state in (RunState.FAILED, RunState.INTERRUPTED):
            # Also one whose worker was killed, and could write nothing here.
            asked_at, failed = max(asked_at or self.last_run.created_at, self.last_run.created_at), True
        return asked_at is None or now - asked_at >= (min(interval, RETRY_AFTER) if failed else interval)

    def take_generation(self) -> int:
        """A generation number nobody else has or ever had."""
        EpgSource.objects.filter(pk=self.pk).update(last_generation=F("last_generation") + 1)
        self.refresh_from_db(fields=["last_generation"])
        return self.last_generation
