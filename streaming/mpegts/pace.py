"""The output's own PCR: it follows the source's, rises always, and stays below the DTS it leads to."""

from __future__ import annotations

from streaming.mpegts.packets import PCR_HZ, PCR_MODULUS, pcr_difference

#: Behind its place the PCR runs at twice the pace until it is there, ahead of it at a quarter.
FASTEST = 2
SLOWEST_PART = 4
#: Steps of the source up to this are taken as they are.
FREE_STEP = PCR_HZ // 2
#: Distance kept from the DTS.
MARGIN = PCR_HZ // 1000


class Pace:
    """Turns a source's PCRs, already shifted by its offset, into the output's."""

    def __init__(self, last: int | None) -> None:
        #: The newest PCR of the output.
        self.last = last
        self._nominal: int | None = None

    def stamp(self, nominal: int, ceiling: int | None) -> int:
        """The PCR to write where the source means `nominal`; `ceiling` is the newest DTS × 300.

        Two sources seldom lead their pictures by the same time. A PCR that would go back stands nearly still instead
        until the source has caught up; one that would leap catches up at twice the pace.
        """
        step = 0 if self._nominal is None else pcr_difference(nominal, self._nominal)
        self._nominal = nominal
        out = nominal
        if self.last is not None:
            step = min(max(step, 0), PCR_HZ)
            low = self.last + max(step // SLOWEST_PART, 1)
            high = self.last + max(step * FASTEST, FREE_STEP)
            ahead = pcr_difference(nominal, low)
            out = low if ahead < 0 else low + min(ahead, high - low)
        if ceiling is not None:
            over = pcr_difference(out, ceiling - MARGIN)
            if over > 0:
                out -= over
                if self.last is not None and pcr_difference(out, self.last) <= 0:
                    out = self.last + 1
        self.last = out % PCR_MODULUS
        return self.last
