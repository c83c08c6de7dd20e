"""After a test all must be as before: descriptors, threads, children, memory files and what is mapped of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from restreamer.lib.redis_client import connection

#: Threads that live as long as the process: asgiref's one pool thread, and the one that starts children.
LIFELONG = ("ThreadPoolExecutor", "spawner")


def descriptors() -> dict[int, str]:
    """Open descriptors of this process and what they are."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except OSError:
            continue
    return found


def _interesting(found: dict[int, str]) -> dict[int, str]:
    kinds = ("socket:", "/memfd:", "anon_inode:[event", "pipe:")
    return {fd: what for fd, what in found.items() if what.startswith(kinds)}


def mapped() -> int:
    """Memory files of rings that are mapped into this process."""
    return Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").count("/memfd:restreamer")


def children() -> set[int]:
    """Processes this one has started and not reaped, zombies too."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            found.update(int(pid) for pid in (task / "children").read_text().split())
        except OSError:
            continue
    return found


def _hang_up() -> None:
    """The process's own Redis client keeps as many connections as threads once wrote at a time."""
    connection().connection_pool.disconnect()


@contextmanager
def none_expected(within_s: float = 10.0) -> Iterator[None]:
    """Fails when the block leaves descriptors, threads, children or mapped memory files behind."""
    _hang_up()
    fds, threads = _interesting(descriptors()), set(threading.enumerate())
    born, maps = children(), mapped()
    yield
    _hang_up()
    until = time.monotonic() + within_s
    while True:
        more = {fd: what for fd, what in _interesting(descriptors()).items() if fds.get(fd) != what}
        new = [t for t in threading.enumerate() if t not in threads and not t.name.startswith(LIFELONG)]
        alive = [t.name for t in new if t.is_alive()]
        orphans, memory = children() - born, mapped() - maps
        if not more and not alive and not orphans and memory <= 0:
            return
        if time.monotonic() > until:
            raise AssertionError(
                f"left behind: descriptors {more}, threads {alive}, children {orphans}, mapped memory files {memory}"
            )
        time.sleep(0.02)
