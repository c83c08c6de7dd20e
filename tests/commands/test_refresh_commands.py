"""Refreshing from the command line: watching it, stopping it."""

from __future__ import annotations

import pytest

from portals import runs
from portals.models import RunKind, RunState
from portals.providers.records import StreamRecord
from tests.commands.test_commands import as_json, said
from tests.factories import PortalFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listing(monkeypatch):
    """A portal that lists three channels, without a network."""

    class Listed:
        def live_genres(self):
            return []

        def live_streams(self, progress):
            yield from (StreamRecord(str(n), f"Channel {n}") for n in range(3))

    monkeypatch.setattr("channels.refresh.provider_for", lambda portal: Listed())


def test_a_watched_refresh_tells_each_step_and_then_the_result(listing):
    PortalFactory(name="Mine")
    lines = said("portal", "refresh", "Mine", "--watch").splitlines()
    assert lines[0].startswith("Mine: reading the")
    assert "Mine: comparing with what is stored" in lines
    assert lines[-1].startswith("Mine: refreshed in ")


def test_watching_does_not_disturb_json(listing):
    PortalFactory(name="Mine")
    assert as_json("portal", "refresh", "Mine", "--watch")[0]["counts"]["new"] == 3


def test_a_waiting_refresh_is_stopped():
    portal = PortalFactory(name="Mine")
    run = runs.begin(portal, RunKind.LIVE, "timer")
    assert "Mine: live channels: stopped." in said("portal", "cancel", "Mine")
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert said("portal", "cancel") == "There is nothing to stop.\n"
