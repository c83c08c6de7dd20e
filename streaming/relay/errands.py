"""What blocks runs here: opening and closing upstreams, each in a thread of its own, the outcome handed to the loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from restreamer.lib.errors import RestreamerError
from streaming.relay.loop import TickLoop

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: So many work at the same time. More that want to wait this long, then go on all the same: those before them hang on a
#: provider and need no processor. A hundred that start at once would keep the loop from its turns for a second.
AT_ONCE = 8
PATIENCE_S = 0.5


class Errands:
    """Runs blocking calls beside the loop."""

    def __init__(self, loop: TickLoop) -> None:
        self._loop = loop
        self._threads: set[threading.Thread] = set()
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def run(
        self, name: str, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[RestreamerError], None]
    ) -> None:
        """Call `work` in a thread, then `done` with its result, or `failed` with its error, in the loop."""

        def errand() -> None:
            turn = self._turns.acquire(timeout=PATIENCE_S)
            try:
                result = work()
            except RestreamerError as err:
                self._loop.call(failed, err)
            except Exception as err:
                # The boundary of the thread: a defect in an opener must end its relay with a reason, not leave
                # viewers waiting for a thread that is gone.
                logger.exception("%s failed", name)
                self._loop.call(failed, RestreamerError(f"{name}: {err}"))
            else:
                self._loop.call(done, result)
            finally:
                if turn:
                    self._turns.release()
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=errand, name=name, daemon=True)
        self._threads.add(thread)
        thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for what is under way; False when something is still blocked after `timeout_s` altogether."""
        until = self._loop.clock() + timeout_s
        for thread in list(self._threads):
            thread.join(max(0.0, until - self._loop.clock()))
        return not any(thread.is_alive() for thread in self._threads)
