"""A channel is born by copying a stream once, by the rules of its genre."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from channels.models import Channel, ChannelStream, GenreMap, Group
from portals import bulk, new_genres
from portals.mirror.shape import NewRow
from portals.models import Genre, IdStock, Portal
from portals.models.genre import GenreKind
from portals.providers.records import StreamRecord
from portals.rules import compiled
from restreamer.lib import names, storable
from restreamer.lib.errors import InvalidInput

_CHANNEL = (
    "id", "name", "number", "group", "logo", "guide_id", "enabled", "is_radio", "adult", "quality", "country",
    "created_at",
)  # fmt: skip
_LINK = ("channel", "stream", "rank")
_EXAMPLES = 200


NewStream = NewRow[StreamRecord]


class Births:
    """Gives new streams of one portal their channels."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        #: "unnumbered": streams whose channel got no number because its range is full: name and range.
        self.report: dict[str, list[list[str]]] = {}
        self._groups: dict[str, int] = {}
        self._maps = {row.genre_id: row for row in GenreMap.objects.filter(genre__portal=portal)}
        self._used: set[Decimal] | None = None
        self._ids = IdStock()

    def meet(self, genres: Sequence[Genre]) -> None:
        """Write down what the owner wants of genres that appear."""
        said = new_genres.in_its_map(self.portal, GenreKind.LIVE)
        if not said:
            return
        rows = [GenreMap(genre=genre, **said) for genre in genres]
        GenreMap.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
        self._maps.update({row.genre_id: row for row in rows})

    def reserve(self, count: int) -> None:
        """So many channels come next."""
        self._ids.reserve(count)

    def give(self, born: Sequence[NewStream]) -> list[int]:
        """A channel for each stream; returns the new public ids, in the streams' order."""
        ids = [self._ids.take() for _ in born]
        now = bulk.prepared(timezone.now())
        bulk.insert(Channel, _CHANNEL, [self._channel(i, s, now) for i, s in zip(ids, born, strict=True)])
        bulk.insert(ChannelStream, _LINK, [(i, s.pk, 0) for i, s in zip(ids, born, strict=True)])
        return ids

    def follow(self, pks: Sequence[int]) -> None:
        """A channel is a curator's: what becomes of its streams changes nothing of it."""

    def _channel(self, public_id: int, stream: NewStream, now: Any) -> tuple[Any, ...]:
        rules = self._maps.get(stream.genre.pk) if stream.genre else None
        number = self._number(stream, rules)
        name = renamed(stream.name, rules.rename_pattern, rules.rename_to) if rules else stream.name
        said = names.parse(name)
        return (
            public_id,
            name,
            bulk.prepared(number) if number is not None else None,
            self._group_of(stream, rules),
            storable.text(stream.record.logo, 2000),
            storable.text(stream.record.guide_id, 300),
            self._shown(stream, rules),
            stream.record.is_radio,
            stream.censored,
            said.quality,
            said.country,
            now,
        )

    def _shown(self, stream: NewStream, rules: GenreMap | None) -> bool:
        if rules is None or rules.show == GenreMap.Show.PORTAL:
            return self.portal.enable_new and stream.record.subscribed
        return rules.show == GenreMap.Show.YES and stream.record.subscribed

    def _number(self, stream: NewStream, rules: GenreMap | None) -> Decimal | None:
        if rules is None or rules.numbering == GenreMap.Numbering.PROVIDER:
            return as_number(stream.record.number)
        if rules.numbering == GenreMap.Numbering.NONE:
            return None
        return self._next_free(stream, rules)

    def _next_free(self, stream: NewStream, rules: GenreMap) -> Decimal | None:
        if self._used is None:
            self._used = {n for n in Channel.objects.values_list("number", flat=True).distinct() if n is not None}
        number = Decimal(rules.number_from)
        while number in self._used:
            number += 1
        if rules.number_to and number > rules.number_to:
            examples = self.report.setdefault("unnumbered", [])
            if len(examples) < _EXAMPLES:
                examples.append([stream.name, f"{rules.number_from}-{rules.number_to} is full"])
            return None
        self._used.add(number)
        return number

    def _group_of(self, stream: NewStream, rules: GenreMap | None) -> int | None:
        if stream.genre is None:
            return None
        if rules is not None and rules.group_id is not None:
            return rules.group_id
        return self._group(stream.genre.name)

    def _group(self, name: str) -> int:
        if name not in self._groups:
            self._groups[name] = Group.objects.get_or_create(name=name[:200])[0].pk
        return self._groups[name]


def renamed(name: str, pattern: str, replacement: str) -> str:
    """The name after a curator's renaming rule; unchanged when the rule is empty or would leave nothing."""
    if not pattern:
        return name
    try:
        fresh = " ".join(compiled(pattern).sub(replacement, name[:500]).split())
    except re.error as err:
        raise InvalidInput(f"The replacement {replacement!r} does not fit its pattern: {err.msg}.") from err
    return fresh[:500] or name


def as_number(text: str) -> Decimal | None:
    """The portal's channel number, when it is one a player can show (above 0, below 1,000,000, two decimals)."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 < number < 1_000_000:
        return None
    return number.quantize(Decimal("0.01"))
