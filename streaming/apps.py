"""Django's registration of the room; hears of changes of what its answers are made from, and tells who watches what."""

from django.apps import AppConfig

from accounts import playing
from restreamer.lib import versions


class StreamingConfig(AppConfig):
    name = "streaming"

    def ready(self) -> None:
        """Answers made from the catalogue are kept for as long as nobody writes to it."""
        from portals import in_use  # models exist only now
        from streaming.now_playing import plays_of, what_plays

        versions.listen()
        playing.told_by(plays_of)
        in_use.named_by(what_plays)
