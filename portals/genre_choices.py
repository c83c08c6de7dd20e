"""What an owner chooses about a portal's genres, many at once: what it would change, doing it, and taking it back.

The rooms above own what is chosen (live channels; movies and series) and register themselves here.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.db.models import Q
from redis import Redis

from portals.models import Genre
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import answering

#: Genres asked about in one statement.
_AT_ONCE = 500
#: The last change can be taken back for so long.
_UNDO_S = 24 * 3600
SHOW_WORDS = {"portal": "as the portal says", "yes": "shown at once", "no": "kept hidden"}
NUMBERING_WORDS = {"provider": "the portal's", "next_free": "next free", "none": "none"}


@dataclass(frozen=True, slots=True)
class Facts:
    """How a genre stands."""

    #: Something is taken from it at the next refresh.
    taken: bool
    #: What becomes of what appears in it: a key of SHOW_WORDS.
    show: str
    #: Our group or category for what appears in it; "" = one named like the genre.
    group: str
    #: A key of NUMBERING_WORDS; "" where nothing is numbered.
    numbering: str
    #: What the portal lists in it now, and how much of that viewers see.
    entries: int
    shown: int
    #: Address of the page with all that can be said of it.
    page: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be changed; None leaves as it is."""

    taken: bool | None = None
    show: str | None = None
    group: str | None = None
    numbering: str | None = None
    #: Show or hide what is there now.
    entries: bool | None = None

    @property
    def empty(self) -> bool:
        """Nothing at all."""
        return all(value is None for value in (self.taken, self.show, self.group, self.numbering, self.entries))


@dataclass(frozen=True, slots=True)
class Change:
    """One genre and what would become of it, in words: what, before, after."""

    genre: Genre
    words: list[tuple[str, str, str]]


class GenreRoom(Protocol):
    """What keeps the choices about genres of some kinds."""

    kinds: frozenset[str]
    #: Who may choose.
    rights: tuple[str, ...]

    def facts(self, genres: Sequence[int]) -> Mapping[int, Facts]:
        """Of each of these genres, by its key."""

    def left_out(self) -> Q:
        """Genres of these kinds nothing is taken of."""

    def choose(self, genres: Sequence[int], wish: Wish) -> Any:
        """Write the wish; returns what `take_back` needs, JSON types only."""

    def take_back(self, before: Any) -> None:
        """Everything as it was, where it is still there."""

    def settled(self) -> None:
        """A change is complete."""


_rooms: list[GenreRoom] = []


def register(room: GenreRoom) -> None:
    """Called once by each room that keeps choices."""
    _rooms.append(room)


def allowed_kinds(user: AbstractBaseUser | AnonymousUser) -> frozenset[str]:
    """The kinds of genres this person may choose about."""
    if not isinstance(user, PermissionsMixin):
        return frozenset()
    return frozenset(kind for room in _rooms if user.has_perms(room.rights) for kind in room.kinds)


def left_out() -> Q:
    """Genres nothing is taken of."""
    found = Q(pk__in=[])
    for room in _rooms:
        found |= room.left_out()
    return found


def facts_of(genres: Iterable[Genre]) -> dict[int, Facts]:
    """How these genres stand, by key; a few queries for each 500."""
    found: dict[int, Facts] = {}
    for room, some in _by_room(genres):
        found.update(room.facts(some))
    return found


def changes(genres: Sequence[Genre], wish: Wish) -> list[Change]:
    """What the wish would change of these genres; those it leaves as they are are not named."""
    facts = facts_of(genres)
    found = (Change(genre, list(_words(facts[genre.pk], wish))) for genre in genres if genre.pk in facts)
    return [change for change in found if change.words]


def choose(client: Redis, genres: Sequence[Genre], wish: Wish, by: str) -> int:
    """Do it, and keep what takes it back for a day. Returns how many genres changed. Raises RedisUnavailable."""
    chosen = [change.genre for change in changes(genres, wish)]
    if not chosen:
        return 0
    with answering():  # Who cannot keep the way back does not go.
        client.delete(redis_keys.GENRES_UNDO)
    before = [[_rooms.index(room), room.choose(some, wish)] for room, some in _by_room(chosen)]
    _settle(before)
    kept = {"at": time.time(), "by": by, "count": len(chosen), "kinds": sorted({g.kind for g in chosen}), "was": before}
    with answering():
        client.set(redis_keys.GENRES_UNDO, zlib.compress(json.dumps(kept).encode()), ex=_UNDO_S)
    return len(chosen)


@dataclass(frozen=True, slots=True)
class Last:
    """The last change: when (unix s), whose, how many genres of which kinds."""

    at: float
    by: str
    count: int
    kinds: tuple[str, ...]


def last_change(client: Redis) -> Last | None:
    """What can be taken back now. Raises RedisUnavailable."""
    kept = _kept(client)
    return Last(kept["at"], kept["by"], kept["count"], tuple(kept["kinds"])) if kept else None


def take_back(client: Redis) -> int:
    """Undo the last change, once; how many genres it was about. Raises RedisUnavailable."""
    kept = _kept(client)
    with answering():
        if kept is None or not client.delete(redis_keys.GENRES_UNDO):
            return 0
    for at, before in reversed(kept["was"]):
        _rooms[at].take_back(before)
    _settle(kept["was"])
    return int(kept["count"])


def _kept(client: Redis) -> dict[str, Any] | None:
    with answering():
        blob: Any = client.get(redis_keys.GENRES_UNDO)
    return json.loads(zlib.decompress(blob)) if blob else None


def _settle(parts: Sequence[Sequence[Any]]) -> None:
    for at in {at for at, _ in parts}:
        _rooms[at].settled()


def _by_room(genres: Iterable[Genre]) -> Iterator[tuple[GenreRoom, list[int]]]:
    """The keys each room is asked about, some at a time."""
    chosen = list(genres)
    for room in _rooms:
        keys = [genre.pk for genre in chosen if genre.kind in room.kinds]
        for start in range(0, len(keys), _AT_ONCE):
            yield room, keys[start : start + _AT_ONCE]


def _words(now: Facts, wish: Wish) -> Iterator[tuple[str, str, str]]:
    if wish.taken is not None and wish.taken != now.taken:
        yield "next refresh", _taken(now.taken), _taken(wish.taken)
    if wish.entries is not None and now.shown != (now.entries if wish.entries else 0):
        yield "shown now", f"{now.shown:,} of {now.entries:,}", f"{now.entries if wish.entries else 0:,}"
    if wish.show is not None and wish.show != now.show:
        yield "new entries", SHOW_WORDS[now.show], SHOW_WORDS[wish.show]
    if wish.group is not None and wish.group != now.group:
        yield "group", now.group or "like the genre", wish.group or "like the genre"
    if wish.numbering is not None and now.numbering and wish.numbering != now.numbering:
        yield "numbers", NUMBERING_WORDS[now.numbering], NUMBERING_WORDS[wish.numbering]


def _taken(taken: bool) -> str:
    return "taken" if taken else "left out"
