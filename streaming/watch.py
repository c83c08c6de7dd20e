"""Watches over a blocked opening: renews its lease, and wakes it when nobody waits for it or the lease is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from portals.leases import Lease, Ledger

_LOOK_S = 0.05


class OpeningWatch:
    """A `with` around one blocking call made under a lease.

    `wake` is called at most once, from another thread, and never after the block: when `cancelled` is set, or when the
    lease is lost. It must make the blocked call return soon, or free what nobody needs any more.
    """

    def __init__(self, ledger: Ledger, lease: Lease, cancelled: threading.Event, wake: Callable[[], object]) -> None:
        self.lease_lost = False
        self._ledger = ledger
        self._lease = lease
        self._cancelled = cancelled
        self._wake = wake
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> OpeningWatch:
        threading.Thread(target=self._run, name=f"watch {self._lease.key}", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        with self._lock:
            self._over = True

    def _run(self) -> None:
        renew_every_s = self._ledger.lifetime_s / 4
        renewed_at = time.monotonic()
        while not self._over:
            woken = self._cancelled.wait(_LOOK_S)
            if not woken and time.monotonic() - renewed_at >= renew_every_s:
                renewed_at = time.monotonic()
                woken = bool(self._ledger.renew([self._lease.id]))
            if woken:
                with self._lock:
                    if not self._over:
                        self.lease_lost = not self._cancelled.is_set()
                        self._wake()
                return
