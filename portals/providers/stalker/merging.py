"""One catalogue out of what several MACs are offered: rows become records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        return clearly_short(len(self.rows), self.expected)


def clearly_short(seen: int, expected: int) -> bool:
    """Is more missing than rows that come and go explain?"""
    return expected - seen > max(_TOLERATED_ROWS, expected * _TOLERATED_SHARE)


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
