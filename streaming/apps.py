"""Django's registration of the room; listens for changes of what its answers are made from."""

from django.apps import AppConfig

from restreamer.lib import versions


class StreamingConfig(AppConfig):
    name = "streaming"

    def ready(self) -> None:
        """Answers made from the catalogue are kept for as long as nobody writes to it."""
        versions.listen()
