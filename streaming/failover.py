"""The failover rule: candidates, fault history and now in; try this, wait, or give up out. Pure.

The rule in words:

- A fault puts its candidate aside. Its penalty halves every HALF_LIFE_S; below RETURN_BELOW it is welcome again, so
  one fault costs a half-life, three in a row nearly three. Nothing moves a viewer back to a candidate that has
  recovered: the rule is only asked when something failed or starts (that is the hysteresis).
- After a fault: the same stream with another subscription first, then the channel's streams in their order. What a
  person preferred comes before both.
- A stream that failed on two subscriptions is bad itself: its other subscriptions are tried after the other streams.
  A subscription that was refused is bad itself: its other streams come after the other subscriptions. A portal that
  did not answer is asked again, with other subscriptions, after the other portals.
- A full slot is no fault: the candidate is passed over now and blamed for nothing.
- A slot the provider still counts (SLOT_BUSY) is waited for on the same candidate, a few times.
- A stream whose codecs the running players could not follow is left aside. An equal one comes first, then it may be
  offered again transcoded; when neither plays at a second try, the viewers are let go, to come back and get what is.
- When all are aside, the least bad is tried after a wait that grows, never the one that failed last while there is
  another. A start gives up after its patience, or when everything that is free failed START_ROUNDS times.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from streaming.faults import Fault

#: One recorded fault: seconds on the relay's clock, candidate key, what went wrong.
Entry = tuple[float, str, Fault]

HALF_LIFE_S = 30.0
RETURN_BELOW = 0.5
#: Seconds between the last fault and the next try, by how many rounds all candidates have failed. Rounds are forgotten
#: by their own half-life, so a provider that ends every stream after an hour is asked again at once each time.
LADDER_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
LADDER_HALF_LIFE_S = 120.0
#: Seconds to leave a provider that still counts the connection we just closed; afterwards it is a refusal.
BUSY_LADDER_S = (0.5, 1.0, 2.0, 3.0)
#: A start fails when every candidate has failed this often; a running relay keeps on until its patience ends.
#: A refusal counts twice (one new address is worth asking for), what no retry cures counts in full.
START_ROUNDS = 3
_COUNTS = {Fault.NOT_FOUND: 2, Fault.REFUSED: 2, Fault.SCRAMBLED: START_ROUNDS, Fault.SLOT_BUSY: 0}
#: Older entries no longer say anything.
MEMORY_S = 10 * 60.0

#: How much a fault counts; 1.0 unless named. Light ones return after seconds, heavy ones after minutes.
WEIGHTS: dict[Fault, float] = {
    # Our right ran out, the source did nothing wrong: let another go first, no more.
    Fault.LEASE_LOST: 0.6,
    Fault.NOT_FOUND: 2.0,
    Fault.SCRAMBLED: 4.0,
    Fault.REFUSED: 2.0,
    Fault.SLOT_BUSY: 0.0,
}

#: The provider turned the subscription away, whatever it asked for.
OF_SUBSCRIPTION = frozenset({Fault.REFUSED})
#: The portal itself did not answer, whoever asked and for whatever.
OF_PORTAL = frozenset({Fault.PORTAL})
#: Faults that say nothing of the stream, on however many subscriptions they happen.
NOT_OF_STREAM = OF_PORTAL | {Fault.SLOT_BUSY, Fault.LEASE_LOST, Fault.ASKED}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A (stream, subscription) to try. `preferred`: a person wants this stream now.

    `transcoded`: through ffmpeg, because as it is the running players could not follow it.
    """

    stream_id: int
    subscription_id: int
    portal_id: int = 0
    preferred: bool = False
    transcoded: bool = False

    @property
    def key(self) -> str:
        """Its identity in the fault history."""
        return self.plain_key + ("/transcoded" if self.transcoded else "")

    @property
    def plain_key(self) -> str:
        """The same, of the stream as the provider sends it."""
        return f"{self.stream_id}/{self.subscription_id}"


class Reason(StrEnum):
    """Why nothing is tried (now)."""

    NOTHING_OFFERED = "nothing_offered"
    ALL_FULL = "all_full"
    ALL_FAILED = "all_failed"
    SLOT_BUSY = "slot_busy"
    PATIENCE = "patience"
    OTHER_CODEC = "other_codec"


@dataclass(frozen=True, slots=True)
class Try:
    """Open this one now."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after this many seconds. `keep`: on this candidate, whose slot should stay ours meanwhile."""

    seconds: float
    reason: Reason
    keep: Candidate | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing is left to try."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Attempt:
    """One search for an upstream: when it began, how long it may last, and whether viewers see pictures already."""

    since: float
    patience_s: float
    starting: bool = True


def decide(
    candidates: Sequence[Candidate],
    history: Iterable[Entry],
    now: float,
    attempt: Attempt,
    full: Collection[str] = (),
) -> Try | Wait | GiveUp:
    """What to do next.

    `candidates` are in the channel's order and without those a person or provider excluded; `full` are keys of
    candidates without a free slot right now.
    """
    if not candidates:
        return GiveUp(Reason.NOTHING_OFFERED)
    entries = [entry for entry in history if now - entry[0] <= MEMORY_S]
    record = _Record(candidates, entries, now)
    if now - attempt.since >= attempt.patience_s:
        return GiveUp(Reason.PATIENCE)
    free = [one for one in candidates if one.key not in full]
    busy = record.kept_busy(free)
    if busy is not None:
        return _after(busy[1], now, Reason.SLOT_BUSY, busy[0])
    if not free:
        return GiveUp(Reason.ALL_FULL)
    clean = [one for one in free if not record.aside(one)]
    if clean:
        return Try(min(clean, key=record.order))
    if attempt.starting and record.hopeless(free, attempt.since):
        return GiveUp(Reason.ALL_FAILED)
    if not attempt.starting and record.coded_otherwise(free):
        return GiveUp(Reason.OTHER_CODEC)
    return _after(record.next_round_at(), now, Reason.ALL_FAILED, record.least_bad(free))


def penalty(history: Iterable[Entry], key: str, now: float) -> float:
    """The weight of one candidate's faults, halved every HALF_LIFE_S."""
    return sum(
        WEIGHTS.get(fault, 1.0) * _halved(now - at, HALF_LIFE_S) for at, candidate, fault in history if candidate == key
    )


def _halved(age_s: float, half_life_s: float) -> float:
    return math.exp2(-max(0.0, age_s) / half_life_s)


def _after(due: float, now: float, reason: Reason, candidate: Candidate) -> Try | Wait:
    if due > now:
        keep = candidate if reason is Reason.SLOT_BUSY else None
        return Wait(due - now, reason, keep)
    return Try(candidate)


class _Record:
    """What the history says of each candidate, stream and subscription at one moment."""

    def __init__(self, candidates: Sequence[Candidate], entries: Sequence[Entry], now: float) -> None:
        self._now = now
        self._place = {one.key: place for place, one in enumerate(candidates)}
        self._entries = [entry for entry in _busy_ended(entries) if entry[1] in self._place]
        self._last = self._entries[-1] if self._entries else None
        self._penalty = {key: penalty(self._entries, key, now) for key in self._place}
        by_key = {one.key: one for one in candidates}
        failed_on: dict[int, set[int]] = {}
        self._bad_subscriptions: set[int] = set()
        self._bad_portals: set[int] = set()
        for _, key, fault in self._entries:
            if self._penalty[key] < RETURN_BELOW:
                continue
            one = by_key[key]
            if fault in OF_SUBSCRIPTION:
                self._bad_subscriptions.add(one.subscription_id)
            if fault in OF_PORTAL:
                self._bad_portals.add(one.portal_id)
            if fault not in NOT_OF_STREAM:
                failed_on.setdefault(one.stream_id, set()).add(one.subscription_id)
        self._bad_streams = {stream for stream, subscriptions in failed_on.items() if len(subscriptions) >= 2}
        self._last_stream = by_key[self._last[1]].stream_id if self._last else None

    def aside(self, one: Candidate) -> bool:
        """Has it failed too much, too lately?"""
        return self._penalty[one.key] >= RETURN_BELOW

    def order(self, one: Candidate) -> tuple[bool, bool, bool, bool, int]:
        """Sorts those that may be tried: as it is, healthy, preferred, of the same stream, in the channel's order."""
        doubtful = (
            one.stream_id in self._bad_streams
            or one.subscription_id in self._bad_subscriptions
            or one.portal_id in self._bad_portals
        )
        return (one.transcoded, doubtful, not one.preferred, one.stream_id != self._last_stream, self._place[one.key])

    def kept_busy(self, free: Sequence[Candidate]) -> tuple[Candidate, float] | None:
        """The candidate whose slot the provider still counts, and when to ask it again."""
        if self._last is None or self._last[2] is not Fault.SLOT_BUSY:
            return None
        tries = _trailing_busy(self._entries)
        one = next((one for one in free if one.key == self._last[1]), None)
        if one is None:
            return None
        return one, self._last[0] + BUSY_LADDER_S[tries - 1]

    def hopeless(self, free: Sequence[Candidate], since: float) -> bool:
        """Has everything that has a slot failed START_ROUNDS times since then?"""
        failures: Counter[str] = Counter()
        for at, key, fault in self._entries:
            if at >= since:
                failures[key] += _COUNTS.get(fault, 1)
        return all(failures[one.key] >= START_ROUNDS for one in free)

    def coded_otherwise(self, free: Sequence[Candidate]) -> bool:
        """Has a stream of other codecs shown itself, and has every other one failed once more since then?"""
        blocked = [self._entries_of(one)[-1] for one in free if self._is_other_codec(one)]
        if not blocked:
            return False
        shown_at = max(entry[0] for entry in blocked)
        others = [self._entries_of(one)[-1:] for one in free if not self._is_other_codec(one)]
        return all(last and last[0][0] > shown_at for last in others)

    def _is_other_codec(self, one: Candidate) -> bool:
        entries = self._entries_of(one)
        return bool(entries) and entries[-1][2] is Fault.OTHER_CODEC

    def _entries_of(self, one: Candidate) -> list[Entry]:
        return [entry for entry in self._entries if entry[1] == one.key]

    def next_round_at(self) -> float:
        """When the next try is due while all are aside."""
        if self._last is None:
            return 0.0
        return self._last[0] + LADDER_S[min(self._rounds(), len(LADDER_S) - 1)]

    def least_bad(self, free: Sequence[Candidate]) -> Candidate:
        """The best of the aside; the one that failed last only when it is the only one."""
        others = [one for one in free if self._last is None or one.key != self._last[1]]
        return min(
            others or free, key=lambda one: (self._is_other_codec(one), self._penalty[one.key], *self.order(one))
        )

    def _rounds(self) -> int:
        """How many times all candidates have failed beyond the first time."""
        failures = sum(_halved(self._now - at, LADDER_HALF_LIFE_S) for at, _, _ in self._entries)
        return max(0, round(failures / len(self._place)) - 1)


def _trailing_busy(entries: Sequence[Entry]) -> int:
    """How many SLOT_BUSY of one candidate in a row end the history."""
    tries = 0
    for _, key, fault in reversed(entries):
        if fault is not Fault.SLOT_BUSY or key != entries[-1][1]:
            break
        tries += 1
    return tries


def _busy_ended(entries: Sequence[Entry]) -> list[Entry]:
    """The history in which a slot that stays busy beyond the ladder has become a refusal."""
    out: list[Entry] = []
    for entry in entries:
        out.append(entry)
        if entry[2] is Fault.SLOT_BUSY and _trailing_busy(out) > len(BUSY_LADDER_S):
            out[-1] = (entry[0], entry[1], Fault.REFUSED)
    return out
