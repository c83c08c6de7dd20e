"""Keeps refusals out of the error log: neither a 503 that we meant nor a request without sense is a fault of ours."""

from __future__ import annotations

import logging


class NotRefusals(logging.Filter):
    """Drops Django's line about a 5xx answer that no exception caused; our own views have said why."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info) or getattr(record, "status_code", 500) != 503


class Brief(logging.Filter):
    """Leaves one line of what Django calls suspicious: anybody can send as many of those as he likes."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
            record.msg, record.args = record.getMessage()[:200], ()
        return True
