"""Live television as a portal lists it: genres, the whole list, its pages, and one list out of several MACs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from portals import errors
from portals.models import Portal, Subscription
from portals.providers.base import Progress
from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.stalker import envelope, links, urls
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.session import Sessions
from portals.providers.stalker.values import clean, flag, ident, is_set, number, rows, words
from portals.providers.stalker.wire import PATIENCE_REFRESH_S, SMALL, WHOLE_LIST, Wire
from restreamer.lib.http import Bounds

#: 3,000 pages of 14 are 42,000 channels; a list longer than that does not end.
_MOST_PAGES = 3000
_USUAL_PAGE = 14
#: Rows that come and go while we page, and rows a portal counts but never lists.
_TOLERATED = 0.01
_TOLERATED_ROWS = 3
_RADIO = "radio:"

Row = Mapping[str, Any]


@dataclass(slots=True)
class Listing:
    """The rows one MAC is offered, by id in the portal's order, and how many the portal announced."""

    rows: dict[str, Row] = field(default_factory=dict)
    expected: int = 0

    def add(self, more: Iterable[Row]) -> int:
        """Add rows not seen yet; returns how many were new. The first of two with one id stands."""
        before = len(self.rows)
        for row in more:
            key = ident(row.get("id"))
            if key:
                self.rows.setdefault(key, row)
        return len(self.rows) - before

    @property
    def play_token(self) -> str:
        """The one play token all finished addresses of the list carry; "" when there is none, or one per channel."""
        tokens = {links.play_token_in(str(row.get("cmd") or "")) for row in self.rows.values()} - {""}
        return tokens.pop() if len(tokens) == 1 else ""

    @property
    def is_short(self) -> bool:
        """Clearly fewer rows than announced."""
        missing = self.expected - len(self.rows)
        return missing > max(_TOLERATED_ROWS, self.expected * _TOLERATED)


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
        said = self._ask(subscription, {"type": "itv", "action": "get_genres"})
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
            raise errors.CatalogueIncomplete(Say.LIST_SHORT.of(expected=listing.expected, seen=len(listing.rows)))
        self._add_radio(subscription, listing, progress)
        return listing

    def _whole(self, subscription: Subscription) -> Listing:
        """The list in one answer; an empty listing where the portal does not do that."""
        listing = Listing()
        try:
            said = self._ask(
                subscription,
                {"type": "itv", "action": "get_all_channels", "force_ch_link_check": ""},
                bounds=WHOLE_LIST,
                empty_is_answer=True,
            )
        except (envelope.EmptyAnswer, errors.AnswerNotFound):
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
                listing.add(extra.rows.values())

    def _count_censored(self, subscription: Subscription, genres: list[GenreRecord]) -> int:
        """How many channels the whole list lacks on purpose."""
        count = 0
        for genre in genres:
            if genre.censored:
                count += _total(self._page(subscription, genre.provider_id, 1).js)
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
        if expected - seen > max(_TOLERATED_ROWS, expected * _TOLERATED):
            raise errors.CatalogueIncomplete(Say.LIST_SAME_PAGE.of(seen=seen, expected=expected))

    def _page(self, subscription: Subscription, genre: str, page: int) -> Envelope:
        return self._ask(
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
        """Radio stations, where the portal has any. Their ids are a sequence of their own."""
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
            raise errors.CatalogueIncomplete(Say.LIST_SHORT.of(expected=stations.expected, seen=len(stations.rows)))
        listing.add({**row, "id": _RADIO + key, "is_radio": True} for key, row in stations.rows.items())

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


@dataclass(frozen=True, slots=True)
class Offer:
    """One MAC's row of one item."""

    subscription_id: int
    row: Row
    mac: str
    play_token: str

    @property
    def order(self) -> str:
        """The play order, without what is this MAC's own."""
        cmd = self.row.get("cmd")
        return links.portable(clean(cmd, 4000), self.mac, self.play_token) if isinstance(cmd, str) else ""

    @property
    def is_open(self) -> bool:
        """Decided on `open`, never on the order: unsubscribed rows can show a real one (section 13 item 11)."""
        return self.row.get("open") is None or flag(self.row["open"])


def merged(
    listings: Mapping[Subscription, Listing],
    not_asked: Iterable[Subscription],
    censored_genres: set[str],
    logos_at: str,
) -> list[StreamRecord]:
    """One list out of what several MACs are offered, in the order of the first that lists an item.

    A MAC that could not be asked (refused, in use elsewhere) may offer everything: trying it costs one refusal,
    leaving it out would take a whole subscription out of use until the next refresh.
    """
    unknown = [subscription.pk for subscription in not_asked]
    offers: dict[str, list[Offer]] = {}
    for subscription, listing in listings.items():
        token = listing.play_token
        for key, row in listing.rows.items():
            offers.setdefault(key, []).append(Offer(subscription.pk, row, subscription.mac, token))
    everybody = len(listings) + len(unknown)
    records = []
    for key, found in offers.items():
        chosen = [offer for offer in found if offer.is_open] or found
        takers = [*(offer.subscription_id for offer in chosen), *unknown]
        offered_to = () if len(takers) == everybody else tuple(sorted(takers))
        records.append(_record(key, chosen, offered_to, censored_genres, logos_at))
    return records


def _record(
    key: str, offers: list[Offer], offered_to: tuple[int, ...], censored_genres: set[str], logos_at: str
) -> StreamRecord:
    row = offers[0].row
    genre = ident(row.get("tv_genre_id"))
    return StreamRecord(
        provider_id=key,
        name=words(row.get("name"), 500) or f"Channel {key}",
        number=clean(row["number"], 20) if is_set(row.get("number")) else "",
        genre_id=genre,
        logo=logo_address(row.get("logo"), logos_at),
        guide_id=clean(row["xmltv_id"], 300) if is_set(row.get("xmltv_id")) else "",
        cmd=offers[0].order,
        is_radio=flag(row.get("is_radio")) or flag(row.get("radio")),
        censored=flag(row.get("censored")) or flag(row.get("lock")) or genre in censored_genres,
        subscribed=offers[0].is_open,
        archive_hours=_archive_hours(row),
        provider_data=_provider_data(offers),
        offered_to=offered_to,
    )


def _provider_data(offers: list[Offer]) -> dict[str, Any]:
    """Only what playing needs, so that an unchanged portal gives an unchanged record."""
    first = offers[0]
    told: dict[str, Any] = dict(links.flags_of(first.row))
    order = first.order
    different = {str(offer.subscription_id): offer.order for offer in offers[1:] if offer.order != order}
    if different:
        told["orders"] = different
    alternates = links.alternates_of(first.row, first.mac, first.play_token)
    if alternates:
        told["alternates"] = alternates
    return told


def _archive_hours(row: Row) -> int:
    """Hours of archive; a day where the portal has one but does not say how long."""
    if not (flag(row.get("enable_tv_archive")) or flag(row.get("archive"))):
        return 0
    return min(max(number(row.get("tv_archive_duration")), 0) or 24, 24 * 60)


def logo_address(value: Any, base: str) -> str:
    """A logo's whole address: a bare file name lies in the portal's logo folder; `data:` is ignored."""
    text = clean(value, 2000) if is_set(value) and isinstance(value, str) else ""
    if not text or text.lower().startswith("data:"):
        return ""
    try:
        if "://" in text.partition("?")[0]:
            address = text
        elif "/" in text:
            address = urljoin(base + "/", text)
        else:
            address = f"{base}/misc/logos/320/{text}"
    except ValueError:
        return ""
    return address if address.startswith(("http://", "https://")) and len(address) <= 2000 else ""


def logo_base(portal: Portal) -> str:
    """What bare logo names are relative to, without credentials an address may hold."""
    return urls.base_of(portal.endpoint) if portal.endpoint else ""


def _total(js: Any) -> int:
    return max(number(js.get("total_items")), 0) if isinstance(js, dict) else 0
