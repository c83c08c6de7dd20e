"""A provider we subscribe to."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

#: What a MAG250 box sends (reference stalker-portal.md, section 3).
MAG_USER_AGENT = (
    "Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) "
    "MAG200 stbapp ver: 2 rev: 250 Safari/533.3"
)


class PortalKind(models.TextChoices):
    """Which protocol the provider speaks."""

    STALKER = "stalker", "Stalker / Ministra portal"
    XTREAM = "xtream", "Xtream Codes login"
    M3U = "m3u", "M3U playlist"


class NewGenres(models.TextChoices):
    """What becomes of a genre that a portal names for the first time, after it named others before."""

    USUAL = "usual", "like what is new in genres you know"
    SHOW = "show", "show what is in them at once"
    HIDE = "hide", "keep hidden what is in them"
    LEAVE = "leave", "leave them out"


class PortalQuerySet(models.QuerySet["Portal"]):
    """Words about portals."""

    def enabled(self) -> PortalQuerySet:
        """Switched on by the owner."""
        return self.filter(enabled=True)


class Portal(models.Model):
    """A provider: address as pasted, what was discovered behind it, and how to treat it."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True, help_text="Stands in addresses: /play/…/7.")
    kind = models.CharField(max_length=10, choices=PortalKind.choices, default=PortalKind.STALKER)
    address = models.CharField(max_length=2000, help_text="As your provider gave it; any form is fine.")
    endpoint = models.CharField(
        max_length=2000, blank=True, help_text="Found by asking the address; empty it to have it found again."
    )
    enabled = models.BooleanField(default=True)
    proxy_url = models.CharField(
        max_length=500, blank=True, help_text="http://, https://, socks5:// or socks5h:// for API and media."
    )
    user_agent = models.CharField(max_length=300, blank=True, help_text="Empty = what such a portal expects.")
    referer = models.CharField(max_length=500, blank=True)
    origin = models.CharField(max_length=500, blank=True)
    verify_tls = models.BooleanField(
        "check certificates",
        default=True,
        help_text="Switch off only for a provider whose certificate is known to be wrong.",
    )
    time_zone = models.CharField(max_length=60, blank=True, help_text="IANA name; empty = as the portal says.")
    language = models.CharField(max_length=10, default="en", help_text="Language of your box: translates names.")
    priority = models.IntegerField(default=100, help_text="Lower comes first among portals that offer a channel.")
    max_streams = models.PositiveIntegerField(
        "streams at once", default=0, help_text="Streams at once over all its subscriptions; 0 = the sum of theirs."
    )
    refresh_hours = models.PositiveIntegerField(
        "refresh every (hours)",
        default=12,
        validators=[MinValueValidator(0), MaxValueValidator(24 * 30)],
        help_text="0 = only by hand.",
    )
    hold_percent = models.PositiveIntegerField(
        "hold when more is lost than (%)",
        default=30,
        validators=[MaxValueValidator(100)],
        help_text="A refresh that would lose a larger share of the list waits for your confirmation; 100 = never.",
    )
    remove_stale_days = models.PositiveIntegerField(
        "remove what is gone after (days)",
        default=30,
        help_text="Channels the portal no longer lists, unless you have changed, merged or chosen them; 0 = never.",
    )
    new_live_genres = models.CharField(
        "new genres of channels",
        max_length=10,
        choices=NewGenres.choices,
        default=NewGenres.USUAL,
        help_text="What becomes of genres that appear later; the page of genres changes it for each.",
    )
    new_movie_genres = models.CharField(
        "new genres of movies", max_length=10, choices=NewGenres.choices, default=NewGenres.USUAL
    )
    new_series_genres = models.CharField(
        "new genres of series", max_length=10, choices=NewGenres.choices, default=NewGenres.USUAL
    )
    with_censored = models.BooleanField("adult genres", default=True, help_text="Fetch adult genres too.")
    enable_new = models.BooleanField(
        "show new channels", default=False, help_text="Show channels that appear for the first time at once."
    )
    with_vod = models.BooleanField("movies and series", default=True, help_text="Fetch movies and series too.")
    enable_new_vod = models.BooleanField(
        "show new movies and series",
        default=False,
        help_text="Show movies and series at once when they appear, unless their category says otherwise.",
    )
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["priority", "name"]

    def __str__(self) -> str:
        return self.name

    def new_genres(self, kind: str) -> NewGenres:
        """What becomes of genres of this kind (portals.models.genre.GenreKind) that appear later."""
        return NewGenres(getattr(self, f"new_{kind}_genres"))
