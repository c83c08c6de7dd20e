"""`manage.py worker [QUEUE…]`: do background jobs until told to stop."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django_rq.workers import get_worker
from redis import RedisError


class Command(BaseCommand):
    help = "Does background jobs of the named queues, the first one first."
    # `up` has run the checks; a restart is to be quick.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """One or more queues."""
        parser.add_argument("queues", nargs="*", default=list(settings.RQ_QUEUES), help="Default: all queues.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until SIGTERM; the job at hand is finished first."""
        unknown = sorted(set(options["queues"]) - set(settings.RQ_QUEUES))
        if unknown:
            raise CommandError(f"There is no queue {', '.join(unknown)}; there are {', '.join(settings.RQ_QUEUES)}.")
        try:
            worker = get_worker(*options["queues"])
            # Each job runs in a fork, which must not share our connection.
            connections.close_all()
            worker.work(logging_level="WARNING")
        except RedisError as err:
            raise CommandError(f"Redis went away: {err}") from err
