"""What reaches the error log of pages."""

from __future__ import annotations

import logging
import sys

import pytest

from restreamer.lib.refusals import Brief, NotRefusals


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


def test_what_is_suspicious_is_one_line_and_what_is_our_fault_is_told_whole():
    made = record(400, raised=True)
    made.name, made.msg = "django.security.DisallowedHost", "Invalid HTTP_HOST header: " + "a" * 5000
    assert Brief().filter(made)
    assert (made.exc_info, len(made.getMessage())) == (None, 200)
    ours = record(500, raised=True)
    assert Brief().filter(ours)
    assert ours.exc_info
