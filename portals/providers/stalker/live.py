"""Live television as a portal lists it to one MAC: genres, the whole list or its pages, censored ones, radio."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from portals import errors
from portals.models import Portal, Subscription
from portals.providers.base import Progress
from portals.providers.records import GenreRecord
from portals.providers.stalker import envelope
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.merging import Listing, Row, clearly_short
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.session import Sessions
from portals.providers.stalker.values import flag, ident, number, rows, words
from portals.providers.stalker.wire import PATIENCE_REFRESH_S, SMALL, WHOLE_LIST, Wire
from restreamer.lib.http import Bounds

#: 3,000 pages of 14 are 42,000 channels; a list longer than that does not end.
_MOST_PAGES = 3000
_USUAL_PAGE = 14
#: How ids of radio stations begin with us: the portal counts them apart from its channels.
RADIO = "radio:"


class LiveReader:
    """Reads the live side of one portal with one MAC at a time."""

    def __init__(self, portal: Portal, sessions: Sessions, wire: Wire) -> None:
        self._portal = portal
        self._sessions = sessions
        self._wire = wire

    def genres(self, subscription: Subscription) -> list[GenreRecord]:
        """All genres, without the row that stands for all of them.

        Raises PortalError.
        """
        said = self._asked_without_fault(subscription, {"type": "itv", "action": "get_genres"})
        found: dict[str, GenreRecord] = {}
        for row in rows(said.js):
            key = ident(row.get("id"))
            if key and key != "*":
                name = words(row.get("title")) or words(row.get("alias")) or key
                found.setdefault(key, GenreRecord(key, name, flag(row.get("censored"))))
        return list(found.values())

    def listing(self, subscription: Subscription, genres: list[GenreRecord], progress: Progress) -> Listing:
        """All channels this MAC is offered; radio stations carry ids that begin with `radio:`.

        Raises CatalogueIncomplete when the portal announced clearly more than it listed, PortalError.
        """
        listing = self._whole(subscription)
        progress(len(listing.rows), listing.expected)
        if not listing.rows:
            self._page_through(subscription, listing, "*", progress)
        if self._portal.with_censored:
            self._add_censored(subscription, listing, genres, progress)
        elif listing.is_short:
            listing.expected -= self._count_censored(subscription, genres)
        if listing.is_short:
            self._page_through(subscription, listing, "*", progress)
        if not listing.rows:
            raise errors.CatalogueIncomplete(Say.LIST_EMPTY.of())
        if listing.is_short:
            raise _short(listing)
        if not self._portal.with_censored:
            listing.drop_censored(censored_ids(genres))
        self._add_radio(subscription, listing, progress)
        return listing

    def _whole(self, subscription: Subscription) -> Listing:
        """The list in one answer; an empty listing where the portal does not do that, or breaks on its size."""
        listing = Listing()
        try:
            said = self._ask(
                subscription,
                {"type": "itv", "action": "get_all_channels", "force_ch_link_check": ""},
                bounds=WHOLE_LIST,
                empty_is_answer=True,
            )
        except (envelope.EmptyAnswer, errors.AnswerUnreadable, errors.PortalOverloaded):
            return listing
        listing.add(rows(said.js))
        listing.expected = _total(said.js)
        return listing

    def _add_censored(
        self, subscription: Subscription, listing: Listing, genres: list[GenreRecord], progress: Progress
    ) -> None:
        """Stock leaves adult channels out of the whole list; panels do not. So: genres none of whose rows came."""
        present = {ident(row.get("tv_genre_id")) for row in listing.rows.values()}
        for genre in genres:
            if genre.censored and genre.provider_id not in present:
                extra = Listing()
                self._page_through(subscription, extra, genre.provider_id, progress)
                if extra.is_short:
                    raise _short(extra)
                listing.add(extra.rows.values())

    def _count_censored(self, subscription: Subscription, genres: list[GenreRecord]) -> int:
        """How many channels the whole list lacks on purpose."""
        count = 0
        for genre in genres:
            if genre.censored:
                js = self._page(subscription, genre.provider_id, 1).js
                found = rows(js)
                # A portal that ignores the genre would tell the size of everything.
                if found and all(ident(row.get("tv_genre_id")) == genre.provider_id for row in found):
                    count += _total(js)
        return count

    def _page_through(self, subscription: Subscription, listing: Listing, genre: str, progress: Progress) -> None:
        """Page after page until one is empty or brings nothing new; what the portal announces is no reason to stop.

        Raises CatalogueIncomplete when the portal sends one page for ever, or pages without end.
        """
        seen: set[str] = set()
        was_empty = False
        for page in range(1, _MOST_PAGES + 1):
            found, is_past_end = self._rows_of_page(subscription, listing, genre, page)
            listing.add(found)
            progress(len(listing.rows), listing.expected)
            if not found:
                if was_empty or is_past_end:
                    return
                was_empty = True
                continue
            was_empty = False
            ids = {ident(row.get("id")) for row in found}
            if ids <= seen:
                self._end_of_repeats(len(seen), listing.expected)
                return
            seen |= ids
        raise errors.CatalogueIncomplete(Say.LIST_TOO_LONG.of())

    def _rows_of_page(
        self, subscription: Subscription, listing: Listing, genre: str, page: int
    ) -> tuple[list[Row], bool]:
        """One page, and whether it lies beyond the end; an empty one before that may be a hiccup: asked once more."""
        js = self._page(subscription, genre, page).js
        listing.expected = _total(js) or listing.expected
        per_page = number(js.get("max_page_items")) if isinstance(js, dict) else 0
        is_past_end = page > math.ceil(listing.expected / (per_page or _USUAL_PAGE))
        found = rows(js)
        if not found and not is_past_end:
            found = rows(self._page(subscription, genre, page).js)
        return found, is_past_end

    def _end_of_repeats(self, seen: int, expected: int) -> None:
        """A page without a new id: the end, or a portal that ignores page numbers."""
        if clearly_short(seen, expected):
            raise errors.CatalogueIncomplete(Say.LIST_SAME_PAGE.of(seen=seen, expected=expected))

    def _page(self, subscription: Subscription, genre: str, page: int) -> Envelope:
        return self._asked_without_fault(
            subscription,
            {
                "type": "itv",
                "action": "get_ordered_list",
                "genre": genre,
                "force_ch_link_check": "",
                "fav": "0",
                "sortby": "number",
                "hd": "0",
                "p": str(page),
            },
        )

    def _add_radio(self, subscription: Subscription, listing: Listing, progress: Progress) -> None:
        """Radio stations, where the portal has any. Their ids are a sequence of their own.

        A row without link flags holds a finished address: stock has no create_link for radio.
        """
        stations = Listing()
        for page in range(1, _MOST_PAGES):
            parameters = {"type": "radio", "action": "get_ordered_list", "all": "0", "sortby": "number", "p": str(page)}
            try:
                said = self._ask(subscription, parameters, empty_is_answer=True)
            except (envelope.EmptyAnswer, errors.AnswerNotFound):
                break
            stations.expected = _total(said.js) or stations.expected
            if not stations.add(rows(said.js)) or len(stations.rows) >= stations.expected:
                break
            progress(len(listing.rows) + len(stations.rows), listing.expected + stations.expected)
        if stations.is_short:
            raise _short(stations)
        listing.add(
            {"use_http_tmp_link": 0, **row, "id": RADIO + key, "is_radio": True} for key, row in stations.rows.items()
        )

    def _asked_without_fault(self, subscription: Subscription, parameters: Mapping[str, str]) -> Envelope:
        """Where `js:null` is a server exception rather than an empty list."""
        said = self._ask(subscription, parameters)
        if said.js is None:
            raise errors.PortalOverloaded(Say.SERVER_FAULT.of())
        return said

    def _ask(
        self,
        subscription: Subscription,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds = SMALL,
        empty_is_answer: bool = False,
    ) -> Envelope:
        return self._wire.persistently(
            lambda: self._sessions.ask(
                subscription,
                parameters,
                bounds=bounds,
                patience_s=PATIENCE_REFRESH_S,
                empty_is_answer=empty_is_answer,
            )
        )


def _short(listing: Listing) -> errors.CatalogueIncomplete:
    return errors.CatalogueIncomplete(Say.LIST_SHORT.of(expected=listing.expected, seen=len(listing.rows)))


def _total(js: Any) -> int:
    return max(number(js.get("total_items")), 0) if isinstance(js, dict) else 0


def censored_ids(genres: list[GenreRecord]) -> set[str]:
    """The genres a portal marks as adult."""
    return {genre.provider_id for genre in genres if genre.censored}
