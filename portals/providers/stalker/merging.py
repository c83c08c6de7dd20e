"""One catalogue out of what several MACs are offered: rows become records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from portals.models import Portal, Subscription
from portals.providers.records import StreamRecord
from portals.providers.stalker import links, urls
from portals.providers.stalker.values import clean, flag, ident, is_set, number, words

#: Rows that come and go while we page, and rows a portal counts but never lists.
_TOLERATED_SHARE = 0.01
_TOLERATED_ROWS = 3

Row = Mapping[str, Any]

#: What is kept of a channel row; the rest of its 1.2 KB is dropped while the list is read.
_KEPT = {
    "id",
    "name",
    "number",
    "tv_genre_id",
    "cmd",
    "cmd_1",
    "cmd_2",
    "cmd_3",
    "cmds",
    "logo",
    "xmltv_id",
    "open",
    "censored",
    "lock",
    "is_radio",
    "radio",
    "archive",
    "enable_tv_archive",
    "tv_archive_duration",
    *links.FLAG_FIELDS,
}


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
            if key and key not in self.rows:
                self.rows[key] = {name: value for name, value in row.items() if name in _KEPT}
        return len(self.rows) - before

    def drop_censored(self, censored_genres: set[str]) -> None:
        """Leave out what the owner does not want fetched."""
        self.rows = {key: row for key, row in self.rows.items() if not _is_censored(row, censored_genres)}

    @property
    def play_token(self) -> str:
        """The one play token all finished addresses of the list carry; "" when there is none, or one per channel."""
        tokens = {links.play_token_in(str(row.get("cmd") or "")) for row in self.rows.values()} - {""}
        return tokens.pop() if len(tokens) == 1 else ""

    @property
    def is_short(self) -> bool:
        """Clearly fewer rows than announced."""
        return clearly_short(len(self.rows), self.expected)


def clearly_short(seen: int, expected: int) -> bool:
    """Is more missing than rows that come and go explain?"""
    return expected - seen > max(_TOLERATED_ROWS, expected * _TOLERATED_SHARE)


@dataclass(slots=True)
class _Item:
    """One item: the row of the first MAC that may watch it, its order, and who else is offered it."""

    row: Row
    order: str
    is_open: bool
    first: int
    alternates: list[str]
    #: Further MACs, with their order where it is another than the first one's.
    others: dict[int, str] = field(default_factory=dict)


class Catalogue:
    """What several MACs are offered, as one list in the order of the first that lists an item.

    Rows of one MAC are let go before the next one's come, so many MACs cost little more memory than one.
    """

    def __init__(self, logos_at: str) -> None:
        self._items: dict[str, _Item] = {}
        self._listed: list[int] = []
        self._censored: set[str] = set()
        self._logos_at = logos_at

    def add(self, subscription: Subscription, listing: Listing, censored_genres: set[str]) -> None:
        """Take in all that one MAC is offered."""
        self._listed.append(subscription.pk)
        self._censored |= censored_genres
        token = listing.play_token
        for key, row in listing.rows.items():
            self._take(key, row, subscription, token)

    def _take(self, key: str, row: Row, subscription: Subscription, token: str) -> None:
        order = _order(row, subscription.mac, token)
        # Decided on `open`, never on the order: unsubscribed rows can show a real one (section 13 item 11).
        is_open = row.get("open") is None or flag(row["open"])
        item = self._items.get(key)
        if item is None or (is_open and not item.is_open):
            alternates = links.alternates_of(row, subscription.mac, token)
            self._items[key] = _Item(row, order, is_open, subscription.pk, alternates)
        elif is_open == item.is_open:
            item.others[subscription.pk] = "" if order == item.order else order

    def __bool__(self) -> bool:
        return bool(self._listed)

    def records(self, not_asked: Iterable[Subscription]) -> Iterator[StreamRecord]:
        """The merged list.

        A MAC that could not be asked (refused, in use elsewhere) may offer everything: trying it costs one refusal,
        leaving it out would take a whole subscription out of use until the next refresh.
        """
        unknown = [subscription.pk for subscription in not_asked]
        everybody = len(self._listed) + len(unknown)
        for key, item in self._items.items():
            takers = [item.first, *item.others, *unknown]
            yield self._record(key, item, () if len(takers) == everybody else tuple(sorted(takers)))

    def _record(self, key: str, item: _Item, offered_to: tuple[int, ...]) -> StreamRecord:
        row = item.row
        return StreamRecord(
            provider_id=key,
            name=words(row.get("name"), 500) or f"Channel {key}",
            number=clean(row["number"], 20) if is_set(row.get("number")) else "",
            genre_id=ident(row.get("tv_genre_id")),
            logo=logo_address(row.get("logo"), self._logos_at),
            guide_id=clean(row["xmltv_id"], 300) if is_set(row.get("xmltv_id")) else "",
            cmd=item.order,
            is_radio=flag(row.get("is_radio")) or flag(row.get("radio")),
            censored=_is_censored(row, self._censored),
            subscribed=item.is_open,
            archive_hours=_archive_hours(row),
            provider_data=_provider_data(item),
            offered_to=offered_to,
        )


def _provider_data(item: _Item) -> dict[str, Any]:
    """Only what playing needs, so that an unchanged portal gives an unchanged record."""
    told: dict[str, Any] = dict(links.flags_of(item.row))
    different = {str(pk): order for pk, order in item.others.items() if order}
    if different:
        told["orders"] = different
    if item.alternates:
        told["alternates"] = item.alternates
    return told


def _order(row: Row, mac: str, play_token: str) -> str:
    """The play order, without what is this MAC's own."""
    cmd = row.get("cmd")
    return links.portable(clean(cmd, 4000), mac, play_token) if isinstance(cmd, str) else ""


def _is_censored(row: Row, censored_genres: set[str]) -> bool:
    return flag(row.get("censored")) or flag(row.get("lock")) or ident(row.get("tv_genre_id")) in censored_genres


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
