"""Movies and series as a portal lists them: one list for both, or a list of series of its own.

The budget of a refresh: one question for the categories of each kind, one per page of 14 titles (and one more when the
last page is full), asked of the first MAC one after the other; every further MAC costs one page per list, unless what
it is offered differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from itertools import chain
from typing import Any, TypeVar

from portals import checking, errors
from portals.models import Portal, Subscription
from portals.providers.base import Progress
from portals.providers.row_spool import RowSpool, merged
from portals.providers.stalker import macs, merging, vod_rows
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.merging import Row
from portals.providers.stalker.pages import PagedList
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.session import Sessions
from portals.providers.stalker.values import ident, number, rows
from portals.providers.stalker.wire import PATIENCE_ASK_S, PATIENCE_REFRESH_S, Wire
from portals.providers.vod_records import CategoryRecord, MovieRecord, SeriesRecord, VodKind
from restreamer.lib.time_zones import is_zone, zone_named

Record = TypeVar("Record", MovieRecord, SeriesRecord)

#: Pages of a search: 42 titles are more than anybody reads.
_SEARCH_PAGES = 3


@dataclass(frozen=True, slots=True)
class TitleList:
    """One of a portal's two lists: `type` in its words, `shown` in ours."""

    type: str
    shown: str


MOVIES = TitleList("vod", "movies")
SERIES = TitleList("series", "series")


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the MACs are offered of one list; MACs that are offered the same share a spool."""

    by_mac: dict[Subscription, RowSpool]
    refused: list[Subscription]


class VodReader:
    """Reads movies and series of one portal; each list once in its life."""

    def __init__(self, portal: Portal, sessions: Sessions, wire: Wire) -> None:
        self._portal = portal
        self._sessions = sessions
        self._wire = wire
        self._categories: dict[TitleList, list[Row] | None] = {}
        self._lists: dict[TitleList, _Listed] = {}

    # --- what the house asks -------------------------------------------------------------------------------------

    def movie_categories(self) -> list[CategoryRecord]:
        """The categories of the list of movies. Raises PortalError."""
        return self._wanted_categories(self._category_rows(MOVIES) or [], "movie")

    def series_categories(self) -> list[CategoryRecord]:
        """The categories of the list of series; where there is none, series stand among the movies.

        Raises PortalError.
        """
        own = self._category_rows(SERIES)
        if own is not None:
            return self._wanted_categories(own, "series")
        return self._wanted_categories(self._category_rows(MOVIES) or [], "series", vod_rows.FROM_MOVIES)

    def movies(self, progress: Progress) -> Iterator[MovieRecord]:
        """All movies. Raises CatalogueIncomplete, PortalError."""
        listed = self._listed(MOVIES, progress)
        return self._movies_in(listed, self.reader(MOVIES))

    def series(self, progress: Progress) -> Iterator[SeriesRecord]:
        """All series, those of their own list first. Raises CatalogueIncomplete, PortalError."""
        own = self._category_rows(SERIES) is not None
        sources = (SERIES, MOVIES) if own else (MOVIES,)
        listed = [(which, self._listed(which, progress), self.reader(which)) for which in sources]
        return chain.from_iterable(self._series_in(which, found, reader) for which, found, reader in listed)

    def search(self, text: str, kind: VodKind) -> list[MovieRecord] | list[SeriesRecord]:
        """What the portal finds itself. Raises PortalError."""
        own = kind == "series" and self._category_rows(SERIES) is not None
        which = SERIES if own else MOVIES
        found = macs.from_first(self._portal, lambda subscription: self._found(subscription, which, text))
        reader = self.reader(which)
        if kind == "movie":
            movies = (reader.movie(row) for row in found if not vod_rows.is_series(row))
            return [record for movie in movies for record in self._wanted(movie, ())]
        series = (reader.series(row, from_movies=not own) for row in found if own or vod_rows.is_series(row))
        return [record for one in series for record in self._wanted(one, ())]

    def reader(self, which: TitleList) -> vod_rows.Reader:
        """Reads rows of a list in the way of this portal."""
        zone = macs.from_first(self._portal, self.zone)
        censored = frozenset(
            key for row in self._categories.get(which) or [] if (key := _censored_key(row, which)) is not None
        )
        return vod_rows.Reader(merging.logo_base(self._portal), zone, censored)

    def zone(self, subscription: Subscription) -> tzinfo:
        """The zone printed times of this MAC's answers are in. Raises PortalError."""
        name = self._sessions.current(subscription).zone
        return zone_named(name) if is_zone(name) else UTC

    def ask(self, subscription: Subscription, parameters: dict[str, str]) -> Envelope:
        """One question of a refresh. Raises PortalError."""
        return self._wire.persistently(
            lambda: self._sessions.ask(subscription, parameters, patience_s=PATIENCE_REFRESH_S)
        )

    # --- records ---------------------------------------------------------------------------------------------------

    def _movies_in(self, listed: _Listed, reader: vod_rows.Reader) -> Iterator[MovieRecord]:
        for row, offered_to in _merged(listed):
            if not vod_rows.is_series(row):
                yield from self._wanted(reader.movie(row), offered_to)

    def _series_in(self, which: TitleList, listed: _Listed, reader: vod_rows.Reader) -> Iterator[SeriesRecord]:
        for row, offered_to in _merged(listed):
            if which is SERIES or vod_rows.is_series(row):
                yield from self._wanted(reader.series(row, from_movies=which is MOVIES), offered_to)

    def _wanted(self, record: Record | None, offered_to: tuple[int, ...]) -> Iterator[Record]:
        if record is not None and (self._portal.with_censored or not record.censored):
            yield replace(record, offered_to=offered_to) if offered_to else record

    # --- lists ---------------------------------------------------------------------------------------------------

    def _listed(self, which: TitleList, progress: Progress) -> _Listed:
        if which not in self._lists:
            self._lists[which] = self._read(which, progress)
        return self._lists[which]

    def _read(self, which: TitleList, progress: Progress) -> _Listed:
        """The list of every MAC that may be asked.

        Raises CatalogueIncomplete, also when a single MAC could not be asked: half of what the MACs are offered must
        not look like all of it.
        """
        categories = self._category_rows(which)
        found = _Listed({}, [])
        if categories is None:
            return found
        first: errors.PortalError | None = None
        for subscription in macs.usable(self._portal):
            try:
                found.by_mac[subscription] = self._of_one_mac(subscription, which, found, progress)
            except (errors.SubscriptionRefused, errors.SubscriptionBusy, errors.SessionLost) as err:
                checking.note_failure(subscription, err)
                found.refused.append(subscription)
                first = first or err
            except errors.PortalError as err:
                if not found.by_mac:
                    raise
                sentence = Say.TITLES_OF_ONE_MAC.of(mac=subscription.shown_name, what=which.shown, why=err.message)
                raise errors.CatalogueIncomplete(sentence, retry_after_s=err.retry_after_s) from err
        if not found.by_mac:
            raise first or errors.NoUsableSubscription(Say.NO_MAC.of())
        if categories and which is MOVIES and not any(spool.ids for spool in found.by_mac.values()):
            raise errors.CatalogueIncomplete(Say.TITLES_EMPTY.of())
        return found

    def _of_one_mac(
        self, subscription: Subscription, which: TitleList, so_far: _Listed, progress: Progress
    ) -> RowSpool:
        if so_far.by_mac:
            same = self._same_as(subscription, which, so_far)
            if same is not None:
                return same
        spool = self._spooled(subscription, which, "*", RowSpool("id"), progress)
        if not spool.ids:
            # Some portals list nothing under "all".
            for row in self._category_rows(which) or []:
                key = ident(row.get("id"))
                if key and key != "*":
                    self._spooled(subscription, which, key, spool, progress)
        return spool

    def _spooled(
        self, subscription: Subscription, which: TitleList, category: str, spool: RowSpool, progress: Progress
    ) -> RowSpool:
        pages = PagedList(lambda page: self._page(subscription, which, page, category), which.shown, progress)
        spool.fill((vod_rows.kept(row, subscription.mac) for row in pages.rows()), lambda done, expected: None)
        return spool

    def _same_as(self, subscription: Subscription, which: TitleList, so_far: _Listed) -> RowSpool | None:
        """The list of another MAC, when this one's newest titles and their number are the same."""
        js = self._page(subscription, which, 1, "*").js
        newest = {ident(row.get("id")) for row in rows(js)} - {""}
        total = number(js.get("total_items")) if isinstance(js, dict) else 0
        for spool in dict.fromkeys(so_far.by_mac.values()):
            if newest <= spool.ids and total == len(spool.ids):
                return spool
        return None

    def _page(self, subscription: Subscription, which: TitleList, page: int, category: str, text: str = "") -> Envelope:
        return self.ask(subscription, list_question(which, page, category=category, text=text))

    def _found(self, subscription: Subscription, which: TitleList, text: str) -> list[Row]:
        found: list[Row] = []
        for page in range(1, _SEARCH_PAGES + 1):
            js = self._sessions.ask(subscription, list_question(which, page, text=text), patience_s=PATIENCE_ASK_S).js
            some = rows(js)
            found += [vod_rows.kept(row, subscription.mac) for row in some]
            if not some or (isinstance(js, dict) and number(js.get("total_items")) <= len(found)):
                break
        return found

    # --- categories ----------------------------------------------------------------------------------------------

    def _category_rows(self, which: TitleList) -> list[Row] | None:
        """The rows of a list's categories, asked for once; None where a portal has no such list."""
        if which not in self._categories:
            self._categories[which] = macs.from_first(
                self._portal, lambda subscription: self._asked_categories(subscription, which)
            )
        return self._categories[which]

    def _asked_categories(self, subscription: Subscription, which: TitleList) -> list[Row] | None:
        question = {"type": which.type, "action": "get_categories"}
        try:
            said = self._wire.persistently(
                lambda: self._sessions.ask_if_known(subscription, question, patience_s=PATIENCE_REFRESH_S)
            )
        except errors.AnswerNotFound:
            if which is MOVIES:
                raise
            return None
        if said is None or said.js is False:
            return None
        if said.js is None:
            raise errors.PortalOverloaded(Say.SERVER_FAULT.of())
        return rows(said.js)

    def _wanted_categories(self, found: list[Row], kind: VodKind, before: str = "") -> list[CategoryRecord]:
        made = (vod_rows.category(row, kind, before) for row in found)
        each = {one.provider_id: one for one in made if one and (self._portal.with_censored or not one.censored)}
        return list(each.values())


def list_question(
    which: TitleList,
    page: int,
    *,
    category: str = "*",
    text: str = "",
    movie_id: str = "0",
    season_id: str = "0",
    episode_id: str = "0",
) -> dict[str, str]:
    """A page of a list, of a series' seasons, of a season's episodes or of an episode's files, as a box asks."""
    return {
        "type": which.type,
        "action": "get_ordered_list",
        "movie_id": movie_id,
        "season_id": season_id,
        "episode_id": episode_id,
        "row": "0",
        "category": category,
        "fav": "0",
        "sortby": "added",
        "hd": "0",
        "not_ended": "0",
        "abc": "*",
        "genre": "*",
        "years": "*",
        "search": text,
        "p": str(page),
    }


def _merged(listed: _Listed) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    return merged(listed.by_mac, listed.refused) if listed.by_mac else iter(())


def _censored_key(row: Row, which: TitleList) -> str | None:
    found = vod_rows.category(row, "movie" if which is MOVIES else "series")
    return found.provider_id if found is not None and found.censored else None
