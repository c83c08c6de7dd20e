"""The guide room by itself: no room above tells it of channels unless a test does."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _nobody_tells_of_channels(monkeypatch):
    monkeypatch.setattr("guide.wanted._feeds", [])
