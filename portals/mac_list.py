"""MACs as people paste them: many at once, however they are separated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from portals.models import Portal, Subscription
from portals.models.subscription import normal_mac
from restreamer.lib.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class MacList:
    """What a text holds: MACs in one spelling, each once and in order; those that stood there again; what is none."""

    macs: tuple[str, ...]
    doubles: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """What came of a list: the new rows, and the MACs the portal had already."""

    new: tuple[Subscription, ...]
    known: tuple[str, ...]


def read(text: str) -> MacList:
    """Read MACs separated by commas, semicolons, blanks or lines.

    >>> read("001a79-000001, 00:1A:79:00:00:02\\n00 1a 79 00 00 02 nonsense").refused
    ('nonsense',)
    """
    macs: dict[str, None] = {}
    doubles: dict[str, None] = {}
    refused: list[str] = []
    for word in _words(text):
        try:
            mac = normal_mac(word)
        except InvalidInput:
            refused.append(word)
            continue
        (doubles if mac in macs else macs)[mac] = None
    return MacList(tuple(macs), tuple(doubles), tuple(refused))


@transaction.atomic
def add(portal: Portal, macs: Iterable[str]) -> Added:
    """Give the portal those of the MACs it does not have, behind those it has."""
    rows = list(Portal.objects.select_for_update().get(pk=portal.pk).subscriptions.all())
    there = {row.mac for row in rows}
    rank = max((row.rank for row in rows), default=-1)
    new, known = [], []
    for mac in macs:
        if mac in there:
            known.append(mac)
            continue
        rank += 1
        new.append(Subscription.objects.create(portal=portal, mac=mac, rank=rank))
    return Added(tuple(new), tuple(known))


#: Six pairs that are separated by single blanks are one MAC.
_SPACED = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2} ){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")


def _words(text: str) -> list[str]:
    joined = _SPACED.sub(lambda match: match[0].replace(" ", ":"), text)
    return [word for word in re.split(r"[\s,;]+", joined) if word]
