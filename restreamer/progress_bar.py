"""A run's progress on the command line: a bar that redraws itself on a terminal, a line now and then on a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable

from portals.models import Run

_WIDTH = 24
#: A pipe is a log: a line for each step, and one every so often in between.
_LINE_EVERY_S = 5.0


class ProgressBar:
    """Shows the rows it is given. `close` leaves the line clean for what is said next.

    `write` writes at once and adds nothing; `redraws` says that it writes to a terminal.
    """

    def __init__(
        self, write: Callable[[str], object], *, redraws: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._redraws = redraws
        self._clock = clock
        self._drawn = 0
        self._step: tuple[int | None, str] | None = None
        self._said_at = 0.0

    def show(self, run: Run) -> None:
        """The row as it stands now."""
        text = self._text(run)
        if self._redraws:
            self._write("\r" + text.ljust(self._drawn))
            self._drawn = len(text)
        elif (run.pk, run.step) != self._step or self._clock() - self._said_at >= _LINE_EVERY_S:
            self._step, self._said_at = (run.pk, run.step), self._clock()
            self._write(text + "\n")

    def close(self) -> None:
        """Wipe the bar."""
        if self._drawn:
            self._write("\r" + " " * self._drawn + "\r")
            self._drawn = 0

    def _text(self, run: Run) -> str:
        name = run.portal.name if run.portal else run.subject
        words = run.progress_words or run.get_state_display()
        if run.percent is None:
            return f"{name}: {words}"
        full = run.percent * _WIDTH // 100
        return f"{name} [{'#' * full}{'.' * (_WIDTH - full)}] {run.percent:3} %  {words}"
