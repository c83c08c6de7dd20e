"""What becomes of a genre that a portal names for the first time, after it named others before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portals.models import Genre, NewGenres, Portal
from portals.models.genre import GenreKind

#: Keys of `Show`, which the maps of channels and of titles have alike.
_SHOW = {NewGenres.USUAL: "portal", NewGenres.SHOW: "yes", NewGenres.HIDE: "no", NewGenres.LEAVE: "portal"}


def in_its_map(portal: Portal, kind: str) -> dict[str, Any]:
    """What the map of a new genre says by the owner's wish: `ignored` and `show`; empty = no map is needed."""
    wanted = portal.new_genres(kind)
    if wanted == NewGenres.USUAL:
        return {}
    return {"ignored": wanted == NewGenres.LEAVE, "show": _SHOW[wanted]}


def left_out(portal: Portal, kind: GenreKind, named: Iterable[str]) -> set[str]:
    """The provider's ids, among those it names now, of new genres nothing is to be taken of."""
    if portal.new_genres(kind) != NewGenres.LEAVE:
        return set()
    known = set(Genre.objects.filter(portal=portal, kind=kind).values_list("provider_id", flat=True))
    # The first list a portal sends is all new, and wanted: that is why it was added.
    return set(named) - known if known else set()
