"""What a provider says about a channel now, beside what a curator made of it; and going back to the provider's word.

The provider's word is that of the stream tried first, after the genre's own rules: the name as renamed, the group as
mapped. What is counted (numbers "next free", or none) or has no word stays out of the comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from channels.mirror.births import as_number, renamed
from channels.models import Channel, ChannelStream, GenreMap, Group, Stream
from channels.numbers import shown_number
from restreamer.lib.errors import InvalidInput
from restreamer.lib.pictures import is_uploaded

#: Columns a provider has a word about, and what people call them.
FIELDS = {
    "name": "name",
    "number": "number",
    "group": "group",
    "logo": "logo",
    "guide_id": "guide id",
    "is_radio": "radio",
    "adult": "adult",
}
#: Rows asked about, and written, in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Said:
    """A stream's word. `group` is a name; `number` means nothing where it is `counted`."""

    name: str
    number: Decimal | None
    group: str
    logo: str
    guide_id: str
    is_radio: bool
    adult: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One column of one channel: ours and the provider's, in words. `clash` names who has the number already."""

    channel: Channel
    field: str
    here: str
    there: str
    clash: str = ""

    @property
    def label(self) -> str:
        """What people call the column."""
        return FIELDS[self.field]


def said_by(stream: Stream) -> Said:
    """The stream's word; its genre with map and group must be at hand."""
    genre = stream.genre
    rules: GenreMap | None = getattr(genre, "map", None) if genre else None
    try:
        name = renamed(stream.name, rules.rename_pattern, rules.rename_to) if rules else stream.name
    except InvalidInput:
        # A replacement that does not fit its pattern renames nothing.
        name = stream.name
    group = "" if genre is None else rules.group.name if rules and rules.group else genre.name[:200]
    counted = rules is not None and rules.numbering != GenreMap.Numbering.PROVIDER
    return Said(
        name, as_number(stream.number), group, stream.logo, stream.guide_id, stream.is_radio, stream.censored, counted
    )


def differences(channels: Iterable[Channel], fields: Collection[str] = tuple(FIELDS)) -> list[Difference]:
    """Where the channels differ from their providers' word, in the order given."""
    chosen = list(channels)
    found = []
    for start in range(0, len(chosen), _AT_ONCE):
        part = chosen[start : start + _AT_ONCE]
        said = _said(part)
        taken = _taken(one.number for one in said.values()) if "number" in fields else {}
        for channel in part:
            if channel.pk in said:
                found += [one for one in _compared(channel, said[channel.pk], taken) if one.field in fields]
    return found


def reset(channels: Iterable[Channel], fields: Collection[str]) -> int:
    """Take the providers' word for these columns; how many channels changed."""
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise InvalidInput(f"No provider says anything about {', '.join(sorted(unknown))}.")
    chosen = list(channels)
    changed = 0
    for start in range(0, len(chosen), _AT_ONCE):
        changed += _reset(chosen[start : start + _AT_ONCE], fields)
    return changed


def changed_by_hand(field: str) -> Q:
    """Channels fed by streams none of which says the same about the column; renamed genres are left aside."""
    links = ChannelStream.objects.filter(channel=OuterRef("pk"))
    return Exists(links) & ~Exists(links.filter(_SAME[field]))


_SAME = {
    "name": Q(stream__name=F("channel__name")) | Q(stream__genre__map__rename_pattern__gt=""),
    "logo": Q(stream__logo=F("channel__logo")),
    "guide_id": Q(stream__guide_id=F("channel__guide_id")),
    "group": Q(stream__genre__name=F("channel__group__name"))
    | Q(stream__genre__map__group=F("channel__group"))
    | Q(stream__genre=None, channel__group=None),
}


@transaction.atomic
def _reset(channels: Sequence[Channel], fields: Collection[str]) -> int:
    said = _said(channels)
    changed = []
    for channel in channels:
        if channel.pk not in said:
            continue
        word = said[channel.pk]
        differing = [one.field for one in _compared(channel, word, {}) if one.field in fields]
        for field in differing:
            setattr(channel, field, _group(word.group) if field == "group" else getattr(word, field))
        if differing:
            channel.read_name()
            changed.append(channel)
    Channel.objects.bulk_update(changed, [*FIELDS, "quality", "country"], batch_size=_AT_ONCE)
    return len(changed)


def _group(name: str) -> Group | None:
    return Group.objects.get_or_create(name=name)[0] if name else None


def _said(channels: Sequence[Channel]) -> dict[int, Said]:
    """Of the first stream of each channel that is still offered, else of the first."""
    links = ChannelStream.objects.filter(channel__in=[channel.pk for channel in channels])
    links = links.select_related("stream__genre__map__group")
    first: dict[int, Stream] = {}
    for link in links.order_by(
        F("stream__stale_since").asc(nulls_first=True), "rank", "stream__portal__priority", "pk"
    ):
        first.setdefault(link.channel_id, link.stream)
    return {pk: said_by(stream) for pk, stream in first.items()}


def _compared(channel: Channel, said: Said, taken: dict[Decimal, list[tuple[int, str]]]) -> Iterable[Difference]:
    group = channel.group.name if channel.group else ""
    pairs: dict[str, tuple[Any, Any]] = {
        "name": (channel.name, said.name),
        "group": (group, said.group),
        "logo": (channel.logo, said.logo),
        "guide_id": (channel.guide_id, said.guide_id),
    }
    if channel.number != said.number and not said.counted:
        others = [name for pk, name in taken.get(said.number, []) if pk != channel.pk] if said.number else []
        clash = others[0] if others else ""
        yield Difference(channel, "number", channel.shown_number, shown_number(said.number), clash)
    for field, (here, there) in pairs.items():
        if here != there:
            yield Difference(channel, field, "an uploaded picture" if is_uploaded(here) else here, there)
    for field in ("is_radio", "adult"):
        if getattr(channel, field) != getattr(said, field):
            yield Difference(channel, field, _yes(getattr(channel, field)), _yes(getattr(said, field)))


def _taken(numbers: Iterable[Decimal | None]) -> dict[Decimal, list[tuple[int, str]]]:
    """Who has these numbers."""
    asked = {number for number in numbers if number is not None}
    taken: dict[Decimal, list[tuple[int, str]]] = {}
    for number, pk, name in Channel.objects.filter(number__in=asked).order_by().values_list("number", "pk", "name"):
        if number is not None:
            taken.setdefault(number, []).append((pk, name))
    return taken


def _yes(value: bool) -> str:
    return "yes" if value else "no"
