"""Django's registration of the room; says what it refreshes."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class VodConfig(AppConfig):
    name = "vod"
    verbose_name = "movies and series"

    def ready(self) -> None:
        """Register the refresh of movies and series: portals start it without knowing this room."""
        from portals import genre_choices, refreshing
        from portals.models import RunKind
        from portals.models.genre import GenreKind
        from vod import search  # models exist only now
        from vod.genre_choices import TitleGenres
        from vod.prefetch import prefetch
        from vod.refresh import difference, refresh_vod, undo_run

        refreshing.register(RunKind.VOD, refresh_vod, undo_run)
        refreshing.tells_differences(RunKind.VOD, difference)
        refreshing.register(RunKind.DETAILS, prefetch)
        genre_choices.register(TitleGenres(GenreKind.MOVIE, "vod.change_movie"))
        genre_choices.register(TitleGenres(GenreKind.SERIES, "vod.change_series"))
        post_migrate.connect(search.ensure_index, sender=self)
