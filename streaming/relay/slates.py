"""Slates kept in a folder: given at once when they are there, made beside the loop when not."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from restreamer.lib.errors import RestreamerError
from streaming.ffmpeg.process import ChildProcess
from streaming.mpegts.slate import Slate
from streaming.mpegts.slatemaking import SECONDS, TEXTS, SlateFormat, command, picture

logger = logging.getLogger(__name__)

#: One slate may take so long to be made: the machine may be busy.
MAKE_S = 180.0
#: After a failure it is tried again so much later: somebody may have installed an ffmpeg.
AGAIN_AFTER_S = 300.0
#: Changes when the same text and format would be made in another way.
_MAKING = "1"


class NoSlate(RestreamerError):
    """This slate cannot be made."""


class SlateShelf:
    """Implements `streaming.relay.seams.Slates`. `find` may be called from any thread; it never blocks.

    One slate is made at a time, in a thread that ends when there is none left to make. `ffmpeg` says which program to
    run; it may raise RestreamerError.
    """

    def __init__(
        self, folder: Path, ffmpeg: Callable[[], Path], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._ffmpeg = ffmpeg
        self._clock = clock
        self._lock = threading.Lock()
        self._ready: dict[Path, bytes] = {}
        self._wanted: deque[tuple[Path, str, SlateFormat]] = deque()
        self._failed: dict[Path, tuple[float, NoSlate]] = {}
        self._thread: threading.Thread | None = None
        self._child: ChildProcess | None = None
        self._closed = False

    def find(self, name: str, form: SlateFormat | None) -> bytes:
        """The slate of `slatemaking.TEXTS`, or b"" while it is being made. Raises NoSlate.

        `form` None: one of a format that is not made.
        """
        if form is None:
            raise NoSlate("slates are not made for the codecs of this channel")
        path = path_of(self._folder, name, form)
        with self._lock:
            if path in self._ready:
                return self._ready[path]
            if path in self._failed:
                failed_at, error = self._failed[path]
                if self._clock() - failed_at < AGAIN_AFTER_S:
                    raise error
                del self._failed[path]
            self._want(path, name, form)
        return b""

    def close(self) -> None:
        """Make no more; returns when nothing is being made."""
        with self._lock:
            self._closed = True
            self._wanted.clear()
            child, thread = self._child, self._thread
        if child is not None:
            child.stop()
        if thread is not None:
            thread.join()

    def _want(self, path: Path, name: str, form: SlateFormat) -> None:
        if self._closed or any(path == other for other, _, _ in self._wanted):
            return
        self._wanted.append((path, name, form))
        if self._thread is None:
            self._thread = threading.Thread(target=self._make_all, name="slates", daemon=True)
            self._thread.start()

    # --- in the thread ------------------------------------------------------------------------------------------

    def _make_all(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                path, name, form = self._wanted[0]
            try:
                data = self._fetch(path, name, form)
            except (RestreamerError, OSError) as err:
                self._note_failure(path, form, err)
            else:
                with self._lock:
                    self._ready[path] = data
            with self._lock:
                if self._wanted:
                    self._wanted.popleft()

    def _note_failure(self, path: Path, form: SlateFormat, err: RestreamerError | OSError) -> None:
        said = err.message if isinstance(err, RestreamerError) else str(err)
        with self._lock:
            self._failed[path] = (self._clock(), NoSlate(f"the slate {form.name} cannot be made: {said}"))
            closed = self._closed
        if not closed:
            logger.warning("The slate %s cannot be made: %s", path.name, said)

    def _fetch(self, path: Path, name: str, form: SlateFormat) -> bytes:
        """From the folder, else made. Raises RestreamerError, OSError."""
        with contextlib.suppress(OSError, RestreamerError):
            return _checked(path)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(self._folder)
        drawn, unfinished = path.with_suffix(f".{os.getpid()}.ppm"), path.with_suffix(f".{os.getpid()}.part")
        try:
            drawn.write_bytes(picture(TEXTS[name], form.width, form.height))
            self._run(_politely(command(str(self._ffmpeg()), form, str(drawn), str(unfinished))))
            data = _checked(unfinished)
            unfinished.replace(path)
        finally:
            drawn.unlink(missing_ok=True)
            unfinished.unlink(missing_ok=True)
        return data

    def _run(self, words: list[str]) -> None:
        """Raises UpstreamError when it does not end well in time."""
        child = ChildProcess(lambda _: words)
        with self._lock:
            self._child = child
            closed = self._closed
        try:
            if not closed:
                _wait(child)
        finally:
            child.stop()
            with self._lock:
                self._child = None


def path_of(folder: Path, name: str, form: SlateFormat) -> Path:
    """Where a slate is kept. Another text is another file."""
    digest = hashlib.sha256(f"{_MAKING} {TEXTS[name]}".encode()).hexdigest()[:8]
    return folder / f"{name}-{form.name}-{digest}.ts"


def _sweep(folder: Path) -> None:
    """Remove what a maker that was killed left half-made."""
    for one in (*folder.glob("*.ppm"), *folder.glob("*.part")):
        if time.time() - one.stat().st_mtime > 2 * MAKE_S:
            one.unlink(missing_ok=True)


def _wait(child: ChildProcess) -> None:
    try:
        while child.read(MAKE_S):
            """It writes into its file; the wait ends when it does."""
    except TimeoutError as err:
        raise child.reason() from err
    if child.last_lines:
        # It says nothing but errors.
        raise child.reason()


def _politely(words: list[str]) -> list[str]:
    """Viewers come first."""
    nice = shutil.which("nice")
    return [nice, "-n", "10", *words] if nice else words


def _checked(path: Path) -> bytes:
    """Raises OSError, BadSlate."""
    data = path.read_bytes()
    if Slate(data, 0.0).duration_s < SECONDS - 0.5:
        raise NoSlate(f"{path.name} is not whole")
    return data
