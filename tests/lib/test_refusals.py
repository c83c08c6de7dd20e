"""What reaches the error log of pages."""

from __future__ import annotations

import logging
import sys

import pytest

from restreamer.lib.refusals import NotRefusals


def record(status, *, raised=False):
    try:
        raise ValueError if raised else StopIteration
    except (ValueError, StopIteration):
        info = sys.exc_info() if raised else None
    made = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "Service Unavailable", (), info)
    if status:
        made.status_code = status
    return made


@pytest.mark.parametrize(
    ("made", "kept"),
    [(record(503), False), (record(503, raised=True), True), (record(500), True), (record(None), True)],
)
def test_a_meant_503_is_no_error_of_ours(made, kept):
    assert NotRefusals().filter(made) is kept
