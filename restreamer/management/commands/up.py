"""`manage.py up`: run all of Restreamer on this machine."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from restreamer.lib import log_book
from restreamer.lib.errors import ConfigurationError, RestreamerError
from restreamer.lib.log_book import LogWriter
from restreamer.runner import up
from restreamer.runner.output import Output


class Command(BaseCommand):
    help = "Runs pages, relay, background jobs and Redis on this machine until Ctrl-C."
    # The first start has no database to check yet; `up` prepares it.
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """The number of relays, for trying; the variable tells the other commands too."""
        parser.add_argument("--relays", type=int, help="relay processes, instead of RESTREAMER_RELAYS")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop."""
        try:
            if options["relays"] is not None:
                settings.RELAYS = _count(options["relays"])
            up.run(Output(sys.stdout, _book()))
        except RestreamerError as err:
            raise CommandError(err.message) from err
        except KeyboardInterrupt:
            # Before anything was started; later on it is a request like any other.
            raise SystemExit(130) from None


def _book() -> LogWriter | None:
    """Where the page of log lines finds them; the data folder is made by whoever writes first."""
    if not settings.LOG_BYTES:
        return None
    return LogWriter(log_book.folder_of(settings.RESTREAMER_DATA), settings.LOG_BYTES)


def _count(relays: int) -> int:
    if not 1 <= relays <= settings.MOST_RELAYS:
        raise ConfigurationError(f"--relays {relays}: there may be 1 to {settings.MOST_RELAYS} relay processes.")
    return relays
