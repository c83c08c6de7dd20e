"""Refreshing from the command line: watching it, stopping it."""

from __future__ import annotations

import pytest

from channels.models import Stream
from portals import runs
from portals.models import Run, RunKind, RunState
from portals.providers.records import StreamRecord
from tests.commands.test_commands import as_json, said
from tests.factories import PortalFactory, StreamFactory

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
    monkeypatch.setattr("vod.refresh.vod_provider_for", lambda portal: Listed())


def test_a_watched_refresh_tells_each_step_and_then_the_result(listing):
    PortalFactory(name="Mine")
    lines = said("portal", "refresh", "Mine", "--watch").splitlines()
    assert lines[0].startswith("Mine: reading the")
    assert "Mine: comparing with what is stored" in lines
    assert lines[-2].startswith("Mine: refreshed in ")
    assert lines[-1].endswith("it lists none.")


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


def test_a_difference_is_told_and_nothing_is_changed(listing):
    portal = PortalFactory(name="Mine")
    as_json("portal", "refresh", "Mine")
    Stream.objects.filter(provider_id="1").update(name="Channel One", fingerprint="")
    Stream.objects.filter(provider_id="2").delete()
    StreamFactory(portal=portal, provider_id="9", name="Old")
    before = list(Stream.objects.values())
    text = said("portal", "diff", "Mine")
    assert text.splitlines()[0] == (
        "Mine, live channels: 3 total, 1 new, 1 changed, 1 renamed, 1 unchanged, 1 gone. Nothing was changed."
    )
    assert text.splitlines()[-1] == "Mine, movies and series: it lists none. Nothing was changed."
    assert "  renamed:\n    Channel One → Channel 1\n" in text
    assert "  gone:\n    Old\n" in text
    assert as_json("portal", "diff", "Mine")[0]["report"]["new"] == [["Channel 2"]]
    assert list(Stream.objects.values()) == before
    assert Run.objects.filter(kind=RunKind.LIVE).count() == 1


def test_a_difference_says_when_a_refresh_would_wait(listing):
    portal = PortalFactory(name="Mine")
    for n in range(30):
        StreamFactory(portal=portal, provider_id=f"old{n}", name=f"Old {n}")
    assert "A refresh would wait for you" in said("portal", "diff", "Mine", "--most", "2")
    assert "… and 28 more" in said("portal", "diff", "Mine", "--most", "2")


def test_stats_count_what_there_is(listing):
    PortalFactory(name="Mine", enable_new=True)
    as_json("portal", "refresh", "Mine")
    document = as_json("catalogue", "stats")
    assert document["channels"]["shown"] == 3
    assert document["guide"]["shown_channels_without"] == 3
    assert (document["portals"][0]["offered"], document["portals"][0]["shown"]) == (3, 3)
    assert "channels: 3 channels, 3 shown" in said("catalogue", "stats")


def test_stats_ask_a_constant_number_of_questions(listing, django_assert_max_num_queries):
    for n in range(4):
        PortalFactory(name=f"P{n}")
    with django_assert_max_num_queries(30):
        said("catalogue", "stats")
