"""The relay under test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.upstream import TsOrigin
from tests.streaming.relay.rig import Rig


@pytest.fixture(autouse=True)
def _all_given_back(nothing_left: None) -> None:
    """After each test here sockets, threads, descriptors and shared memory are back to what they were."""


@pytest.fixture
def rig(origin: TsOrigin, tmp_path: Path) -> Iterator[Rig]:
    """A running relay process whose `channel:1` is the origin's stream `one`. Ends with nothing left behind."""
    origin.pace = 5.0
    with Rig(tmp_path) as running:
        running.opener.urls["channel:1"] = [origin.url("one", "m1")]
        yield running
    assert origin.wait_open(0)
