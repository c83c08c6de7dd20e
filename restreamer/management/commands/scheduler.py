"""`manage.py scheduler`: start jobs by the clock until told to stop."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Starts jobs by the clock."

    def handle(self, *args: Any, **options: Any) -> None:
        """Wait."""
        while True:
            time.sleep(3600)
