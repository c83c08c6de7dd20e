"""Journals of what runs, in Redis."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, connection_to
from streaming.faults import Fault
from streaming.journal.live import Journal, close_dead
from streaming.journal.notes import Kind, Note, Run
from streaming.relay import endings
from streaming.relay.checkup import Measurement
from streaming.relay.seams import SessionFacts
from streaming.session_book import SessionBook

OWNER = "node1:relay"
RUN = Run("r1", "channel:1", "News", 1000.0)
FACTS = SessionFacts("s1", "channel:1", 1, "anna", "News", "192.0.2.1", "VLC", 1000.0, 42, 1.5, "r1")


class Wall:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1010.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def journal(redis: Redis, wall: Wall) -> Journal:
    return Journal(redis, OWNER, wall=wall)


def open_viewings(redis: Redis) -> dict[str, dict[str, Any]]:
    return {key.decode(): json.loads(raw) for key, raw in redis.hgetall(redis_keys.open_viewings(OWNER)).items()}


def ended(redis: Redis) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in redis.lrange(redis_keys.JOURNAL_ENDED, 0, -1)]


def plays(at: float = 1001.0) -> Note:
    return Note(at, Kind.PLAYS, "Sofa")


def test_a_running_viewing_and_its_relay_stand_in_redis(journal: Journal, redis: Redis) -> None:
    journal.noted(RUN, plays())
    journal.write([FACTS])
    document = open_viewings(redis)["s1"]
    assert (document["viewer_name"], document["run"], document["bytes_out"]) == ("anna", "r1", 42)
    run = json.loads(redis.hget(redis_keys.open_runs(OWNER), "r1"))
    assert run["notes"] == [[1001.0, "plays", "Sofa", "", 0.0]]


def test_bytes_alone_are_written_once_a_minute(journal: Journal, redis: Redis, wall: Wall) -> None:
    journal.write([FACTS])
    wall.now += 30
    journal.write([replace(FACTS, bytes_out=99)])
    assert open_viewings(redis)["s1"]["bytes_out"] == 42
    wall.now += 31
    journal.write([replace(FACTS, bytes_out=100)])
    assert open_viewings(redis)["s1"]["bytes_out"] == 100


def test_a_player_that_reads_slowly_and_catches_up_is_noted_once_each(
    journal: Journal, redis: Redis, wall: Wall
) -> None:
    for lag_s in (2.0, 16.0, 20.0, 12.0, 9.0, 3.0):
        journal.write([replace(FACTS, lag_s=lag_s)])
    kinds = [row[1] for row in open_viewings(redis)["s1"]["notes"]]
    assert kinds == ["picture", "slow", "slow"]


def test_a_viewing_that_ended_is_handed_over_with_its_sentence(journal: Journal, redis: Redis, wall: Wall) -> None:
    journal.noted(RUN, plays())
    journal.noted(RUN, Note(1005.0, Kind.FAULT, "Sofa: broke", str(Fault.RESET)))
    journal.write([FACTS])
    journal.ended(FACTS, endings.LEFT)
    journal.write()
    assert open_viewings(redis) == {}
    (document,) = ended(redis)
    assert (document["end"], document["faults"], document["ended_at"]) == ("left", 1, 1010.0)
    assert document["sentence"].startswith("anna watched News for 10 s from Sofa; after 5 s the connection to the prov")


def test_a_closed_relay_is_handed_over_and_serves_late_viewings(journal: Journal, redis: Redis) -> None:
    journal.noted(RUN, plays())
    journal.noted(RUN, Note(1009.0, Kind.CLOSED, "all closed"))
    journal.ended(FACTS, endings.RESTART)
    journal.write()
    run, viewing = ended(redis)
    assert (run["kind"], run["ended_at"], viewing["kind"]) == ("run", 1009.0, "viewing")
    assert "from Sofa" in viewing["sentence"]
    assert redis.hlen(redis_keys.open_runs(OWNER)) == 0


def test_a_flapping_channel_fills_neither_memory_nor_redis(journal: Journal, redis: Redis) -> None:
    for number in range(5_000):
        journal.noted(RUN, Note(1000.0 + number, Kind.FAULT, "Sofa: broke", "reset"))
        if number % 500 == 0:
            journal.write([FACTS])
    journal.write()
    raw = redis.hget(redis_keys.open_runs(OWNER), "r1")
    assert len(raw) < 20_000
    assert json.loads(raw)["left_out"] == 4_800


def test_slates_have_no_journal(journal: Journal, redis: Redis) -> None:
    slate = replace(FACTS, key="slate:limit_reached")
    journal.noted(replace(RUN, key="slate:limit_reached"), plays())
    journal.write([slate])
    journal.ended(slate, endings.LEFT)
    journal.write()
    assert (open_viewings(redis), ended(redis)) == ({}, [])


def test_what_a_dead_relay_process_served_ended_when_it_was_heard_last(
    journal: Journal, redis: Redis, wall: Wall
) -> None:
    journal.noted(RUN, plays())
    journal.write([FACTS])
    wall.now = 1030
    journal.write()
    assert close_dead(redis, OWNER) == 1
    viewing, run = ended(redis)
    assert (viewing["end"], viewing["ended_at"], run["ended_at"]) == ("died", 1030.0, 1030.0)
    assert viewing["sentence"] == (
        "anna watched News for 30 s from Sofa; it ended because the streaming process stopped unexpectedly."
    )
    assert close_dead(redis, OWNER) == 0


def test_a_new_relay_process_closes_the_journals_of_its_predecessor(redis: Redis) -> None:
    SessionBook(redis, OWNER).beat([], [FACTS])
    SessionBook(redis, OWNER).boot()
    assert [one["end"] for one in ended(redis)] == ["died"]


def test_what_redis_does_not_take_now_is_written_later(
    redis: Redis, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = connection_to("redis://127.0.0.1:1/0")
    journal = Journal(nowhere, OWNER, wall=wall)
    journal.noted(RUN, plays())
    journal.measured(Measurement(1, 1000.0, 30.0, 100.0))
    journal.ended(FACTS, endings.LEFT)
    with pytest.raises(RedisUnavailable):
        journal.write()
    monkeypatch.setattr(journal, "_client", redis)
    journal.write()
    assert [one["session_id"] for one in ended(redis)] == ["s1"]
    assert redis.llen(redis_keys.MEASURED) == 1
    assert redis.hexists(redis_keys.open_runs(OWNER), "r1")


def test_a_beat_without_redis_loses_no_journal_and_says_so_quietly() -> None:
    book = SessionBook(connection_to("redis://127.0.0.1:1/0"), OWNER)
    book.ended(FACTS, endings.LEFT)
    assert book.beat([], []) == []
    book.finish()
