"""Those who watch files in a soak: movie viewers who search, pause, resume and leave, and viewers of the past."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bench.soak_actors import Actor, Answer, ask
from bench.soak_judges import Stretch, Wrong, expect
from bench.soak_stage import Stage

#: What players fetch to know a file before they play it.
_INDEX_BYTES = 65_536
_PACES = (400_000.0, 1_500_000.0)
#: Longer, and the provider's connection is given back meanwhile.
_LONG_PAUSE_S = 33.0


def film_viewer(stage: Stage, addresses: dict[str, str]) -> Callable[..., None]:
    """Plays a movie or episode as players do: beginning, index at the end, then from place to place.

    `addresses` by name.
    """

    def act(actor: Actor) -> None:
        name = actor.chance.choice(list(addresses))
        watch_film(actor, stage, name, addresses[name])
        actor.rest(0.5, 3)

    return act


def watch_film(actor: Actor, stage: Stage, name: str, address: str) -> None:
    """One film at one address, for a while. Raises Wrong, OSError, ValueError."""
    data = stage.films[name]
    with ask(address, actor.name, method="HEAD") as head:
        expect(f"HEAD of {name}", head.status, 200)
    if actor.chance.random() < 0.3:
        stage.cut_file(name, actor.chance.randrange(100_000, 2_000_000))
    with _Part(actor, name, data, address, "") as beginning:
        if not beginning.play(actor.chance.uniform(0.5, 2)):
            return
        # The index is fetched while the first connection stays open and unread, as players do.
        with _Part(actor, name, data, address, f"bytes=-{_INDEX_BYTES}") as index:
            index.play(10)
        beginning.play(actor.chance.uniform(0.5, 2))
    for _ in range(actor.chance.randrange(1, 4)):
        if actor.over.is_set():
            return
        first = actor.chance.randrange(len(data))
        last = actor.chance.choice(["", str(first + 3_000_000)])
        with _Part(actor, name, data, address, f"bytes={first}-{last}") as part:
            if part.play(actor.chance.uniform(1, 5)) and not part.complete:
                actor.tally.add("film: pauses")
                actor.over.wait(_LONG_PAUSE_S if actor.chance.random() < 0.1 else actor.chance.uniform(0.5, 4))
                part.play(actor.chance.uniform(1, 5))
    if not actor.over.is_set():
        with _Part(actor, name, data, address, f"bytes={len(data) - 1_000_000}-") as end:
            end.play(20)


def past_viewer(stage: Stage, channels: dict[str, str]) -> Callable[..., None]:
    """Watches pieces of the past; `channels` are addresses by name, with `{start}` for the beginning."""

    def act(actor: Actor) -> None:
        name = actor.chance.choice(list(channels))
        watch_past(actor, stage, name, channels[name])
        actor.rest(0.5, 3)

    return act


def watch_past(actor: Actor, stage: Stage, name: str, address: str) -> None:
    """One piece of a channel's past. Raises Wrong, OSError, ValueError."""
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=actor.chance.randrange(60, 3000))
    address = address.replace("{start}", f"{start:%Y-%m-%d:%H-%M}")
    data = stage.films[name]
    with _Part(actor, name, data, address, "", "past") as part:
        if part.play(actor.chance.uniform(1, 6)):
            link = f"&link={int(start.timestamp())}"
            if not any(one.target.endswith(link) for one in list(stage.files.asked)):
                raise Wrong(f"{name}: the provider was not asked for {start}")
    first = actor.chance.randrange(len(data) // 188) * 188
    with _Part(actor, name, data, address, f"bytes={first}-", "past") as part:
        part.play(actor.chance.uniform(0.5, 3))


class _Part:
    """One request for a piece of a file, read at a pace. A context manager: leaving it hangs up."""

    def __init__(self, actor: Actor, name: str, data: bytes, address: str, asked: str, what: str = "film") -> None:
        self._actor = actor
        self._what = what
        headers = {"Range": asked} if asked else {}
        self._answer: Answer = ask(address, actor.name, headers=headers)
        self._stretch: Stretch | None = None
        actor.tally.add(f"{what}: {self._answer.status}")
        if self._answer.refused:
            actor.tally.add(f"{what}: {self._answer.reason()}")
        else:
            self._stretch = Stretch(name, data, asked, self._answer.status, self._answer.headers)

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._answer.close()

    @property
    def complete(self) -> bool:
        """Has all of it come?"""
        return self._stretch is not None and self._stretch.complete

    def play(self, seconds: float) -> bool:
        """Read so long; False when that was not possible. Raises Wrong, OSError."""
        if self._stretch is None:
            self._actor.rest(0.5, 1.5)
            return False
        pace = self._actor.chance.uniform(*_PACES)
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._actor.over.is_set():
            piece = self._answer.read()
            if not piece:
                self._actor.tally.add(f"{self._what}: {'to the end' if self.complete else 'ended early'}")
                return self.complete
            self._stretch.feed(piece)
            self._actor.tally.add("bytes", len(piece))
            self._actor.tally.add(f"{self._what}: bytes right", len(piece))
            self._actor.over.wait(len(piece) / pace)
        return True
