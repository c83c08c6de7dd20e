"""All rows of the room: ffmpeg profiles, which channels are delivered how, network tuners, journals."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from channels.models import Channel, Group
from portals.models import Portal
from restreamer.lib.errors import InvalidInput
from streaming.delivery import Choice, Mode
from streaming.ffmpeg import profiles
from streaming.journal.rows import PlaySession, RelayRun
from streaming.tuner_devices import TunerDevice

__all__ = ["Delivery", "PlaySession", "RelayRun", "TranscodeProfile", "TunerDevice"]


class TranscodeProfile(models.Model):
    """One way of treating a stream with ffmpeg."""

    class Kind(models.TextChoices):
        REMUX = "remux", "remux: packed anew, nothing encoded"
        TRANSCODE = "transcode", "transcode to H.264 and AAC"
        CUSTOM = "custom", "a command of your own"

    class Acceleration(models.TextChoices):
        NONE = "none", "none: the processor encodes"
        VAAPI = "vaapi", "VAAPI (Intel, AMD)"
        NVENC = "nvenc", "NVENC (Nvidia)"
        QSV = "qsv", "Quick Sync (Intel)"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TRANSCODE)
    height = models.PositiveIntegerField(
        default=0, help_text="Greatest height in lines: 1080, 720, 480…; smaller pictures stay as they are, 0 = all do."
    )
    video_kbps = models.PositiveIntegerField("picture (kbit/s)", default=4000)
    audio_kbps = models.PositiveIntegerField("sound (kbit/s)", default=160)
    preset = models.CharField(
        max_length=10,
        choices=[(name, name) for name in profiles.PRESETS],
        default="veryfast",
        help_text="Speed against size: ultrafast costs the least processor time.",
    )
    gop_s = models.FloatField(
        "keyframe every (s)", default=2.0, help_text="New viewers begin at a keyframe: short ones start sooner."
    )
    deinterlace = models.BooleanField(default=False, help_text="Make whole pictures of interlaced ones.")
    acceleration = models.CharField(max_length=10, choices=Acceleration.choices, default=Acceleration.NONE)
    device = models.CharField(
        "graphics card", max_length=100, default="/dev/dri/renderD128", help_text="For VAAPI and Quick Sync."
    )
    input_arguments = models.CharField(max_length=1000, blank=True, help_text="ffmpeg arguments in front of the input.")
    output_arguments = models.CharField(
        max_length=1000, blank=True, help_text="ffmpeg arguments in front of the output."
    )
    template = models.TextField(
        "command",
        blank=True,
        max_length=4000,
        help_text="A program and its arguments, with &lt;url&gt;, &lt;proxy&gt;, &lt;timeout&gt; (microseconds) and "
        "&lt;user_agent&gt; where "
        "they belong. It writes MPEG-TS to its standard output. No shell runs it.",
    )

    class Meta:
        ordering = ["name"]
        verbose_name = "profile"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what could not work."""
        try:
            self.profile().check()
        except InvalidInput as err:
            raise ValidationError(err.message) from err

    def profile(self) -> profiles.Profile:
        """As ffmpeg's commands are built from it."""
        return profiles.Profile(
            name=self.name,
            kind=profiles.Kind(self.kind),
            height=self.height,
            video_bps=self.video_kbps * 1000,
            audio_bps=self.audio_kbps * 1000,
            preset=self.preset,
            gop_s=self.gop_s,
            deinterlace=self.deinterlace,
            acceleration=profiles.Acceleration(self.acceleration),
            device=self.device,
            input_arguments=self.input_arguments,
            output_arguments=self.output_arguments,
            template=self.template,
        )

    @property
    def runs_typed_words(self) -> bool:
        """Does it hand words somebody typed to a program? Only administrators write such profiles."""
        return self.kind == self.Kind.CUSTOM or bool(self.input_arguments or self.output_arguments)


class Delivery(models.Model):
    """How one channel, one group or one portal is delivered; the most specific row wins (`streaming.delivery`)."""

    class Mode(models.TextChoices):
        RELAY = Mode.RELAY.value, "relay: one connection shared by all viewers"
        TRANSCODE = Mode.TRANSCODE.value, "transcode: shared, through ffmpeg"
        REDIRECT = Mode.REDIRECT.value, "redirect: the player goes to the provider itself"

    channel = models.OneToOneField(Channel, null=True, blank=True, on_delete=models.CASCADE, related_name="delivery")
    group = models.OneToOneField(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="delivery")
    portal = models.OneToOneField(Portal, null=True, blank=True, on_delete=models.CASCADE, related_name="delivery")
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.RELAY)
    profile = models.ForeignKey(
        TranscodeProfile,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="deliveries",
        help_text="Transcode: what ffmpeg does. Relay: what a source goes through whose codecs running players could "
        "not follow; empty = such a source is passed over.",
    )

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(
                name="delivery_of_one_thing",
                condition=Q(channel__isnull=False, group__isnull=True, portal__isnull=True)
                | Q(channel__isnull=True, group__isnull=False, portal__isnull=True)
                | Q(channel__isnull=True, group__isnull=True, portal__isnull=False),
                violation_error_message="Choose one channel, one group or one portal.",
            ),
            models.CheckConstraint(
                name="transcode_has_a_profile",
                condition=~Q(mode="transcode") | Q(profile__isnull=False),
                violation_error_message="Choose the profile the transcode is made with.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.mode}"

    @property
    def subject(self) -> Channel | Group | Portal | None:
        """What it is about."""
        return self.channel or self.group or self.portal

    @property
    def level(self) -> str:
        """Of which kind its subject is: channel, group or portal."""
        return next((name for name in ("channel", "group", "portal") if getattr(self, f"{name}_id")), "")

    def choice(self) -> Choice:
        """As the rule reads it."""
        return Choice(Mode(self.mode), self.profile.profile() if self.profile else None, self.level)
