"""What the fake portal offers: genres, channels with the names real portals have, radio."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Names that break careless code; `{n}` keeps them unique.
AWKWARD_NAMES = (
    'Say "Hello" {n}',
    "Comma, Separated, {n}",
    "Line\nBreak {n}",
    "Emoji 📺🔥 {n}",
    "\u200fקול ישראל\u200e {n}",
    "قناة {n}",
    "Tom &amp; Jerry &#39;HD&#39; {n}",
    "Tag <br>inside {n}",
    "Tab\there {n}",
    "|UK| ████ {n}",
    "Ünïcödé ﬀ {n}",
    "#EXTM3U {n}",
    "'; DROP TABLE {n}; --",
)


@dataclass(slots=True)
class FakeGenre:
    """One genre."""

    id: str
    title: str
    censored: bool = False


@dataclass(slots=True)
class FakeChannel:
    """One channel. `link_id` is what stock's placeholders name, never equal to `id` here."""

    id: int
    name: str
    number: int
    genre: str
    censored: bool = False
    archive_hours: int = 0
    open: bool = True
    xmltv_id: str = ""
    logo: str = ""
    #: What create_link answers in `error`, "" = a link.
    link_error: str = ""
    #: A play order to list instead of the family's own placeholder.
    cmd: str = ""
    #: Field values put over the row.
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def link_id(self) -> int:
        return self.id + 50_000


@dataclass(slots=True)
class Catalogue:
    """All a portal offers."""

    genres: list[FakeGenre]
    channels: list[FakeChannel]
    radio: list[FakeChannel]

    def by_id(self, channel_id: int) -> FakeChannel | None:
        return next((channel for channel in self.channels if channel.id == channel_id), None)

    def by_link(self, link_id: int) -> FakeChannel | None:
        return next((channel for channel in self.channels if channel.link_id == link_id), None)


def catalogue(channels: int = 20, *, censored: int = 2, radio: int = 2) -> Catalogue:
    """`channels` in all, the last `censored` of them adult."""
    genres = [FakeGenre(str(n), title) for n, title in enumerate(("News", "Sport &amp; Fun", "Kids", "Films"), 1)]
    genres.append(FakeGenre("9", "For adults", censored=True))
    made = []
    for n in range(1, channels + 1):
        is_adult = n > channels - censored
        awkward = AWKWARD_NAMES[n // 3 % len(AWKWARD_NAMES)].format(n=n) if n % 3 == 0 else f"Channel {n}"
        made.append(
            FakeChannel(
                id=n,
                name=awkward,
                number=n,
                genre="9" if is_adult else str(1 + n % 4),
                censored=is_adult,
                archive_hours=72 if n % 5 == 0 else 0,
                xmltv_id=f"ch{n}.example" if n % 2 else "",
                logo=f"{n}.png" if n % 4 else "",
            )
        )
    stations = [FakeChannel(id=n, name=f"Radio {n}", number=n, genre="") for n in range(1, radio + 1)]
    return Catalogue(genres, made, stations)
