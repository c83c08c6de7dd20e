"""The failover rule, a row per rule and the properties no row can show."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.failover import (
    BUSY_LADDER_S,
    HALF_LIFE_S,
    LADDER_S,
    Attempt,
    Candidate,
    GiveUp,
    Reason,
    Try,
    Wait,
    decide,
)
from streaming.faults import Fault

A1, A2, A3 = Candidate(1, 1), Candidate(1, 2), Candidate(1, 3)
B1, B2 = Candidate(2, 1), Candidate(2, 2)
C9 = Candidate(3, 9)
B1T = Candidate(2, 1, transcoded=True)
NOW = 1000.0


@dataclass(frozen=True)
class Row:
    """One rule: what is there, what happened, what follows."""

    rule: str
    candidates: list[Candidate]
    expected: object
    faults: list[tuple[float, Candidate, Fault]] = field(default_factory=list)
    full: frozenset[str] = frozenset()
    starting: bool = False
    since: float = NOW - 10
    patience_s: float = 60.0


def ago(seconds: float, candidate: Candidate, fault: Fault = Fault.ENDED) -> tuple[float, Candidate, Fault]:
    return (NOW - seconds, candidate, fault)


TABLE = [
    Row("the first in order is tried first", [A1, A2, B1], Try(A1)),
    Row("nothing offered is given up", [], GiveUp(Reason.NOTHING_OFFERED)),
    Row("the same stream with another subscription comes first", [A1, A2, B1], Try(A2), [ago(0, A1)]),
    Row("then the next stream", [A1, A2, B1], Try(B1), [ago(1, A1), ago(0, A2)]),
    Row(
        "the next subscription of the stream at fault, not of the first stream",
        [A1, B1, B2],
        Try(B2),
        [ago(40, A1), ago(0, B1)],
    ),
    Row("the order wraps to earlier streams", [A1, B1], Try(A1), [ago(40, A1), ago(0, B1)]),
    Row(
        "a stream that failed on two subscriptions is bad itself",
        [A1, A2, A3, C9],
        Try(C9),
        [ago(1, A1, Fault.NOT_FOUND), ago(0, A2, Fault.SILENT)],
    ),
    Row(
        "a bad stream's other subscriptions come after the others",
        [A1, A2, A3, C9],
        Try(A3),
        [ago(2, A1), ago(1, A2), ago(0, C9)],
    ),
    Row(
        "also one that was refused on two",
        [A1, A2, A3, C9],
        Try(C9),
        [ago(1, A1, Fault.REFUSED), ago(0, A2, Fault.REFUSED)],
    ),
    Row(
        "a stream of other codecs is followed by an equal one",
        [A1, B1, C9, B1T],
        Try(C9),
        [ago(1, A1), ago(0, B1, Fault.OTHER_CODEC)],
    ),
    Row(
        "then it is offered transcoded",
        [A1, B1, B1T],
        Try(B1T),
        [ago(1, A1), ago(0, B1, Fault.OTHER_CODEC)],
    ),
    Row(
        "without a transcode the one that failed is asked once more",
        [A1, B1],
        Wait(LADDER_S[0], Reason.ALL_FAILED),
        [ago(1, A1), ago(0, B1, Fault.OTHER_CODEC)],
    ),
    Row(
        "and it, not the one of other codecs",
        [A1, B1],
        Try(A1),
        [ago(2, A1), ago(1, B1, Fault.OTHER_CODEC)],
    ),
    Row(
        "then viewers are let go, to come back and get what is there",
        [A1, B1],
        GiveUp(Reason.OTHER_CODEC),
        [ago(2, A1), ago(1, B1, Fault.OTHER_CODEC), ago(0, A1)],
    ),
    Row(
        "also when the transcode failed",
        [A1, B1, B1T],
        GiveUp(Reason.OTHER_CODEC),
        [ago(3, A1), ago(2, B1, Fault.OTHER_CODEC), ago(1, B1T), ago(0, A1)],
    ),
    Row(
        "a start begins with whatever codecs there are",
        [B1],
        Try(B1),
        [ago(1, B1, Fault.OTHER_CODEC)],
        starting=True,
        since=NOW,
    ),
    Row(
        "leaving a source by hand blames nobody",
        [A1, A2, A3, C9],
        Try(A3),
        [ago(1, A1, Fault.ASKED), ago(0, A2, Fault.ASKED)],
    ),
    Row(
        "a refused subscription is passed over on the next stream, too",
        [A1, B1, B2],
        Try(B2),
        [ago(0, A1, Fault.REFUSED)],
    ),
    Row(
        "a portal that did not answer is asked after the other portals",
        [Candidate(1, 1, 1), Candidate(1, 2, 1), Candidate(2, 3, 2)],
        Try(Candidate(2, 3, 2)),
        [ago(0, Candidate(1, 1, 1), Fault.PORTAL)],
    ),
    Row(
        "but it is asked when there is no other",
        [Candidate(1, 1, 1), Candidate(1, 2, 1)],
        Try(Candidate(1, 2, 1)),
        [ago(0, Candidate(1, 1, 1), Fault.PORTAL)],
    ),
    Row("a stream's fault does not blame its subscription", [A1, B1, B2], Try(B1), [ago(0, A1, Fault.NOT_TS)]),
    Row("a full slot is passed over", [A1, A2, B1], Try(A2), full=frozenset({"1/1"})),
    Row("all full is said so", [A1, A2], GiveUp(Reason.ALL_FULL), full=frozenset({"1/1", "1/2"})),
    Row(
        "a preferred stream comes first",
        [A1, Candidate(2, 1, 0, preferred=True)],
        Try(Candidate(2, 1, 0, preferred=True)),
    ),
    Row(
        "a preferred stream that failed waits like others",
        [A1, Candidate(2, 1, 0, preferred=True)],
        Try(A1),
        [ago(0, Candidate(2, 1))],
    ),
    Row("one fault is forgiven after a half-life", [A1, B1], Try(A1), [ago(HALF_LIFE_S + 1, A1)]),
    Row("and not before", [A1, B1], Try(B1), [ago(HALF_LIFE_S - 1, A1)]),
    Row(
        "three faults take longer",
        [A1, B1],
        Try(B1),
        [ago(HALF_LIFE_S + 3, A1), ago(HALF_LIFE_S + 2, A1), ago(HALF_LIFE_S + 1, A1)],
    ),
    Row("a lost lease is forgiven soon", [A1, B1], Try(A1), [ago(10, A1, Fault.LEASE_LOST)]),
    Row("but not at once", [A1, B1], Try(B1), [ago(1, A1, Fault.LEASE_LOST)]),
    Row("a missing stream is forgiven late", [A1, C9], Try(C9), [ago(HALF_LIFE_S * 1.9, A1, Fault.NOT_FOUND)]),
    Row("all aside: wait a little", [A1], Wait(LADDER_S[0], Reason.ALL_FAILED), [ago(0, A1)]),
    Row("then try the only one again", [A1], Try(A1), [ago(LADDER_S[0], A1)]),
    Row("the wait grows", [A1], Wait(LADDER_S[1], Reason.ALL_FAILED), [ago(0.6, A1), ago(0, A1)]),
    Row(
        "all aside: never the one that failed last",
        [A1, B1],
        Try(B1),
        [ago(9, A1), ago(8, B1), ago(7, B1), ago(6, A1)],
    ),
    Row("a provider that ends streams now and then is asked at once", [A1], Try(A1), [ago(300, A1), ago(0.5, A1)]),
    Row(
        "a slot the provider still counts is waited for on the same candidate",
        [A1, A2],
        Wait(BUSY_LADDER_S[0], Reason.SLOT_BUSY, A1),
        [ago(0, A1, Fault.SLOT_BUSY)],
    ),
    Row("and tried again there", [A1, A2], Try(A1), [ago(BUSY_LADDER_S[0], A1, Fault.SLOT_BUSY)]),
    Row(
        "longer each time",
        [A1, A2],
        Wait(BUSY_LADDER_S[1], Reason.SLOT_BUSY, A1),
        [ago(0.5, A1, Fault.SLOT_BUSY), ago(0, A1, Fault.SLOT_BUSY)],
    ),
    Row("until it has become a refusal", [A1, A2], Try(A2), [ago(0, A1, Fault.SLOT_BUSY)] * (len(BUSY_LADDER_S) + 1)),
    Row(
        "a busy slot that somebody else took is not waited for",
        [A1, A2],
        Try(A2),
        [ago(0, A1, Fault.SLOT_BUSY)],
        frozenset({"1/1"}),
    ),
    Row("patience ends", [A1, A2], GiveUp(Reason.PATIENCE), since=NOW - 61),
    Row(
        "a start gives up when all failed thrice",
        [A1],
        GiveUp(Reason.ALL_FAILED),
        [ago(3, A1), ago(2, A1), ago(1, A1)],
        starting=True,
    ),
    Row("a start asks a refuser once more", [A1], Try(A1), [ago(1, A1, Fault.REFUSED)], starting=True),
    Row(
        "a start does not ask it a third time",
        [A1],
        GiveUp(Reason.ALL_FAILED),
        [ago(2, A1, Fault.REFUSED), ago(1, A1, Fault.REFUSED)],
        starting=True,
    ),
    Row(
        "a start gives an encrypted stream up at once",
        [A1],
        GiveUp(Reason.ALL_FAILED),
        [ago(0, A1, Fault.SCRAMBLED)],
        starting=True,
    ),
    Row(
        "a running channel keeps trying what a start would give up",
        [A1],
        Wait(LADDER_S[2], Reason.ALL_FAILED),
        [ago(2, A1), ago(1, A1), ago(0, A1)],
    ),
    Row(
        "what failed before this start does not end it",
        [A1],
        Try(A1),
        [ago(60, A1, Fault.SILENT), ago(55, A1, Fault.SILENT), ago(50, A1, Fault.SILENT)],
        starting=True,
        since=NOW,
    ),
    *[
        Row(f"{fault}: its candidate is used up, the next is tried", [A1, C9], Try(C9), [ago(0, A1, fault)])
        for fault in Fault
        if fault is not Fault.SLOT_BUSY
    ],
    Row(
        "the wait grows no further than its last step",
        [A1],
        Wait(LADDER_S[-1], Reason.ALL_FAILED),
        [ago(0, A1)] * 20,
    ),
    Row("after the last step it is tried again, too", [A1], Try(A1), [ago(LADDER_S[-1], A1)] * 20),
    Row(
        "the retries of a running channel end with its patience",
        [A1, B1],
        GiveUp(Reason.PATIENCE),
        [ago(2, A1), ago(1, B1)],
        since=NOW - 60,
    ),
    Row(
        "the wait is for the failed one while the other has no slot",
        [A1, B1],
        Wait(LADDER_S[0], Reason.ALL_FAILED),
        [ago(0, B1)],
        frozenset({"1/1"}),
    ),
    Row(
        "who has recovered is no better than the rest of the stream at fault",
        [A1, B1, B2],
        Try(B2),
        [ago(HALF_LIFE_S * 3, A1), ago(0, B1)],
    ),
    Row("faults of candidates that are gone are ignored", [B1], Try(B1), [ago(0, A1)]),
    Row("a clock that jumps back harms nothing", [A1, B1], Try(B1), [ago(-5, A1)]),
]


@pytest.mark.parametrize("row", TABLE, ids=[row.rule for row in TABLE])
def test_the_rule(row: Row) -> None:
    history = [(at, one.key, fault) for at, one, fault in row.faults]
    attempt = Attempt(row.since, row.patience_s, row.starting)
    decision = decide(row.candidates, history, NOW, attempt, row.full)
    if isinstance(row.expected, Wait):
        assert isinstance(decision, Wait)
        assert decision.seconds == pytest.approx(row.expected.seconds)
        assert (decision.reason, decision.keep) == (row.expected.reason, row.expected.keep)
    else:
        assert decision == row.expected


candidates_st = st.lists(
    st.builds(Candidate, st.integers(1, 4), st.integers(1, 4), st.integers(1, 2), st.booleans()),
    max_size=8,
    unique_by=lambda one: one.key,
)
faults_st = st.sampled_from(list(Fault))
history_st = st.lists(
    st.tuples(st.floats(0, 2000), st.builds(lambda s, m: f"{s}/{m}", st.integers(1, 5), st.integers(1, 5)), faults_st),
    max_size=30,
)


@given(
    candidates_st, history_st, st.floats(0, 2000), st.sets(st.sampled_from(["1/1", "1/2", "2/1", "3/3"])), st.booleans()
)
def test_it_always_answers_and_only_with_what_was_offered(candidates, history, now, full, starting) -> None:
    attempt = Attempt(now - 1, 30, starting)
    decision = decide(candidates, history, now, attempt, full)
    assert decision == decide(list(candidates), list(history), now, attempt, set(full))
    match decision:
        case Try(candidate):
            assert candidate in candidates
            assert candidate.key not in full
        case Wait(seconds, _, keep):
            assert seconds > 0
            assert keep is None or keep in candidates
        case GiveUp(reason):
            assert reason in Reason


@given(candidates_st.filter(bool), st.data())
def test_each_fault_consumes_one_candidate_and_none_is_skipped(candidates, data) -> None:
    faults = st.sampled_from([fault for fault in Fault if fault is not Fault.SLOT_BUSY])
    history: list[tuple[float, str, Fault]] = []
    tried = []
    for step in range(len(candidates)):
        decision = decide(candidates, history, NOW + step / 10, Attempt(NOW, 60))
        assert isinstance(decision, Try)
        tried.append(decision.candidate.key)
        history.append((NOW + step / 10, decision.candidate.key, data.draw(faults)))
    assert sorted(tried) == sorted(one.key for one in candidates)


@given(candidates_st.filter(bool), st.booleans(), st.floats(1, 60), st.data())
def test_a_search_among_failures_ends_and_never_loops_on_one(candidates, starting, patience_s, data) -> None:
    history: list[tuple[float, str, Fault]] = []
    now, tries, last = NOW, 0, ""
    attempt = Attempt(NOW, patience_s, starting)
    while not isinstance(decision := decide(candidates, history, now, attempt), GiveUp):
        if isinstance(decision, Wait):
            now += decision.seconds
            continue
        key = decision.candidate.key
        busy = bool(history) and history[-1][2] is Fault.SLOT_BUSY
        assert key != last or len(candidates) == 1 or busy
        history.append((now, key, data.draw(faults_st)))
        last, tries = key, tries + 1
        assert tries <= 400, "a search must not spin"
        now += 0.01
    assert now - NOW <= patience_s + max(LADDER_S) + tries * 0.01
