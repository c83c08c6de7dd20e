"""Django's registration of the project package: commands and checks."""

from django.apps import AppConfig
from django.core import checks

from restreamer.checks import settings_check


class RestreamerConfig(AppConfig):
    name = "restreamer"

    def ready(self) -> None:
        """Have Django run our checks with its own."""
        checks.register(settings_check)
