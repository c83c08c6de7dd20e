"""`manage.py relay`: the data plane, one process per machine."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection
from streaming.opening import PortalOpener
from streaming.relay.process import RelayProcess, prepare_process, stop_on_signals
from streaming.relay.relay import RelayLimits
from streaming.session_book import SessionBook
from streaming.sources.choose import source_for


class Command(BaseCommand):
    help = "Passes pictures on from providers to viewers until told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGTERM; every upstream is closed and every slot given back before the end."""
        prepare_process()
        client = connection()
        opener = PortalOpener(client, source_for=source_for)
        book = SessionBook(client, opener.owner, ledger=opener.ledger)
        try:
            # First the door: it is refused while another relay of this machine lives, whose slots must not be swept.
            process = RelayProcess(opener, book, settings.RELAY_SOCKET, _limits())
            opener.ask_first(process.registry.give_up)
            opener.boot()
            book.boot()
        except RestreamerError as err:
            raise CommandError(err.message) from err
        stop_on_signals(process)
        process.run()


def _limits() -> RelayLimits:
    return RelayLimits(
        ring_s=settings.RELAY_RING_SECONDS,
        ring_bytes=settings.RELAY_RING_BYTES,
        total_ring_bytes=settings.RELAY_TOTAL_RING_BYTES,
        linger_s=settings.RELAY_LINGER_S,
        silence_s=settings.RELAY_SILENCE_S,
        start_timeout_s=settings.RELAY_START_TIMEOUT_S,
    )
