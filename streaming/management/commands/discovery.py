"""`manage.py discovery`: let players find our network tuners until told to stop."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from streaming.discovery.process import Discovery
from streaming.discovery.snapshot import announced_devices


class Command(BaseCommand):
    help = "Answers players that look for network tuners (HDHomeRun, SSDP). Runs until SIGTERM."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the discovery process in this one."""
        discovery = Discovery(
            announced_devices,
            announced=settings.TUNER_ADDRESS,
            with_ssdp=settings.SSDP,
            port=settings.TUNER_DISCOVERY_PORT,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: discovery.stop())
        discovery.run()
