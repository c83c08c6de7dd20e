"""`manage.py up`: run all of Restreamer on this machine."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from restreamer.lib.errors import RestreamerError
from restreamer.runner import up
from restreamer.runner.output import Output


class Command(BaseCommand):
    help = "Runs pages, relay, background jobs and Redis on this machine until Ctrl-C."
    # The first start has no database to check yet; `up` prepares it.
    requires_system_checks = []
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop."""
        try:
            up.run(Output(sys.stdout))
        except RestreamerError as err:
            raise CommandError(err.message) from err
        except KeyboardInterrupt:
            # Before anything was started; later on it is a request like any other.
            raise SystemExit(130) from None
