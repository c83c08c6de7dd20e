"""What one relay tells of itself: notes for the journal, measurements of its sources. Cheap: called in the loop."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from streaming.faults import SENTENCES, Fault
from streaming.journal.notes import Kind, Note, Run, clean
from streaming.mpegts.picture_size import size_in
from streaming.relay.block import Block
from streaming.relay.checkup import Checkup, Measurement
from streaming.relay.joint import Joint
from streaming.relay.seams import Opened, Ticket
from streaming.sources.base import is_remade, quiet_s


class Chronicle:
    """Of one relay. `note` and `measured` are told; they must not block and may be called from any thread."""

    def __init__(
        self,
        ticket: Ticket,
        joint: Joint,
        note: Callable[[Run, Note], None],
        measured: Callable[[Measurement], None],
        wall: Callable[[], float],
    ) -> None:
        self.run = Run(secrets.token_hex(6), ticket.key, ticket.title, wall())
        self._joint = joint
        self._note = note
        self._measured = measured
        self._wall = wall
        #: Who feeds the relay now, its name, and whether something of it has been seen.
        self._checkup: Checkup | None = None
        self._label = ""
        self._seen = False
        self._shown_at: float | None = None

    def add(self, note: Note) -> None:
        """A note somebody else has written: an opener, from its thread."""
        self._note(self.run, note)

    def say(self, kind: Kind, text: str, *, fault: str = "", seconds: float = 0.0) -> None:
        """A note of this moment."""
        self._note(self.run, Note(self._wall(), kind, clean(text), fault, seconds))

    def plays(self, opened: Opened, now: float) -> None:
        """A source is open and will be shown as soon as it can be."""
        self._label, self._seen = opened.label, False
        self._checkup = None
        if opened.stream_id and not is_remade(opened.source):
            self._checkup = Checkup(opened.stream_id, now, quiet_s(opened.source), self._wall)
        self.say(Kind.PLAYS, opened.label)

    def published(self, block: Block, now: float) -> None:
        """Packets of the source go out to viewers."""
        if not self._seen:
            self._begins(block.data, now)
        elif self._checkup is not None and self._shown_at is not None:
            quiet_for_s = now - self._shown_at
            if quiet_for_s > self._checkup.stall_s:
                self._checkup.stalled(quiet_for_s)
        self._shown_at = now

    def look(self, now: float) -> None:
        """About once a second: measure, when it is time."""
        if self._checkup is not None and self._seen:
            self._tell(self._checkup.look(self._joint, now))

    def lost(self, opened: Opened, fault: Fault) -> None:
        """The source was given up."""
        if self._checkup is not None:
            self._tell(self._checkup.lost(self._joint, fault))
        self._checkup = None
        self.say(Kind.FAULT, f"{opened.label}: {SENTENCES[fault]}", fault=str(fault))

    def gave_back(self, opened: Opened) -> None:
        """Its connection is closed and its slot free. From any thread."""
        self.say(Kind.SLOT, f"the connection to {opened.label} is closed and its slot is free again")

    def _begins(self, block: bytes, now: float) -> None:
        self._seen = True
        programme = self._joint.programme
        if self._checkup is not None and programme is not None:
            self._checkup.size = size_in(block, programme) or (0, 0)
        if self._shown_at is not None:
            self.say(Kind.SEAM, self._label, seconds=now - self._shown_at)

    def _tell(self, measurement: Measurement | None) -> None:
        if measurement is not None:
            self._measured(measurement)
