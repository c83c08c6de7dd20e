"""What a token may be given, and what its owner must be allowed to do for it to count."""

from __future__ import annotations

from django.db import models


class Scope(models.TextChoices):
    """One thing a program may do."""

    CATALOGUE_READ = "catalogue:read", "read channels, streams, movies and series"
    CATALOGUE_WRITE = "catalogue:write", "change channels, movies and series"
    GUIDE_READ = "guide:read", "read and search the guide"
    PORTALS_READ = "portals:read", "read providers, runs and alerts"
    PORTALS_REFRESH = "portals:refresh", "refresh providers, resolve alerts"
    PLAYING_READ = "playing:read", "see who watches what, and journals"
    PLAYING_CONTROL = "playing:control", "end viewings, switch channels"
    VIEWERS = "viewers", "add, change and remove viewers"


#: The owner's right each scope stands on: a token never does what its owner may not.
RIGHTS = {
    Scope.CATALOGUE_READ: "channels.view_channel",
    Scope.CATALOGUE_WRITE: "channels.change_channel",
    Scope.GUIDE_READ: "guide.view_programme",
    Scope.PORTALS_READ: "portals.view_portal",
    Scope.PORTALS_REFRESH: "portals.change_portal",
    Scope.PLAYING_READ: "streaming.view_playsession",
    Scope.PLAYING_CONTROL: "streaming.view_playsession",
    Scope.VIEWERS: "accounts.change_viewer",
}
