"""What tests of bytes share: a provider that counts, and the check that nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import leftovers, material
from tests.fakes.upstream import TsOrigin


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Descriptors and threads are back to the start when the test ends. List it before fixtures that own any."""
    with leftovers.none_expected():
        yield


@pytest.fixture
def origin(nothing_left: None) -> Iterator[TsOrigin]:
    """A strict provider of television on loopback; going beyond its limits fails the test."""
    server = TsOrigin(material.ts())
    yield server
    server.close()
    assert server.violations == []
