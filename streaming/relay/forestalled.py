"""Viewings that are to end before they have begun: a view has admitted them, and their ticket is still on its way.

Who is let in instead counts on it that they do not play.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from streaming.relay import endings
from streaming.relay.seams import Command

#: From the view's admission to its ticket, a busy machine included.
REMEMBER_S = 20.0
_MOST = 10_000


class Forestalled:
    """Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: Session id -> (until when, why).
        self._asked: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def remember(self, command: Command) -> None:
        """Nobody here had such a viewing. Other commands than `stop` are of no interest."""
        if command.name != "stop":
            return
        session_id, reason = (str(command.arguments.get(name, "")) for name in ("session_id", "reason"))
        with self._lock:
            self._asked[session_id] = self._clock() + REMEMBER_S, reason or endings.BY_HAND
            self._asked.move_to_end(session_id)
            if len(self._asked) > _MOST:
                self._asked.popitem(last=False)

    def taken(self, session_id: str) -> str:
        """Its ticket is here: why it must end at once, "" = it may play. Asked once: a player may come back."""
        with self._lock:
            until, reason = self._asked.pop(session_id, (0.0, ""))
        return reason if until > self._clock() else ""
