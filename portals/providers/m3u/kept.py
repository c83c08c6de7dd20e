"""One download for the live channels and for the movies of a portal: what one refresh fetched is kept for the other.

A kept list is taken once, by the kind of refresh it was kept for, and only while it is fresh; so a second click on
"Refresh now" asks the provider again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

from django.conf import settings

from portals.models import Portal

#: Who reads a list.
Reader = Literal["live", "vod"]

#: Older lists are no longer the same cycle's.
_FRESH_S = 600
_ASK_AGAIN_S = 0.2


class KeptList:
    """What is kept of one portal, in files that several processes of one machine share."""

    def __init__(self, portal: Portal, clock: Callable[[], float] = time.time) -> None:
        self._folder: Path = settings.RESTREAMER_DATA / "downloads"
        self._name = f"portal-{portal.pk}"
        self._address = portal.address
        self._clock = clock

    @contextlib.contextmanager
    def turn(self, waiting: Callable[[], None]) -> Iterator[None]:
        """One download of a portal at a time: who comes second finds what the first one kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{self._name}.lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    waiting()
                    time.sleep(_ASK_AGAIN_S)
            yield

    def keep(self, reader: Reader, body: IO[bytes], facts: dict[str, Any]) -> None:
        """Keep the list for that reader. `body` is an open file with a name of its own nobody else uses."""
        self._forget_old()
        path = self._path(reader)
        Path(body.name).replace(path)
        told = {**facts, "address": self._address, "at": self._clock()}
        path.with_suffix(".json").write_text(json.dumps(told))

    def take(self, reader: Reader) -> tuple[IO[bytes], dict[str, Any]] | None:
        """The list that was kept for this reader, if it is fresh and of this address; it is kept no longer."""
        path = self._path(reader)
        try:
            facts = json.loads(path.with_suffix(".json").read_text())
            body = path.open("rb")
        except (OSError, ValueError):
            return None
        finally:
            path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        if facts["address"] != self._address or not 0 <= self._clock() - facts["at"] < _FRESH_S:
            body.close()
            return None
        return body, facts

    def place(self) -> Path:
        """A folder for a download that may be kept."""
        return self._folder

    def _path(self, reader: Reader) -> Path:
        return self._folder / f"{self._name}-{reader}.list"

    def _forget_old(self) -> None:
        """Lists nobody came for, of any portal, and what a dead process left."""
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if path.suffix != ".lock" and path.stat().st_mtime < time.time() - 6 * _FRESH_S:
                    path.unlink()
