"""Django's registration of the room; says what it refreshes."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "channels"

    def ready(self) -> None:
        """Register the live refresh: portals start it without knowing this room."""
        from channels.refresh import refresh_live, undo_run  # models exist only now
        from portals import refreshing
        from portals.models import RunKind

        refreshing.register(RunKind.LIVE, refresh_live, undo_run)
