"""The process that does background jobs: RQ's worker with our patience."""

from __future__ import annotations

from typing import Any

from rq import Worker

from restreamer.parent_death import die_with


class RestreamerWorker(Worker):  # type: ignore[misc] # rq's types are not followed, see pyproject.toml
    """Looks after lost jobs every half minute, and leaves no job running without it.

    With RQ's own figures (10 minutes, 420 s) a job that was on its way when a worker was killed came back
    after 704 s; with these after about one minute.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("maintenance_interval", 30)
        kwargs.setdefault("worker_ttl", 45)
        super().__init__(*args, **kwargs)

    def setup_work_horse_signals(self) -> None:
        """In the forked process that runs one job."""
        super().setup_work_horse_signals()
        die_with(self.pid)
