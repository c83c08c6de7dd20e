"""`manage.py scheduler`: turn what is due into jobs until told to stop."""

from __future__ import annotations

import signal
import threading
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError

from restreamer.cron import Scheduler
from restreamer.lib.redis_client import connection


class Command(BaseCommand):
    help = "Starts jobs by the clock. Of several schedulers one works, the others wait for it to end."
    # `up` has run the checks; a restart is to be quick.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until SIGTERM."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            Scheduler(connection()).run(stop)
        except redis.RedisError as err:
            raise CommandError(f"Redis went away: {err}") from err
