"""Django's registration of the project package: commands and checks."""

from django.apps import AppConfig
from django.core import checks

from restreamer.checks import settings_check


class RestreamerConfig(AppConfig):
    name = "restreamer"

    def ready(self) -> None:
        """Have Django run our checks with its own, and register how a backup is made."""
        from portals import refreshing  # models exist only now
        from portals.models import RunKind
        from restreamer.backup import jobs

        checks.register(settings_check)
        refreshing.register(RunKind.BACKUP, jobs.make)
