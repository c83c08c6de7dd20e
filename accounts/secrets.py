"""Passwords and PINs of viewers: only hashes are stored, and a player that asks often is not hashed for each time.

Django's password hashes are slow on purpose: a fifth of a second of CPU. Players of the Xtream scheme send name and
password with every request, dozens at a start. A password that was right is therefore remembered for a while, in this
process only, as an HMAC under the installation's secret key; it is forgotten when the stored hash changes.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password

#: So long a right password is not hashed again.
REMEMBER_S = 900.0
#: So many are remembered; the oldest goes first.
REMEMBER_MOST = 2048


@cache
def _nobody() -> str:
    """What a name that nobody has is compared with, so that both answers take as long.

    Made when first needed: each of our programs would begin half a second later, and few of them ask.
    """
    return make_password("nobody's password")


class RightPasswords:
    """Which passwords were right a moment ago. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, password: str, stored: str) -> bool:
        """Is this the password that was stored as this hash? An empty hash matches nothing, as slowly as any other."""
        key = hmac.new(settings.SECRET_KEY.encode(), f"{stored}\0{password}".encode(errors="replace"), hashlib.sha256)
        digest = key.digest()
        with self._lock:
            if self._until.get(digest, 0.0) > self._clock():
                return True
        if not check_password(password, stored or _nobody()) or not stored:
            return False
        with self._lock:
            self._until[digest] = self._clock() + REMEMBER_S
            self._until.move_to_end(digest)
            while len(self._until) > REMEMBER_MOST:
                self._until.popitem(last=False)
        return True


right_passwords = RightPasswords()
