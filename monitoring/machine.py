"""The processes of this installation on this machine: since when, how many, how much memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil


@dataclass(frozen=True, slots=True)
class Installation:
    """All processes below the one that was started. Memory shared between them counts once (PSS) where Linux tells."""

    started_at: datetime
    processes: int
    memory_bytes: int


def installation() -> Installation | None:
    """Of the process that asks; None where the system does not say."""
    try:
        root = _root(psutil.Process(os.getpid()))
        family = [root, *root.children(recursive=True)]
        started = datetime.fromtimestamp(root.create_time(), UTC)
    except psutil.Error:
        return None
    sizes = [size for process in family if (size := _bytes(process)) is not None]
    return Installation(started, len(sizes), sum(sizes))


def _root(process: psutil.Process) -> psutil.Process:
    """The supervisor when there is one, else the first of the web server's processes."""
    chosen = process
    for parent in process.parents():
        words = parent.cmdline()
        if "up" in words and any(word.endswith("manage.py") for word in words):
            return parent
        if any("gunicorn" in word for word in words):
            chosen = parent
    return chosen


def _bytes(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        return _resident(process)
    except psutil.Error:
        return None


def _resident(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return None
