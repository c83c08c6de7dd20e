"""New numbers and names for many channels at once: worked out first, shown, then written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from django.db.models import Count

from channels.mirror.births import as_number, renamed
from channels.models import Channel, GenreMap
from channels.numbers import shown_number
from restreamer.lib.errors import InvalidInput

_HIGHEST = 999_999


@dataclass(frozen=True, slots=True)
class Change:
    """One channel's new number or name; `clash` names who has the number already."""

    channel: Channel
    before: str
    after: str
    clash: str = ""


def numbers(channels: Sequence[Channel], mode: str, first: int = 1, last: int = 0) -> list[Change]:
    """New numbers in the order given: the portal's own, from `first` on, next free from `first`, or none.

    With `last`, numbers end there. Raises InvalidInput when the channels do not fit.
    """
    chosen = {channel.pk for channel in channels}
    others = Channel.objects.exclude(number=None).order_by("-pk").values_list("number", "name", "pk")
    taken = {number: name for number, name, pk in others if pk not in chosen}
    changes = []
    upcoming = Decimal(first)
    for channel in channels:
        number = _provider_number(channel) if mode == "provider" else None
        if mode in ("from", "next_free"):
            while mode == "next_free" and upcoming in taken:
                upcoming += 1
            if upcoming > (last or _HIGHEST):
                raise InvalidInput(f"{len(channels)} channels do not fit into {first} to {last or _HIGHEST}.")
            number, upcoming = upcoming, upcoming + 1
        clash = taken.get(number, "") if number is not None else ""
        changes.append(Change(channel, channel.shown_number, shown_number(number), clash))
    return changes


def names(channels: Iterable[Channel], pattern: str, replacement: str) -> list[Change]:
    """New names by a regular expression; only those that change. Raises InvalidInput."""
    if not pattern:
        raise InvalidInput("Give a pattern to look for.")
    changes = (Change(one, one.name, renamed(one.name, pattern, replacement)) for one in channels)
    return [change for change in changes if change.before != change.after]


def write_numbers(changes: Iterable[Change]) -> int:
    """Store the numbers; how many differ from before."""
    changed = [change for change in changes if change.before != change.after]
    for change in changed:
        change.channel.number = Decimal(change.after) if change.after else None
    Channel.objects.bulk_update([change.channel for change in changed], ["number"], batch_size=500)
    return len(changed)


def write_names(changes: Sequence[Change]) -> int:
    """Store the names."""
    for change in changes:
        change.channel.name = change.after
        change.channel.read_name()
    Channel.objects.bulk_update([c.channel for c in changes], ["name", "quality", "country"], batch_size=500)
    return len(changes)


def conflicts() -> list[str]:
    """What the numbering contradicts itself in: numbers used twice, ranges of genres that overlap."""
    said = []
    double = Channel.objects.enabled().exclude(number=None).order_by().values("number").annotate(n=Count("pk"))
    for row in double.filter(n__gt=1).order_by("number")[:100]:
        told = ", ".join(Channel.objects.enabled().filter(number=row["number"]).values_list("name", flat=True)[:5])
        said.append(f"Number {shown_number(row['number'])} is used {row['n']} times: {told}.")
    ranges = GenreMap.objects.filter(numbering=GenreMap.Numbering.NEXT_FREE, number_to__gt=0)
    rows = list(ranges.select_related("genre__portal").order_by("number_from", "pk"))
    for one, other in pairwise(rows):
        if other.number_from <= one.number_to:
            said.append(
                f"The ranges of {one} ({one.number_from}-{one.number_to}) and {other} "
                f"({other.number_from}-{other.number_to}) overlap."
            )
    return said


def _provider_number(channel: Channel) -> Decimal | None:
    stream = channel.streams.order_by("link__rank", "pk").first()
    return as_number(stream.number) if stream is not None else None
