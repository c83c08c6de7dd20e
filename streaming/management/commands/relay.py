"""`manage.py relay`: share upstreams between viewers until told to stop."""

from __future__ import annotations

import gc
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from redis import Redis

from restreamer import binaries
from restreamer.dead_mans_timer import DeadMansTimer
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection
from streaming import dealing, internal
from streaming.claims import Claims
from streaming.cluster import ClusterOpener
from streaming.ear import CommandEar
from streaming.opening import PortalOpener
from streaming.passthrough.seats import PortalSeats
from streaming.relay import consolation
from streaming.relay.bridge import SOURCE_LOST
from streaming.relay.nodedoor import NodeDoor
from streaming.relay.process import RelayProcess, prepare_process, stop_on_signals
from streaming.relay.slates import SlateShelf
from streaming.relay.surroundings import RelayLimits
from streaming.session_book import SessionBook
from streaming.sources.choose import source_for


class Command(BaseCommand):
    help = "Shares upstreams between viewers; the pages hand viewers over to it. Runs until SIGTERM."
    # `up` has run the checks; a restart is to be quick.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Which of this machine's relays it is."""
        parser.add_argument("--number", type=int, default=1, help="from 1 to RESTREAMER_RELAYS")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the relay process in this one."""
        number: int = options["number"]
        if number not in dealing.numbers():
            raise CommandError(f"--number {number}: RESTREAMER_RELAYS says there are {settings.RELAYS}.")
        prepare_process()
        slates = SlateShelf(settings.SLATE_FOLDER, binaries.ffmpeg)
        try:
            process = _assemble(number, slates)
        except RestreamerError as err:
            raise CommandError(err.message) from err
        stop_on_signals(process)
        # What was loaded until here is never garbage: collections need not look at it again.
        gc.collect()
        gc.freeze()
        # The one that fits most channels; others are made when a channel that needs one runs.
        slates.find(SOURCE_LOST, consolation.FORM)
        for name in consolation.NAMES if settings.REFUSAL_SLATE_S else ():
            slates.find(name, consolation.FORM)
        try:
            process.run()
        finally:
            slates.close()


def _assemble(number: int, slates: SlateShelf) -> RelayProcess:
    """The relay process with its doors to Redis, database and providers. Raises RestreamerError."""
    client = connection()
    opener = PortalOpener(client, source_for=source_for, owner=dealing.relay_owner(number))
    cluster = _cluster(opener, client, number) if internal.clustered() else None
    book = SessionBook(client, opener.owner, ledger=opener.ledger)
    # First the socket: as long as another relay holds it, its slots and sessions are not those of a dead one.
    process = RelayProcess(
        consolation.SlateOpener(cluster or opener, slates),
        book,
        dealing.socket_of(number),
        limits_from_settings(),
        slates=slates,
        seats=PortalSeats(opener),
        hls_folder=settings.HLS_FOLDER,
        timer=DeadMansTimer(),
        good_s=opener.ledger.good_s,
        leave_to=cluster.leave_to if cluster else None,
    )
    opener.ask_first(process.give_up)
    try:
        book.boot()
        opener.boot()
        if cluster:
            cluster.claims.sweep()
            NodeDoor(internal.bind_of(number), cluster.judge, process.take_node).start()
    except RestreamerError:
        process.abandon()
        raise
    connections.close_all()
    CommandEar(client, opener.owner, process.obey).start()
    return process


def _cluster(opener: PortalOpener, client: Redis, number: int) -> ClusterOpener:
    """What has a channel fed by the node that owns it. Raises ConfigurationError."""
    address = internal.address_of(number)
    return ClusterOpener(opener, Claims(client, opener.owner, address), address, internal.secret())


def limits_from_settings() -> RelayLimits:
    """How long and how much, as the environment says."""
    return RelayLimits(
        ring_s=settings.RELAY_RING_SECONDS,
        ring_bytes=settings.RELAY_RING_BYTES,
        total_ring_bytes=settings.RELAY_TOTAL_RING_BYTES // settings.RELAYS,
        join_behind_s=settings.RELAY_JOIN_BEHIND_S,
        linger_s=settings.RELAY_LINGER_S,
        silence_s=settings.RELAY_SILENCE_S,
        start_timeout_s=settings.RELAY_START_TIMEOUT_S,
        slate_after_s=settings.RELAY_SLATE_AFTER_S,
        refusal_slate_s=settings.REFUSAL_SLATE_S,
    )
