"""Houses for the tests of providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from redis import Redis

from tests.fakes.xtream_panel import Line, XtreamPanel
from tests.portals.providers.xtream_house import NOW, House


@pytest.fixture
def xtream_house(db: None, redis: Redis) -> Iterator[Callable[..., House]]:
    """Builds houses: `xtream_house(Line(...), …, portal={fields}, **options of the panel)`."""
    with ExitStack() as stack:

        def build(*lines: Line, portal: dict[str, Any] | None = None, **options: Any) -> House:
            panel = stack.enter_context(XtreamPanel(*lines, clock=lambda: NOW, **options))
            return House(panel, redis, **(portal or {}))

        yield build
