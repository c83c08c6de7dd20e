"""From Redis to SQL, to pages and to the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone
from redis import Redis

from restreamer.lib import redis_keys
from streaming.journal import keeping
from streaming.journal.live import Journal
from streaming.journal.notes import Kind, Note, Run
from streaming.journal.rows import PlaySession, RelayRun
from streaming.relay import endings
from streaming.relay.seams import SessionFacts
from tests.factories import ChannelFactory, ViewerFactory

pytestmark = pytest.mark.django_db

OWNER = "node1:relay"


@pytest.fixture
def began() -> float:
    """A minute ago."""
    return timezone.now().timestamp() - 60


@pytest.fixture
def facts(began: float, redis: Redis) -> SessionFacts:
    """The viewer `anna` watches a channel."""
    channel, viewer = ChannelFactory(name="News"), ViewerFactory(name="anna")
    return SessionFacts(
        "s1", f"channel:{channel.pk}", viewer.pk, "anna", "News", "192.0.2.1", "<b>VLC</b>", began, 5_000_000, 1.0, "r1"
    )


@pytest.fixture
def journal(redis: Redis, facts: SessionFacts, began: float) -> Journal:
    """Of a relay that failed once."""
    journal = Journal(redis, OWNER)
    run = Run("r1", facts.key, "News", began)
    for note in (
        Note(began - 3, Kind.TRY, "tries Sofa: the first in order"),
        Note(began - 2, Kind.PLAYS, "Sofa"),
        Note(began + 20, Kind.FAULT, "Sofa: the connection to the provider broke", "reset"),
        Note(began + 21, Kind.PLAYS, "Attic"),
        Note(began + 21.5, Kind.SEAM, "Attic", "", 1.5),
    ):
        journal.noted(run, note)
    journal.write([facts])
    return journal


def close(journal: Journal, facts: SessionFacts) -> None:
    journal.ended(facts, endings.LEFT)
    at = timezone.now().timestamp() + 1
    journal.noted(Run("r1", facts.key, "News", 0), Note(at, Kind.CLOSED, "all closed"))
    journal.write()


def test_a_viewing_has_a_row_from_its_first_seconds_to_its_end(journal: Journal, facts: SessionFacts) -> None:
    assert keeping.keep().begun == 1
    row = PlaySession.objects.get()
    assert (row.viewer.name, row.channel.name, row.ended_at, row.end) == ("anna", "News", None, "")
    close(journal, facts)
    assert keeping.keep().stored == 2
    row.refresh_from_db()
    assert (row.end, row.faults, row.bytes_out) == ("left", 1, 5_000_000)
    assert row.sentence == (
        "anna watched News for 60 s from Sofa; after 20 s the connection to the provider broke, and it went on after "
        "a pause of 1.5 s with Attic; the viewer ended it."
    )
    assert RelayRun.objects.get().ended_at is not None
    assert keeping.keep() == keeping.Kept()


def test_rows_of_people_and_channels_that_are_gone_are_kept_without_them(journal: Journal, facts: SessionFacts) -> None:
    close(journal, replace(facts, viewer_id=987654, key="channel:987654"))
    keeping.keep()
    row = PlaySession.objects.get()
    assert (row.viewer, row.channel, row.viewer_name, row.title) == (None, None, "anna", "News")


def test_what_the_database_does_not_take_stays_in_redis(
    journal: Journal, facts: SessionFacts, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(journal, facts)

    def full(documents: object) -> None:
        raise DatabaseError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "_store", full)
        with pytest.raises(DatabaseError):
            keeping.keep()
    assert redis.llen(redis_keys.JOURNAL_ENDED) == 2
    assert keeping.keep().stored == 2


def test_a_relay_that_died_is_closed_by_the_clock(journal: Journal, facts: SessionFacts) -> None:
    keeping.keep()
    keeping.keep(now=timezone.now() + timedelta(seconds=keeping.DEAD_S + 1))
    row = PlaySession.objects.get()
    assert (row.end, "stopped unexpectedly" in row.sentence, row.faults) == ("died", True, 1)


def test_what_redis_has_forgotten_is_closed_after_a_while(journal: Journal, redis: Redis) -> None:
    keeping.keep()
    redis.flushdb()
    keeping.keep()
    assert PlaySession.objects.get().end == ""
    assert keeping.keep(now=timezone.now() + timedelta(seconds=keeping.UNHEARD_S)).closed == 1
    assert PlaySession.objects.get().end == "died"


def test_one_process_stores_at_a_time(journal: Journal, redis: Redis) -> None:
    with keeping.only_one(redis) as alone:
        assert alone
        assert keeping.keep() == keeping.Kept()
    assert keeping.keep().begun == 1


def old_row(number: int, days: float, **fields: object) -> PlaySession:
    at = datetime(2026, 6, 1, tzinfo=UTC) - timedelta(days=days)
    usual = {"viewer_name": "anna", "title": "News", "started_at": at, "ended_at": at + timedelta(minutes=5)}
    return PlaySession.objects.create(session_id=f"old{number}", **{**usual, "end": "left", **fields})


def test_journals_are_forgotten_by_age_and_by_number(settings) -> None:
    for number in range(6):
        old_row(number, days=number * 10)
    old_row(99, days=50, ended_at=None, end="")
    settings.JOURNAL_DAYS, settings.JOURNAL_MOST = 35, 0
    assert keeping.forget_old(datetime(2026, 6, 1, tzinfo=UTC)) == 2
    settings.JOURNAL_DAYS, settings.JOURNAL_MOST = 0, 2
    assert keeping.forget_old(datetime(2026, 6, 1, tzinfo=UTC)) == 2
    assert set(PlaySession.objects.values_list("session_id", flat=True)) == {"old0", "old1", "old99"}


# --- pages ----------------------------------------------------------------------------------------------------------


def test_the_page_of_a_running_viewing_tells_it_live(admin_client, journal: Journal, facts: SessionFacts) -> None:
    answer = admin_client.get(reverse("now_journal", args=["s1"]), follow=True)
    text = answer.content.decode()
    assert "anna has watched News for 60 s from Sofa; after 20 s the connection to the provider broke" in text
    assert "goes on with Attic after 1.50 s" in text
    assert "the first picture has come" in text


def test_the_page_of_a_past_viewing_tells_it_whole(admin_client, journal: Journal, facts: SessionFacts) -> None:
    close(journal, facts)
    listing = admin_client.get(reverse("admin:streaming_playsession_changelist")).content.decode()
    assert "after 20 s the connection to the provider broke" in listing
    page = reverse("admin:streaming_playsession_change", args=[PlaySession.objects.get().pk])
    text = admin_client.get(page).content.decode()
    assert "tries Sofa: the first in order" in text
    assert "the viewer left" in text
    assert "(&#x27;left&#x27;" not in text
    assert "<b>VLC</b>" not in text


def test_a_viewing_nobody_has_written_of_yet_says_so(admin_client, redis: Redis) -> None:
    text = admin_client.get(reverse("now_journal", args=["s9"]), follow=True).content.decode()
    assert "Nothing is written of that viewing yet" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [("state=running", 1), ("state=over", 2), ("state=troubled", 1), ("end__exact=left", 2), ("q=anna", 3)],
)
def test_the_list_is_filtered(admin_client, redis: Redis, query: str, found: int) -> None:
    old_row(1, 1, faults=2)
    old_row(2, 2)
    old_row(3, 3, ended_at=None, end="", started_at=timezone.now())
    page = admin_client.get(reverse("admin:streaming_playsession_changelist") + f"?{query}")
    assert len(page.context["cl"].result_list) == found


# --- the command line -----------------------------------------------------------------------------------------------


def as_json(*words: str):
    out = StringIO()
    call_command("sessions", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_command_lists_and_shows(journal: Journal, facts: SessionFacts) -> None:
    assert [row["end"] for row in as_json("list")] == ["running"]
    close(journal, facts)
    shown = as_json("show", "s1")
    assert shown["end"] == "left"
    assert [line["kind"] for line in shown["journal"]] == [
        "try", "plays", "fault", "plays", "seam", "picture", "ends", "closed",
    ]  # fmt: skip
    out = StringIO()
    call_command("sessions", "show", "s1", stdout=out)
    assert out.getvalue().startswith("anna watched News for 60 s from Sofa;")


def test_the_command_chooses(redis: Redis) -> None:
    channel = ChannelFactory(name="News")
    old_row(1, 0, channel=channel)
    old_row(2, 0, viewer_name="bert", title="Sport", started_at=timezone.now() - timedelta(hours=1))

    def ids(*words: str) -> list[str]:
        return [row["id"] for row in as_json("list", *words)]

    assert ids("--viewer", "bert") == ["old2"]
    assert ids("--channel", str(channel.pk)) == ["old1"]
    assert ids("--channel", "sport") == ["old2"]
    assert ids("--since", "2h") == ["old2"]
    assert len(ids("--since", "2020-01-31")) == 2
    assert ids("--end", "running") == []
    assert len(ids("--limit", "1")) == 1


def test_wrong_words_are_told(redis: Redis) -> None:
    with pytest.raises(CommandError, match="no such viewing"):
        call_command("sessions", "show", "s9")
    with pytest.raises(CommandError, match="is no moment"):
        call_command("sessions", "list", "--since", "yesterday")
