"""Turns wishes into rows: portals first, their channels once they are listed. Doing it again changes nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.adding import add_viewer
from accounts.models import Viewer
from channels import merging
from channels.mirror.births import as_number
from channels.models import Channel, Group, Stream, StreamRule
from guide.jobs import ask_for_match
from guide.models import EpgSource, SourceKind
from portals.adding import add_portal
from portals.models import Portal
from portals.rules import compiled
from restreamer.lib.errors import RestreamerError
from restreamer.moving.wishes import Curated, PortalWish, Wishes

#: Has a portal's channels fetched and waits; returns a sentence when that did not work.
Refresh = Callable[[Portal], str]


class _DryRun(Exception):
    """Raised at the end of a rehearsal, so that the database takes everything back."""


def move_in(wishes: Wishes, refresh: Refresh | None, *, dry_run: bool) -> dict[str, Any]:
    """Store everything that can be; the report says what came of each wish.

    A rehearsal (`dry_run`) stores, reports, and takes it back: what it says is what would happen.
    """
    report: dict[str, Any] = {"portals": [], "guides": [], "viewers": [], "left": list(wishes.left)}
    try:
        with transaction.atomic():
            portals = [(_portal(wish, report), wish) for wish in wishes.portals]
            _guides(wishes, report)
            _viewers(wishes, report)
            if dry_run:
                raise _DryRun
    except _DryRun:
        return report
    for (portal, wish), row in zip(portals, report["portals"], strict=True):
        if portal is None:
            continue
        trouble = refresh(portal) if refresh else ""
        if trouble:
            row["result"] += f"; its channels could not be fetched: {trouble}"
        row["channels_curated"], row["channels_missing"] = _curate(portal, wish.channels)
    _stand_ins(portals)
    ask_for_match()
    return report


def _portal(wish: PortalWish, report: dict[str, Any]) -> Portal | None:
    """The new portal, or the one that is here under this name already."""
    row = {"name": wish.new.name, "kind": wish.new.kind, "channels": len(wish.channels)}
    report["portals"].append(row)
    there = Portal.objects.filter(name=wish.new.name).first()
    if there is not None:
        row["result"] = "there already; its channels are brought up to date"
        return there
    try:
        with transaction.atomic():
            portal = add_portal(wish.new)
            for name, value in wish.columns.items():
                setattr(portal, name, value)
            portal.save()
            for position, (action, pattern) in enumerate(wish.rules):
                compiled(pattern)
                StreamRule.objects.create(portal=portal, position=position, action=action, pattern=pattern)
    except RestreamerError as err:
        row["result"] = f"not added: {err.message}"
        return None
    row["result"] = f"added with {portal.subscriptions.count()} subscription(s)"
    return portal


def _guides(wishes: Wishes, report: dict[str, Any]) -> None:
    for wish in wishes.guides:
        _, made = EpgSource.objects.get_or_create(
            name=wish.name[:100],
            defaults={"kind": SourceKind.URL, "address": wish.address[:2000], "priority": wish.priority},
        )
        report["guides"].append({"name": wish.name, "result": "added" if made else "there already"})


def _viewers(wishes: Wishes, report: dict[str, Any]) -> None:
    for wish in wishes.viewers:
        result = "there already"
        if not Viewer.objects.filter(name=wish.name).exists():
            try:
                add_viewer(wish.name, wish.password, connections=wish.connections)
                result = "added with its password"
            except RestreamerError as err:
                result = f"not added: {err.message}"
        report["viewers"].append({"name": wish.name, "result": result})


@transaction.atomic
def _curate(portal: Portal, wanted: dict[str, Curated]) -> tuple[int, int]:
    """Give the portal's channels what was decided about them; how many, and how many are not offered."""
    ids = list(wanted)
    done = 0
    for at in range(0, len(ids), 500):
        streams = Stream.objects.filter(portal=portal, provider_id__in=ids[at : at + 500], link__isnull=False)
        for stream in streams.select_related("link__channel"):
            done += 1
            _apply(stream.link.channel, wanted[stream.provider_id])
    return done, len(ids) - done


def _apply(channel: Channel, wish: Curated) -> None:
    channel.enabled = channel.enabled or wish.enabled
    channel.name = wish.name[:500] or channel.name
    channel.guide_id = wish.guide_id[:300] or channel.guide_id
    number = as_number(wish.number)
    if number is not None:
        channel.number = number
    if wish.group:
        channel.group = Group.objects.get_or_create(name=wish.group[:200])[0]
    channel.save()


def _stand_ins(portals: list[tuple[Portal | None, PortalWish]]) -> None:
    """A channel that stood in for another becomes its further stream."""
    for portal, wish in portals:
        for provider_id, one in wish.channels.items():
            if portal is None or not one.stands_in_for:
                continue
            stream = Stream.objects.filter(portal=portal, provider_id=provider_id, link__isnull=False).first()
            main = Channel.objects.filter(name=one.stands_in_for, enabled=True).order_by("pk").first()
            if stream is not None and main is not None and stream.link.channel_id != main.pk:
                merging.by_hand([main, stream.link.channel], "import", stays=main)
