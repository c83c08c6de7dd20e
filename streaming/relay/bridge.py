"""What viewers see between two sources: null packets for the wire, then a slate for the eyes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from restreamer.lib.errors import RestreamerError
from streaming.journal.notes import Kind
from streaming.mpegts.filler import Filler
from streaming.mpegts.picture_size import size_in
from streaming.mpegts.slatemaking import SlateFormat
from streaming.relay.block import Block
from streaming.relay.joint import Joint
from streaming.relay.seams import Slates

#: Sockets on which nothing comes for longer are given up by some players (reference hls-and-ts.md, section 6).
FILL_AFTER_S = 1.5
#: Most sources are replaced within this time: a slate that is gone at once would only startle.
LEAST_LOST_S = 1.0

SOURCE_LOST = "source_lost"


class Bridge:
    """Fills the pauses of one joint. `slate_after_s` 0: never with a slate. All times are the loop's clock."""

    def __init__(
        self, joint: Joint, slates: Slates | None, slate_after_s: float, say: Callable[[Kind, str], None]
    ) -> None:
        self._joint = joint
        self._slates = slates if slate_after_s > 0 else None
        self._filler = Filler(FILL_AFTER_S, slate_after_s if self._slates else None)
        self._say = say
        self._lost_at: float | None = None
        #: Why there is no slate, said once per loss.
        self._said = ""
        self._prepared = False
        self._form: SlateFormat | None = None

    def published(self, block: Block, now: float) -> None:
        """Real packets have been published; the first of all begin with tables and a keyframe."""
        self._filler.published(now)
        if self._lost_at is not None:
            self._lost_at, self._said = None, ""
        if not self._prepared:
            self._prepare(block)

    def lost(self, now: float) -> None:
        """The source is gone; what comes of the next one is not shown yet."""
        if self._lost_at is None:
            self._lost_at = now

    def fill(self, now: float) -> bytes:
        """What to publish now, as no source gives anything to publish."""
        if self._joint.shows_slate:
            return self._joint.go_on_with_slate(now)
        if self._slate_is_due(now):
            packets = self._begin_slate(now)
            if packets:
                return packets
        return self._joint.fill(self._filler.due(now))

    def _slate_is_due(self, now: float) -> bool:
        if self._lost_at is None or self._said or not self._joint.idle:
            return False
        return now - self._lost_at >= LEAST_LOST_S and self._filler.wants_slate(now)

    def _begin_slate(self, now: float) -> bytes:
        """The first packets of the slate; empty when there is none, or none yet."""
        try:
            data = self._find()
            if not data:
                return b""
            packets = self._joint.begin_slate(data, now)
        except RestreamerError as err:
            self._said = err.message
            self._say(Kind.NO_SLATE, f"viewers get null packets instead of a slate: {err.message}")
            return b""
        self._say(Kind.SLATE, "viewers see the slate: source lost")
        return packets

    def _prepare(self, block: Block) -> None:
        """Have the slate for this channel made before it is needed."""
        programme = self._joint.programme
        if self._slates is None or programme is None:
            return
        self._prepared = True
        self._form = SlateFormat.like(programme, *(size_in(block.data, programme) or ()))
        # That there is none is said when it is needed.
        with contextlib.suppress(RestreamerError):
            self._find()

    def _find(self) -> bytes:
        assert self._slates is not None
        return self._slates.find(SOURCE_LOST, self._form)
