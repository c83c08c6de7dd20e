"""Whole lists of a panel, category by category where it fails to send them whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from portals import errors
from portals.models import Subscription
from portals.providers.base import Progress
from portals.providers.row_spool import RowSpool
from portals.providers.xtream.panel import Panel
from portals.providers.xtream.values import ident

#: Where a whole list fails, its parts are tried; so many of them must be empty to believe that all are.
_EMPTY_PARTS = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three kinds of things a panel lists, in the panel's words and in ours."""

    #: As in `get_live_categories`.
    named: str
    list_action: str
    id_field: str
    shown: str


LIVE = Kind("live", "get_live_streams", "stream_id", "live channels")
MOVIES = Kind("vod", "get_vod_streams", "stream_id", "movies")
SERIES = Kind("series", "get_series", "series_id", "series")


def category_rows(panel: Panel, subscription: Subscription, kind: Kind) -> Iterator[dict[str, Any]]:
    """The panel's categories of this kind. Raises PortalError."""
    return panel.rows(subscription, f"categories of {kind.shown}", action=f"get_{kind.named}_categories")


def fetch(panel: Panel, subscription: Subscription, kind: Kind, progress: Progress) -> RowSpool:
    """The whole list of one login; category by category where the panel fails to send it whole.

    Raises CatalogueIncomplete, PortalError.
    """
    listing = RowSpool(kind.id_field)
    trouble: errors.PortalError | None = None
    try:
        listing.fill(panel.rows(subscription, kind.shown, action=kind.list_action), progress)
    except (errors.CatalogueIncomplete, errors.AnswerUnreadable, errors.PortalOverloaded) as err:
        trouble = err
    if trouble is None and listing.ids:
        return listing
    try:
        _fill_by_category(listing, panel, subscription, kind, progress)
    except errors.PortalError as err:
        raise trouble or err from err
    if trouble is not None and not listing.ids:
        raise trouble
    return listing


def _fill_by_category(
    listing: RowSpool, panel: Panel, subscription: Subscription, kind: Kind, progress: Progress
) -> None:
    """Raises PortalError; then the listing is not complete."""
    categories = [ident(row.get("category_id")) for row in category_rows(panel, subscription, kind)]
    for place, category in enumerate(filter(None, categories)):
        if place >= _EMPTY_PARTS and not listing.ids:
            return
        rows = panel.rows(subscription, kind.shown, action=kind.list_action, category_id=category)
        listing.fill(rows, progress)
