"""The end of the output that is kept back, because a source that ends now would have it taken away again.

A source ends anywhere: in the middle of a picture, of a sound packet, or after a picture whose neighbours in display
order never came. Nothing of that may reach a player, so what is not known to be whole yet waits: a picture or a small
group of them, some tens to hundreds of milliseconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median_low

from streaming.mpegts.ahead import clocks_ahead, sounds_ahead, voided
from streaming.mpegts.ending import USUAL_FRAME, End, last_counters, last_unit_is_whole, without
from streaming.mpegts.packets import (
    CLOCK_HZ,
    CLOCK_MODULUS,
    PACKET_SIZE,
    PCR_HZ,
    PesTimes,
    difference,
    pcr_difference,
    pid_of,
)
from streaming.mpegts.sent import Sent
from streaming.mpegts.standing import Clean, Sound
from streaming.mpegts.statistics import JUMP_S, jumped, runs_on

#: Longer than this nothing is kept back, whole or not: by the stream's clock, by the caller's, and in bytes.
LIMIT_S = 1.5
LIMIT_WALL_S = 2.0
#: Where pictures came close together and then no more, the rest waits longer: if it went on alone, a source that takes
#: over with the next picture would have to go back in time.
MISSED_WALL_S = 12.0
LIMIT_BYTES = 16_000_000
#: A clock other than the picture's that jumped is believed when the picture's has not followed for so long.
DOUBT_S = 1.0
#: A PES packet of sound of which nothing came for so long, by the picture's DTS, will not be whole any more.
BROKEN_S = 0.5


#: So many pictures tell by how much the least of them is shown after it is decoded.
LAGS = 50


@dataclass(slots=True)
class Hold:
    """Takes the output as it is made, gives it on when it is final."""

    lead_pid: int
    #: Of the next byte to come, and of the first byte kept back.
    end: int = 0
    final: int = 0
    sounds: dict[int, Sound] = field(default_factory=dict)
    dts: int | None = None
    shown: int | None = None
    pcr: int | None = None
    #: The PCRs in what is kept back, and at least the last before: batches of offset and value, and what the offsets
    #: are counted from.
    _pcrs: deque[tuple[int, list[tuple[int, int]]]] = field(default_factory=deque)
    _pieces: deque[memoryview] = field(default_factory=deque)
    #: The output's continuity counters at positions: the last that is published and those after it. And what was
    #: published since that one.
    _counted: deque[tuple[int, dict[int, int]]] = field(default_factory=lambda: deque([(0, {})]))
    _published: deque[tuple[int, memoryview]] = field(default_factory=deque)
    _clean: Clean | None = None
    _natural_dts: int = 0
    _last_picture: int = 0
    _lags: deque[int] = field(default_factory=lambda: deque(maxlen=LAGS))
    _least_lag: int = CLOCK_MODULUS
    _steps: deque[int] = field(default_factory=lambda: deque(maxlen=25))
    #: Per PID the position from which on its clock is another; PIDs of sounds, and -1 for the PCR.
    _doubts: dict[int, int] = field(default_factory=dict)
    _doubted_dts: int | None = None
    _moved_at: float = 0.0

    # What passes ----------------------------------------------------------------------------------------------

    def take(self, sent: Sent, counters: dict[int, int]) -> None:
        """The next packets of the output, what is in them, and the output's continuity counters after them."""
        base = self.end
        for lead in sent.leads:
            self.picture(base + lead.offset, lead.times, lead.natural_dts)
        for pid in sent.silenced:
            self.break_sound(pid)
        for sound in sent.sounds:
            self.sound(sound.pid, base + sound.offset, sound.pts)
        for pid, missing in sent.missing.items():
            self.missing_sound(pid, missing)
        for pid, payload in sent.more.items():
            self.more_sound(pid, payload)
        if sent.pcrs:
            self.clocks(base, sent.pcrs)
        for piece in sent.pieces:
            self.append(piece)
        self._counted.append((self.end, dict(counters)))

    def append(self, data: bytes | memoryview) -> None:
        """The next bytes of the output, whole packets."""
        if len(data):
            self._pieces.append(memoryview(data))
            self.end += len(data)

    def source_begins(self) -> None:
        """What comes next is of another source: its pictures are ordered by other rules."""
        self._lags.clear()
        self._least_lag = CLOCK_MODULUS
        self._doubts.clear()
        self._clean = None
        self._last_picture = self.end
        for pid, sound in self.sounds.items():
            sound.open_at = None
            self.break_sound(pid)

    @property
    def frame(self) -> int:
        """Duration of a picture: the median of the last DTS differences."""
        return median_low(self._steps) if self._steps else USUAL_FRAME

    def open_sounds(self) -> set[int]:
        """The sounds whose newest PES packet has not come whole."""
        return {pid for pid, sound in self.sounds.items() if sound.open_at is not None}

    def picture(self, position: int, times: PesTimes | None, natural_dts: int | None = None) -> None:
        """A unit of the lead track begins at this position; the one before it is whole."""
        if self._clean is None or self._may_end_here():
            self._clean = Clean(position, self.dts, self.shown, self._last_picture)
        self._last_picture = position
        if times is None:
            if self.dts is None:
                return
            times = PesTimes(self.dts + self.frame, self.dts + self.frame)
        pts, dts = times
        if self.dts is not None:
            step = dts - self.dts
            if 0 < step < CLOCK_HZ or 0 < (step := difference(dts, self.dts)) < CLOCK_HZ:
                self._steps.append(step)
        shown = self.shown
        if shown is None or self._clean.dts is None or 0 < pts - shown < CLOCK_HZ or difference(pts, shown) > 0:
            self.shown = pts
        self.dts = dts
        self._natural_dts = dts if natural_dts is None else natural_dts
        if self._doubts:
            self._resolve_doubts(dts)

    def _may_end_here(self) -> bool:
        """No picture is missing in display order before the latest one: the lead of PTS over DTS is at its least."""
        if self.dts is None or self.shown is None or self._clean is None:
            return True
        lag, lags = difference(self.shown, self._natural_dts), self._lags
        # The least of the last ones; usually it need not be looked for.
        oldest = lags[0] if len(lags) == LAGS else lag
        lags.append(lag)
        if lag <= self._least_lag:
            self._least_lag = lag
        elif oldest == self._least_lag:
            self._least_lag = min(lags)
        if lag <= self._least_lag + (self._steps[-1] if self._steps else USUAL_FRAME) // 2:
            return True
        return self._clean.dts is not None and difference(self.dts, self._clean.dts) > LIMIT_S * CLOCK_HZ

    def sound(self, pid: int, position: int, pts: int | None) -> None:
        """A PES packet of a sound track begins; nothing is known yet about how much of it is there."""
        sound = self.sounds.setdefault(pid, Sound())
        sound.open_at, sound.missing, sound.opened_dts = position, 1, self.dts
        sound.came_dts = self.dts
        if pts is None:
            return
        if sound.pts is not None:
            if jumped(pts, sound.pts):
                self._doubt(pid, position)
            if pid in self._doubts:
                return
            if difference(pts, sound.pts) > 0:
                sound.step = difference(pts, sound.pts)
        sound.pts = pts

    def missing_sound(self, pid: int, missing: int) -> None:
        """So many bytes are missing of the newest PES packet of a sound track."""
        sound = self.sounds[pid]
        sound.missing = missing
        if missing <= 0:
            sound.open_at = None

    def break_sound(self, pid: int) -> None:
        """What comes next on this sound track need not follow what came before."""
        if pid in self.sounds:
            self.sounds[pid].pts = None

    def more_sound(self, pid: int, payload: int) -> None:
        """So many bytes more of the newest PES packet of a sound track."""
        sound = self.sounds.get(pid)
        if sound is not None and sound.open_at is not None:
            sound.missing -= payload
            if payload:
                sound.came_dts = self.dts
            if sound.missing <= 0:
                sound.open_at = None

    def clocks(self, base: int, pcrs: list[tuple[int, int]]) -> None:
        """PCRs of the output, their positions counted from `base`."""
        if self.pcr is not None and -1 not in self._doubts and runs_on([pcr for _, pcr in pcrs], self.pcr, JUMP_S):
            self._pcrs.append((base, pcrs))
            self.pcr = pcrs[-1][1]
            return
        for offset, pcr in pcrs:
            self.clock(base + offset, pcr)

    def clock(self, position: int, pcr: int) -> None:
        """A PCR of the output."""
        if self.pcr is not None and abs(pcr_difference(pcr, self.pcr)) > JUMP_S * PCR_HZ:
            self._doubt(-1, position)
        if -1 not in self._doubts:
            self.pcr = pcr
            self._pcrs.append((position, [(0, pcr)]))

    def doubted_from(self, pid: int) -> int:
        """The position from which on the clock of a sound is another than before; beyond the end if it is not."""
        return self._doubts.get(pid, self.end + 1)

    def _doubt(self, pid: int, position: int) -> None:
        if not self._doubts:
            self._doubted_dts = self.dts
        self._doubts.setdefault(pid, position)

    def _resolve_doubts(self, dts: int) -> None:
        if self._doubted_dts is None or difference(dts, self._doubted_dts) > DOUBT_S * CLOCK_HZ:
            for pid in self._doubts:
                if pid in self.sounds:
                    self.sounds[pid].pts = None
            if -1 in self._doubts:
                self.pcr = None
            self._doubts.clear()

    # What leaves ----------------------------------------------------------------------------------------------

    def release(self, now: float) -> list[memoryview]:
        """What has become final."""
        limit = self._limit()
        if limit > self.final or self.end == self.final:
            self._moved_at = now
        elif now - self._moved_at > self._limit_wall_s or self.end - self.final > LIMIT_BYTES:
            limit = self.end
            self._clean = Clean(self.end, self.dts, self.shown, self.end)
            self._moved_at = now
        return self._take(limit)

    @property
    def _limit_wall_s(self) -> float:
        return MISSED_WALL_S if self._steps and self.frame < CLOCK_HZ // 2 else LIMIT_WALL_S

    def _limit(self) -> int:
        limit = self.end if self._clean is None else self._clean.last
        for sound in self.sounds.values():
            if sound.open_at is not None and sound.open_at < limit:
                if self._is_overdue(sound):
                    sound.open_at = None
                else:
                    limit = sound.open_at
        return max(self.final, min(limit, *self._doubts.values()) if self._doubts else limit)

    def _is_overdue(self, sound: Sound) -> bool:
        if self.dts is None or sound.opened_dts is None:
            return False
        return difference(self.dts, sound.opened_dts) > LIMIT_S * CLOCK_HZ

    def _take(self, limit: int) -> list[memoryview]:
        while len(self._pcrs) > 1 and self._pcrs[1][0] + self._pcrs[1][1][0][0] < limit:
            self._pcrs.popleft()
        taken: list[memoryview] = []
        while self.final < limit:
            piece = self._pieces.popleft()
            count = limit - self.final
            if len(piece) > count:
                self._pieces.appendleft(piece[count:])
                piece = piece[:count]
            self._published.append((self.final, piece))
            self.final += len(piece)
            taken.append(piece)
        while len(self._counted) > 1 and self._counted[1][0] <= self.final:
            self._counted.popleft()
        since = self._counted[0][0]
        while self._published and self._published[0][0] < since:
            self._published.popleft()
        return taken

    def end_so_far(self) -> End:
        """How the output would end if all that was taken so far stayed."""
        end = End(self.dts, self.shown, self.frame, self.pcr)
        end.sounds.update((pid, sound.end) for pid, sound in self.sounds.items() if sound.end is not None)
        return end

    def broken_sounds(self) -> list[int]:
        """The sounds that stopped in the middle of a PES packet."""
        return [
            pid
            for pid, sound in self.sounds.items()
            if sound.open_at is not None
            and self.dts is not None
            and sound.came_dts is not None
            and difference(self.dts, sound.came_dts) > BROKEN_S * CLOCK_HZ
        ]

    def void_open(self, pid: int) -> int:
        """A sound will not go on: what came of its newest PES packet is taken away; returns how many packets."""
        sound = self.sounds.get(pid)
        if sound is None or sound.open_at is None or sound.open_at < self.final:
            return 0
        held, count = voided(b"".join(self._pieces), pid, sound.open_at - self.final)
        self._pieces = deque([memoryview(held)])
        sound.open_at, sound.step = None, 0
        return count

    # The cut --------------------------------------------------------------------------------------------------

    def cut(self, announced: set[int]) -> End:
        """The source ends here. What of the rest is whole stays and is final; returns how the output now ends.

        PIDs that are not `announced` by the output end here too: the next source does not continue them.
        """
        held = b"".join(self._pieces)
        self._pieces.clear()
        drop_from = dict(self._doubts)
        drop_from[self.lead_pid] = lead_ends = self._end_of_lead(held)
        ahead = self._ahead_of_lead(held)
        for pid, position in ahead.items():
            drop_from[pid] = min(position, drop_from.get(pid, position))
        clock_ends = min(lead_ends, drop_from.get(-1, lead_ends))
        self._end_clock(clock_ends)
        shortened = set()
        for pid, sound in self.sounds.items():
            if sound.open_at is None:
                continue
            drop_from[pid] = min(sound.open_at, drop_from.get(pid, sound.open_at))
            if pid not in self._doubts:
                # What comes next begins where this one would have.
                sound.step = 0
                shortened.add(pid)
        shortened.update(pid for pid in ahead if pid in self.sounds)
        end = self.end_so_far()
        end.shortened.update(shortened)
        pids = {pid_of(held, at) for at in range(0, len(held), PACKET_SIZE)}
        published = (piece for _, piece in self._published)
        end.counters.update(last_counters(self._counted[0][1], published, pids))
        kept = without(held, self.final, announced, drop_from, end)
        self.end = self.final
        self._counted = deque([(self.final, {})])
        self._published.clear()
        self.append(kept)
        self.source_begins()
        return end

    def _end_clock(self, position: int) -> None:
        """The PCRs from there on do not stay, but one is always known."""
        pcrs = [(base + offset, pcr) for base, batch in self._pcrs for offset, pcr in batch]
        while len(pcrs) > 1 and pcrs[-1][0] >= position:
            pcrs.pop()
            self.pcr = pcrs[-1][1]
        self._pcrs = deque([(0, pcrs[-1:])] if pcrs else [])

    def _end_of_lead(self, held: bytes) -> int:
        """Where the lead track ends: here when its last unit is whole, else after the last whole ones."""
        clean = self._clean
        if clean is None:
            return self.end
        whole = self.dts is not None and last_unit_is_whole(held, self.lead_pid)
        if whole and self._may_end_here():
            return self.end
        self.dts, self.shown = clean.dts, clean.shown
        return clean.position

    def _ahead_of_lead(self, held: bytes) -> dict[int, int]:
        """Per sound PID, and as -1 for the PCR, the position from which on it went on without the pictures."""
        if self.dts is None or self.shown is None:
            return {}
        found = {}
        for pid, (offset, pts) in sounds_ahead(held, self.sounds.keys() - self._doubts, self.shown).items():
            found[pid] = self.final + offset
            # What comes next begins where this one would have.
            self.sounds[pid].pts, self.sounds[pid].step = pts, 0
        clock = clocks_ahead(held, self.dts + self.frame)
        if clock is not None:
            found[-1] = self.final + clock
        return found
