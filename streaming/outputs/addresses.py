"""The addresses written into lists: every one carries the viewer's token or login, and stays equal for ever."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urlencode

from restreamer.lib.pictures import digest, is_uploaded, is_web_address

#: How a player may be given live television.
LIVE_FORMS = ("ts", "m3u8")


@dataclass(frozen=True)
class Pictures:
    """Where players load logos and posters. The one place that writes such addresses, for every output.

    An address stays equal until its picture changes, so players keep what they loaded. `token` is empty for players
    whose network needs none. `kept` = by us; else the provider's own address.
    """

    base_url: str
    token: str = ""
    #: The viewer's PIN, for what is marked as adult; empty when none was given.
    pin: str = ""
    kept: bool = True

    def of(self, kind: str, public_id: int, stored: str, *, adult: bool = False) -> str:
        """The address of a row's picture whose own address is stored; "" when there is none."""
        if not self.kept and not is_uploaded(stored):
            return stored
        if not is_uploaded(stored) and not is_web_address(stored):
            return ""
        return f"{self.base_url}/logo/{kind}/{public_id}/{digest(stored)}{self._queries[adult]}"

    def channel(self, channel_id: int, stored: str, *, adult: bool = False) -> str:
        """A channel's logo."""
        return self.of("channel", channel_id, stored, adult=adult)

    def group(self, group_id: int, stored: str) -> str:
        """A group's logo."""
        return self.of("group", group_id, stored)

    def movie(self, movie_id: int, stored: str, *, adult: bool = False) -> str:
        """A movie's poster or backdrop."""
        return self.of("movie", movie_id, stored, adult=adult)

    def series(self, series_id: int, stored: str, *, adult: bool = False) -> str:
        """A series' poster or backdrop."""
        return self.of("series", series_id, stored, adult=adult)

    def season(self, season_id: int, stored: str, *, adult: bool = False) -> str:
        """A season's poster; seasons have ids of their own."""
        return self.of("season", season_id, stored, adult=adult)

    def episode(self, episode_id: int, stored: str, *, adult: bool = False) -> str:
        """An episode's still."""
        return self.of("episode", episode_id, stored, adult=adult)

    @cached_property
    def _queries(self) -> tuple[str, str]:
        """What stands behind an address: for everybody, and for what is adult."""
        token = {"token": self.token} if self.token else {}
        both = (token, token | ({"pin": self.pin} if self.pin else {}))
        everybody, adult = (f"?{urlencode(query)}" if query else "" for query in both)
        return everybody, adult


@dataclass(frozen=True)
class Addresses:
    """What a list's addresses are made of. `base_url` has no closing slash.

    `secret` is the viewer's token, or the password the player sent: players of the Xtream scheme compare. With
    `xtream` live addresses have that scheme's form; movies, episodes and archives have it always.
    """

    base_url: str
    name: str
    secret: str
    pictures: Pictures
    #: The viewer's PIN, for what is marked as adult; empty when none was given.
    pin: str = ""
    live_form: str = "ts"
    xtream: bool = False
    #: Have the player sent to the provider itself, where the viewer may.
    direct: bool = False

    def live(self, channel_id: int, *, adult: bool = False) -> str:
        """Where a channel plays."""
        query = self._queries[adult] if self.xtream else self._token_queries[adult]
        if self.xtream:
            return f"{self.base_url}/live/{self._login}/{channel_id}.{self.live_form}{query}"
        if self.live_form == "m3u8":
            return f"{self.base_url}/hls/{channel_id}/index.m3u8{query}"
        return f"{self.base_url}/stream/{channel_id}{query}"

    def group(self, group_id: int) -> str:
        """Where a group plays as one channel; with the PIN, for what of it is adult."""
        return f"{self.base_url}/chplay/{group_id}{self._token_queries[True]}"

    def movie(self, movie_id: int, container: str, *, adult: bool = False) -> str:
        """Where a movie plays."""
        return f"{self.base_url}/movie/{self._login}/{movie_id}.{container or 'mp4'}{self._queries[adult]}"

    def episode(self, episode_id: int, container: str, *, adult: bool = False) -> str:
        """Where an episode plays."""
        return f"{self.base_url}/series/{self._login}/{episode_id}.{container or 'mp4'}{self._queries[adult]}"

    def catch_up(self, channel_id: int) -> str:
        """The archive's template: the start in epoch seconds needs no time zone (reference m3u-and-xmltv.md, 1.4)."""
        return f"{self.base_url}/timeshift/{self._login}/{{duration:60}}/{{utc}}/{channel_id}.ts"

    def guide(self, lineup: str = "") -> str:
        """The XMLTV guide of what the viewer sees."""
        of_lineup = {"lineup": lineup} if lineup else {}
        if self.xtream:
            query = {"username": self.name, "password": self.secret, **of_lineup}
            return f"{self.base_url}/xmltv.php?{urlencode(query)}"
        return f"{self.base_url}/epg.xml?{urlencode({'token': self.secret, **of_lineup})}"

    @cached_property
    def _login(self) -> str:
        return f"{quote(self.name, safe='')}/{quote(self.secret, safe='')}"

    @cached_property
    def _queries(self) -> tuple[str, str]:
        """What stands behind an address of the Xtream form: for everybody, and for what is adult."""
        return self._query({}), self._query(self._with_pin)

    @cached_property
    def _token_queries(self) -> tuple[str, str]:
        return self._query({"token": self.secret}), self._query({"token": self.secret, **self._with_pin})

    @property
    def _with_pin(self) -> dict[str, str]:
        return {"pin": self.pin} if self.pin else {}

    def _query(self, query: dict[str, str]) -> str:
        query = {**query, **({"direct": "1"} if self.direct else {})}
        return f"?{urlencode(query)}" if query else ""
