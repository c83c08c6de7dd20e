"""The relay process as it runs in production, but with an opener that only knows addresses and a book that is empty."""

from __future__ import annotations

import argparse
import gc
import logging
import shutil
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from portals.providers.records import PlayUrl
from streaming.ffmpeg.profiles import Kind, Profile
from streaming.journal.notes import Note, Run
from streaming.relay.checkup import Measurement
from streaming.relay.process import RelayProcess, prepare_process, stop_on_signals
from streaming.relay.seams import Command, FaultHistory, Opened, RelayFacts, SessionFacts, Ticket
from streaming.relay.surroundings import RelayLimits
from streaming.sources.base import Source
from streaming.sources.ffmpeg import FfmpegSource
from streaming.sources.http import HttpSource


class AddressOpener:
    """Every key is the name of a stream of one provider."""

    def __init__(self, url: str, profile: Profile | None = None) -> None:
        self._url = url
        self._profile = profile

    def open(self, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> Opened:
        play = PlayUrl(self._url.replace("KEY", ticket.key), verify_tls=False)
        source: Source = HttpSource(play)
        if self._profile is not None:
            source = FfmpegSource(self._profile, play, binary=shutil.which("ffmpeg") or "ffmpeg", feed=source)
        source.open()
        return Opened(source, ticket.key, "1/1", 1, 1, "bench")

    def close(self, opened: Opened) -> None:
        opened.source.close()

    def look_ahead(self, ticket: Ticket, history: FaultHistory, playing: str) -> None:
        """There is one source."""

    def over(self, key: str) -> None:
        return

    def renew(self, opened: Collection[Opened]) -> set[str]:
        return set()


class EmptyBook:
    """Writes nothing down."""

    def beat(self, relays: Sequence[RelayFacts], sessions: Sequence[SessionFacts]) -> list[Command]:
        return []

    def ended(self, facts: SessionFacts, reason: str) -> None:
        return

    def noted(self, run: Run, note: Note) -> None:
        return

    def measured(self, measurement: Measurement) -> None:
        return

    def finish(self) -> None:
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--url", required=True, help="KEY stands for the name of the stream")
    parser.add_argument("--behind", type=float, default=RelayLimits().join_behind_s)
    parser.add_argument("--ring-s", type=float, default=RelayLimits().ring_s)
    parser.add_argument("--height", type=int, default=0, help="transcode to so many lines, as fast as it goes")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    prepare_process()
    limits = RelayLimits(join_behind_s=given.behind, ring_s=given.ring_s)
    profile = Profile("bench", Kind.TRANSCODE, given.height, 900_000, 96_000, "ultrafast") if given.height else None
    process = RelayProcess(AddressOpener(given.url, profile), EmptyBook(), given.socket, limits)
    stop_on_signals(process)
    gc.collect()
    gc.freeze()
    process.run()


if __name__ == "__main__":
    main()
