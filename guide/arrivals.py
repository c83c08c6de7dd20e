"""A new portal brings its guide: at once where the portal tells it itself, as a proposal where a playlist names one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from guide.models import EpgSource, GuideProposal, SourceKind
from portals.models import Portal, PortalKind
from restreamer.lib.errors import InvalidInput

_OWN_KINDS: dict[str, SourceKind] = {PortalKind.STALKER: SourceKind.PORTAL, PortalKind.XTREAM: SourceKind.XTREAM}
_LONGEST_NAME = 100
#: Headers with hundreds of addresses want to fill the page.
_MOST_PROPOSALS = 10
_LONGEST_ADDRESS = 2000


def portal_arrived(sender: object, portal: Portal, with_guide: bool, **_: Any) -> None:
    """Receives `portals.adding.portal_added`."""
    if with_guide and portal.kind in _OWN_KINDS:
        kind = _OWN_KINDS[portal.kind]
        EpgSource.objects.create(name=_free_name(portal.name), kind=kind, portal=portal)


def propose(portal: Portal, addresses: Sequence[str]) -> int:
    """Keep the guides a playlist names; returns how many wait for the owner. What it names no more is forgotten."""
    named = [one for one in addresses if one.startswith(("http://", "https://")) and len(one) <= _LONGEST_ADDRESS]
    named = named[:_MOST_PROPOSALS]
    known = set(EpgSource.objects.filter(address__in=named).values_list("address", flat=True))
    for address in named:
        if address not in known:
            GuideProposal.objects.get_or_create(portal=portal, address=address)
    waiting = GuideProposal.objects.filter(portal=portal, state=GuideProposal.State.OPEN)
    waiting.exclude(address__in=[one for one in named if one not in known]).delete()
    return waiting.count()


@transaction.atomic
def take(proposal: GuideProposal) -> EpgSource:
    """The source it becomes. It stays its portal's: the portal's fence, proxy and certificates hold for it.

    Raises InvalidInput when it was decided before.
    """
    _decide(proposal, GuideProposal.State.TAKEN)
    return EpgSource.objects.create(
        name=_free_name(proposal.portal.name), kind=SourceKind.URL, address=proposal.address, portal=proposal.portal
    )


def refuse(proposal: GuideProposal) -> None:
    """Leave it out, for ever. Raises InvalidInput when it was decided before."""
    _decide(proposal, GuideProposal.State.REFUSED)


def _decide(proposal: GuideProposal, state: str) -> None:
    waiting = GuideProposal.objects.filter(pk=proposal.pk, state=GuideProposal.State.OPEN)
    if not waiting.update(state=state):
        raise InvalidInput("This was decided already.")


def _free_name(name: str) -> str:
    """A source's name nobody has, made from the portal's."""
    free, n = name[:_LONGEST_NAME], 1
    while EpgSource.objects.filter(name=free).exists():
        n += 1
        ending = f" {n}"
        free = name[: _LONGEST_NAME - len(ending)] + ending
    return free
