"""Django's registration of the room; says what it refreshes, and tells the guide which channels there are."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "channels"

    def ready(self) -> None:
        """Register the live refresh: portals start it without knowing this room."""
        from channels.guide_feed import shown_channels  # models exist only now
        from channels.refresh import difference, refresh_live, undo_run
        from guide.wanted import hear_channels_from
        from portals import refreshing
        from portals.models import RunKind

        refreshing.register(RunKind.LIVE, refresh_live, undo_run)
        refreshing.tells_differences(RunKind.LIVE, difference)
        hear_channels_from(shown_channels)
