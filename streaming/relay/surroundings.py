"""What every relay of a process shares: limits in seconds and bytes, and the doors to the world."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restreamer.lib.errors import RestreamerError
from streaming.journal.notes import Note, Run
from streaming.relay.audience import Viewer
from streaming.relay.checkup import Measurement
from streaming.relay.cutting import CuttingRoom
from streaming.relay.errands import Errands
from streaming.relay.loop import TickLoop
from streaming.relay.polling import Polls
from streaming.relay.seams import Opener, SessionFacts, Slates

if TYPE_CHECKING:
    from streaming.relay.relay import Relay


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """How long and how much."""

    ring_s: float = 30.0
    ring_bytes: int = 48 * 1024 * 1024
    #: All rings of the process together.
    total_ring_bytes: int = 2 * 1024**3
    #: How far behind live a viewer begins. ffmpeg and what is built on it look at five seconds before they show one
    #: picture: from 6 s on they have it at once, at 5 s not always, at 1 s after 4 s (bench/join.py).
    join_behind_s: float = 6.0
    linger_s: float = 10.0
    silence_s: float = 8.0
    start_timeout_s: float = 20.0
    #: Viewers who have seen nothing for so long, because the source is lost, see a slate; 0: never.
    slate_after_s: float = 3.0
    #: Who would be refused sees a slate for so long instead; 0: he is refused.
    refusal_slate_s: float = 0.0
    #: So long viewers whose relay ended may take to read their last bytes.
    flush_s: float = 5.0
    #: And one who fell out of the ring, for the rest of his picture: he reads slowly.
    slow_flush_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every relay of a process shares."""

    loop: TickLoop
    errands: Errands
    opener: Opener
    limits: RelayLimits
    #: The loop's reading buffer.
    scratch: memoryview
    #: A viewing is over.
    ended: Callable[[SessionFacts, str], None]
    #: The upstream is closed, its lease is back, and the key may be started anew.
    released: Callable[[Relay], None]
    #: Nothing of the relay is left.
    stopped: Callable[[Relay], None]
    #: A viewer who would be refused is shown something else instead, if this says so.
    console: Callable[[Viewer, RestreamerError], bool]
    #: Something for the journal, and how a stream did. From any thread.
    note: Callable[[Run, Note], None]
    measured: Callable[[Measurement], None]
    #: The players who come by instead of staying.
    polls: Polls
    #: Where HLS segments are cut; None: there is no HLS here.
    cutting: CuttingRoom | None = None
    slates: Slates | None = None
    #: Unix time.
    wall: Callable[[], float] = time.time
