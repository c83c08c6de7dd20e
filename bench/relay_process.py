"""The relay process as it runs in production, but with an opener that only knows addresses and a book that is empty."""

from __future__ import annotations

import argparse
import gc
import logging
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from portals.providers.records import PlayUrl
from streaming.relay.process import RelayProcess, prepare_process, stop_on_signals
from streaming.relay.relay import RelayLimits
from streaming.relay.seams import Command, FaultHistory, Opened, RelayFacts, SessionFacts, Ticket
from streaming.sources.http import HttpSource


class AddressOpener:
    """Every key is the name of a stream of one provider."""

    def __init__(self, url: str) -> None:
        self._url = url

    def open(self, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> Opened:
        source = HttpSource(PlayUrl(self._url.replace("KEY", ticket.key)))
        source.open()
        return Opened(source, ticket.key, "1/1", 1, 1, "bench")

    def close(self, opened: Opened) -> None:
        opened.source.close()

    def renew(self, opened: Collection[Opened]) -> set[str]:
        return set()


class EmptyBook:
    """Writes nothing down."""

    def beat(self, relays: Sequence[RelayFacts], sessions: Sequence[SessionFacts]) -> list[Command]:
        return []

    def ended(self, facts: SessionFacts, reason: str) -> None:
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--url", required=True, help="KEY stands for the name of the stream")
    parser.add_argument("--behind", type=float, default=RelayLimits().join_behind_s)
    parser.add_argument("--ring-s", type=float, default=RelayLimits().ring_s)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    prepare_process()
    limits = RelayLimits(join_behind_s=given.behind, ring_s=given.ring_s)
    process = RelayProcess(AddressOpener(given.url), EmptyBook(), given.socket, limits)
    stop_on_signals(process)
    gc.collect()
    gc.freeze()
    process.run()


if __name__ == "__main__":
    main()
