"""Real players watch for as long as people would: minutes, so only when they are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_LONG = {"test_players.py", "test_hls_players.py", "test_movies.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what plays, unless TEST_PLAYERS=1."""
    if os.environ.get("TEST_PLAYERS") == "1":
        return
    skip = pytest.mark.skip(reason="real players take minutes: TEST_PLAYERS=1 asks for them")
    for item in items:
        if item.path.parent == HERE and item.path.name in _LONG:
            item.add_marker(skip)
