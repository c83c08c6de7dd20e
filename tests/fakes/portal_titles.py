"""The movies, series and broadcasts of the fake portal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

#: Broadcasts last an hour and begin on it.
HOUR_S = 3600
_KEPT_HOURS = 48


@dataclass(slots=True)
class FakeCategory:
    """A category of titles."""

    id: str
    title: str
    censored: bool = False


@dataclass(slots=True)
class FakeMovie:
    """A movie; or, with `episodes`, a series of the oldest shape: one order for all of them."""

    id: int
    name: str
    category: str = "1"
    #: Stock: ids of the files it has in place of one order.
    files: tuple[int, ...] = ()
    episodes: tuple[int, ...] = ()
    #: Panel, oldest form: the order names the season.
    season: int = 0
    censored: bool = False
    #: A play order to list instead of the family's own.
    cmd: str = ""
    #: What create_link answers in `error`, "" = a link.
    link_error: str = ""
    extra: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class FakeSeries:
    """A series with seasons: number -> how many episodes."""

    id: int
    name: str
    category: str
    seasons: dict[int, int]
    censored: bool = False
    extra: dict[str, object] = field(default_factory=dict)

    def season_id(self, number: int) -> int:
        return self.id * 100 + number

    def episode_id(self, season: int, number: int) -> int:
        return self.season_id(season) * 100 + number


@dataclass(slots=True)
class Titles:
    """All a portal offers besides channels."""

    categories: list[FakeCategory]
    movies: list[FakeMovie]
    series_categories: list[FakeCategory]
    series: list[FakeSeries]


def titles(movies: int = 30, series: int = 3) -> Titles:
    """`movies` plain ones (the last is adult), two of the special shapes, and series with seasons 0 to 2."""
    made = [FakeMovie(n, f"Movie {n}", str(1 + n % 2)) for n in range(1, movies + 1)]
    if made:
        made[-1].category, made[-1].censored = "9", True
        made.append(FakeMovie(500, "Many Files", "1", files=(7001, 7002)))
        made.append(FakeMovie(600, "Old Shape Season 3", "2", episodes=(1, 2, 3, 5)))
    return Titles(
        categories=[FakeCategory("1", "Action"), FakeCategory("2", "Drama &amp; More"), FakeCategory("9", "XXX", True)],
        movies=made,
        series_categories=[FakeCategory("1", "Crime"), FakeCategory("2", "Comedy")],
        series=[FakeSeries(n, f"Series {n}", "1", {0: 1, 1: 3, 2: 16}) for n in range(911, 911 + series)],
    )


def broadcasts(first: datetime, last: datetime, now: datetime) -> list[datetime]:
    """The starts of all broadcasts that begin in a time; the portal keeps two days either way."""
    first = max(first, now - timedelta(hours=_KEPT_HOURS))
    last = min(last, now + timedelta(hours=_KEPT_HOURS))
    at = datetime.fromtimestamp(-(-int(first.timestamp()) // HOUR_S) * HOUR_S, UTC)
    found = []
    while at <= last:
        found.append(at)
        at += timedelta(seconds=HOUR_S)
    return found


def broadcast_id(channel_id: int, start: datetime) -> int:
    """A broadcast's own id."""
    return channel_id * 1_000_000 + int(start.timestamp()) // HOUR_S % 1_000_000


def broadcast_start(programme_id: int, now: datetime) -> tuple[int, datetime | None]:
    """The channel and the start behind a broadcast's id; None when the portal never had it."""
    channel_id, hour = divmod(programme_id, 1_000_000)
    start = datetime.fromtimestamp(hour * HOUR_S, UTC)
    return channel_id, start if abs(start - now) <= timedelta(hours=_KEPT_HOURS) else None
