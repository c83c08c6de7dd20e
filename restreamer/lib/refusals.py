"""Keeps refusals to players out of the error log: a 503 that we meant is no fault of ours."""

from __future__ import annotations

import logging


class NotRefusals(logging.Filter):
    """Drops Django's line about a 5xx answer that no exception caused; our own views have said why."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info) or getattr(record, "status_code", 500) != 503
