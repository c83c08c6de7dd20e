"""Django's registration of the room; says what it refreshes, and tells the guide which channels there are."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "channels"

    def ready(self) -> None:
        """Register the live refresh: portals start it without knowing this room."""
        from channels.genre_choices import LiveGenres  # models exist only now
        from channels.guide_feed import shown_channels
        from channels.guide_logos import take_given
        from channels.models import Channel
        from channels.refresh import difference, refresh_live, undo_run
        from guide import icons
        from guide.wanted import hear_channels_from
        from portals import genre_choices, leaving, refreshing
        from portals.models import RunKind

        refreshing.register(RunKind.LIVE, refresh_live, undo_run)
        refreshing.tells_differences(RunKind.LIVE, difference)
        hear_channels_from(shown_channels)
        icons.offer_to(take_given)
        genre_choices.register(LiveGenres())
        leaving.feeds("channels that nothing else feeds", lambda portal: Channel.objects.only_of_portal(portal))
