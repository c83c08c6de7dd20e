"""The snapshot of our tuners, read from the database."""

from __future__ import annotations

from django.conf import settings
from django.db import connections

from streaming.discovery.facts import Announced
from streaming.tuner_devices import TunerDevice
from streaming.tuning import tuner_count


def announced_devices() -> list[Announced]:
    """The tuners to be found: switched on, announced, of viewers some network may use without a token."""
    main_port = int(str(settings.RESTREAMER_BIND).rpartition(":")[2])
    rows = TunerDevice.objects.active().filter(announce=True).exclude(viewer__open_networks="").order_by("id")
    try:
        return [
            Announced(row.name, row.device_id, tuner_count(row), row.port or main_port, row.viewer.open_networks)
            for row in rows
        ]
    finally:
        # Half a minute may pass until the next look.
        connections.close_all()
