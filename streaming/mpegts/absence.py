"""Notices what a source that passes as it is leaves out beside a picture that goes on: its clock, or a sound.

Players bear neither for long: without a PCR some stop their clock, without sound a browser's buffer ends. So the source
is rewritten from there on, which puts a clock and silence in their place until it fails or recovers.
"""

from __future__ import annotations

from collections.abc import Iterable

from streaming.mpegts.packets import CLOCK_HZ, PCR_HZ, PCR_PER_CLOCK, difference, pcr_difference
from streaming.mpegts.sent import Sent

#: So long, by the picture's DTS, a sound or a new PCR may be missing. Radio's PES packets come up to 0.8 s apart.
PATIENCE = CLOCK_HZ
#: And so long the main sound may let itself be waited for at first.
BEGINNING = 2 * CLOCK_HZ
#: Leads of the PCR within this are believed.
LONGEST_LEAD = 3 * PCR_HZ


class Absence:
    """What was there when, by the picture's DTS. Only for programmes with a picture."""

    def __init__(self) -> None:
        self.heard: dict[int, int] = {}
        #: Sounds that were heard and have stopped.
        self.gone: list[int] = []
        #: How far the PCR ran before the DTS when it last ran, in 27 MHz units; None: unknown.
        self.pcr_lead: int | None = None
        self._pcr: int | None = None
        self._pcr_at: int | None = None
        self._began_at: int | None = None

    def notices(self, sent: Sent, dts: int | None, sounds: Iterable[int]) -> bool:
        """After these packets, the newest picture's DTS being `dts`: a clock or one of the sounds has gone."""
        if dts is None:
            return False
        if sent.pcrs and sent.pcrs[-1][1] != self._pcr:
            self._pcr, self._pcr_at = sent.pcrs[-1][1], dts
            lead = pcr_difference(dts * PCR_PER_CLOCK, self._pcr)
            self.pcr_lead = lead if 0 < lead < LONGEST_LEAD else self.pcr_lead
        if self._began_at is None:
            self._began_at = dts
        for sound in sent.sounds:
            self.heard[sound.pid] = dts
        if self._pcr_at is None:
            return False
        self.gone = [pid for pid in sounds if pid in self.heard and difference(dts, self.heard[pid]) > PATIENCE]
        main = next(iter(sounds), None)
        if main is not None and main not in self.heard and difference(dts, self._began_at) > BEGINNING:
            # Announced and never sent: browsers would wait for it for ever.
            self.heard[main] = self._began_at
            return True
        return bool(self.gone) or difference(dts, self._pcr_at) > PATIENCE
