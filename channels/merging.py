"""Merging channels: keep proposals, merge, take back, split. A merge moves streams; the older channel stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.forms.models import model_to_dict
from django.utils import timezone

from channels.models import Channel, ChannelStream, Merge, Stream, StreamHealth
from channels.same import AUTO_ACCEPT, Entry, propose, quality_rank
from guide.models import GuideMatch
from restreamer.lib.errors import RestreamerError

_BATCH = 500
#: Curated columns of a channel that a merge would lose.
_CURATED = ("name", "number", "group", "logo", "guide_id", "enabled", "is_radio", "adult")


class NotMergeable(RestreamerError):
    """The two cannot be merged, or the merge cannot be taken back; the message says why."""

    permanent = True
    status = 409


@dataclass(frozen=True, slots=True)
class Proposed:
    """What looking for doubles brought."""

    new: int
    merged: int
    open: int


def refresh_proposals(*, auto: bool, by: str = "automatic") -> Proposed:
    """Look for channels that are one and keep the proposals; with `auto`, merge the sure ones at once."""
    found = {(one.stays, one.goes): one for one in propose(_entries(), _decided())}
    with transaction.atomic():
        # Rows that still hold stay as they are: somebody may have them on the screen just now.
        kept = set()
        doomed = []
        for row in Merge.objects.filter(state=Merge.State.OPEN):
            again = found.get((row.stays_id_kept, row.goes_id))
            if again is not None and (again.confidence, again.reason) == (row.confidence, row.reason):
                kept.add((row.stays_id_kept, row.goes_id))
            else:
                doomed.append(row.pk)
        for start in range(0, len(doomed), _BATCH):
            Merge.objects.filter(pk__in=doomed[start : start + _BATCH]).delete()
        names = dict(Channel.objects.values_list("pk", "name"))
        rows = [
            Merge(
                stays_id=proposal.stays,
                stays_id_kept=proposal.stays,
                goes_id=proposal.goes,
                goes_name=names[proposal.goes],
                confidence=proposal.confidence,
                reason=proposal.reason,
            )
            for pair, proposal in found.items()
            if pair not in kept and proposal.stays in names and proposal.goes in names
        ]
        Merge.objects.bulk_create(rows, batch_size=_BATCH)
    merged = 0
    if auto:
        merged = accept_all(Merge.objects.filter(state=Merge.State.OPEN, confidence__gte=AUTO_ACCEPT), by)
    return Proposed(len(found), merged, Merge.objects.filter(state=Merge.State.OPEN).count())


def accept_all(proposals: Iterable[Merge], by: str) -> int:
    """Merge many; those whose channels went elsewhere meanwhile are passed over. Returns how many were merged."""
    merged = 0
    for proposal in list(proposals):
        try:
            accept(proposal, by)
        except NotMergeable:
            continue
        merged += 1
    return merged


@transaction.atomic
def accept(proposal: Merge, by: str) -> None:
    """Move the streams of the channel that goes behind those of the channel that stays.

    Raises NotMergeable.
    """
    goes = Channel.objects.filter(pk=proposal.goes_id).prefetch_related("links").first()
    stays = Channel.objects.filter(pk=proposal.stays_id_kept).first()
    if goes is None or stays is None or goes.pk == stays.pk:
        raise NotMergeable("One of the two channels is gone or was merged already.")
    links = list(goes.links.all())
    proposal.undo = {
        "channel": {name: str(v) if name == "number" and v else v for name, v in model_to_dict(goes, _CURATED).items()},
        "links": [[link.stream_id, link.rank] for link in links],
        "stays_enabled": stays.enabled,
        "stays_guide_id": stays.guide_id,
    }
    ChannelStream.objects.filter(channel=goes).update(channel=stays)
    if goes.enabled and not stays.enabled:
        stays.enabled = True
    if goes.guide_id and not stays.guide_id:
        stays.guide_id = goes.guide_id
    stays.save(update_fields=["enabled", "guide_id"])
    _hand_guide_over(goes.pk, stays.pk)
    rank_streams(stays)
    goes.delete()
    _decide(proposal, Merge.State.ACCEPTED, by)


def _hand_guide_over(goes_id: int, stays_id: int) -> None:
    """A channel without a guide takes that of the channel it swallows; the other's own pairs stay, for undo."""
    if GuideMatch.objects.accepted().filter(channel_id=stays_id).exists():
        return
    for pair in GuideMatch.objects.accepted().filter(channel_id=goes_id)[:1]:
        GuideMatch.objects.filter(channel_id=stays_id, source=pair.source, guide_id=pair.guide_id).delete()
        pair.pk, pair.channel_id = None, stays_id
        pair.save(force_insert=True)


@transaction.atomic
def by_hand(channels: Iterable[Channel], by: str, *, stays: Channel | None = None) -> int:
    """Make one channel of several; the oldest stays unless another is named. Each step can be taken back.

    Returns how many went. Raises NotMergeable.
    """
    chosen = sorted(channels, key=lambda channel: (stays is not None and channel.pk != stays.pk, channel.pk))
    if len(chosen) < 2:
        raise NotMergeable("Choose at least two channels to merge.")
    first = chosen[0]
    for goes in chosen[1:]:
        proposal, _ = Merge.objects.update_or_create(
            stays_id_kept=first.pk,
            goes_id=goes.pk,
            defaults={
                "stays": first,
                "goes_name": goes.name,
                "confidence": 1.0,
                "reason": "merged by hand",
                "state": Merge.State.OPEN,
            },
        )
        accept(proposal, by)
    return len(chosen) - 1


def reject(proposal: Merge, by: str) -> None:
    """Keep the two apart, for ever."""
    _decide(proposal, Merge.State.REJECTED, by)


@transaction.atomic
def take_back(proposal: Merge, by: str) -> Channel:
    """The channel that went comes back under its old id, with the streams that are still where they went."""
    if proposal.state != Merge.State.ACCEPTED:
        raise NotMergeable("Only a merge that happened can be taken back.")
    if Channel.objects.filter(pk=proposal.goes_id).exists():
        raise NotMergeable("The channel is back already.")
    kept: dict[str, Any] = dict(proposal.undo["channel"])
    kept["group_id"] = kept.pop("group")
    channel = Channel(id=proposal.goes_id, **kept)
    channel.save(force_insert=True)
    for stream_id, rank in proposal.undo["links"]:
        ChannelStream.objects.filter(stream_id=stream_id, channel_id=proposal.stays_id_kept).update(
            channel=channel, rank=rank
        )
    Channel.objects.filter(pk=proposal.stays_id_kept).update(
        enabled=proposal.undo["stays_enabled"], guide_id=proposal.undo["stays_guide_id"]
    )
    _decide(proposal, Merge.State.UNDONE, by)
    return channel


@transaction.atomic
def split(link: ChannelStream) -> Channel:
    """A stream leaves its channel for a new one of its own, named like the stream. Raises NotMergeable."""
    if link.channel.links.count() < 2:
        raise NotMergeable("This is the channel's only stream; there is nothing to split off.")
    stream = link.stream
    channel = Channel(
        name=stream.name, logo=stream.logo, guide_id=stream.guide_id, is_radio=stream.is_radio, adult=stream.censored
    )
    channel.save()
    link.channel = channel
    link.rank = 0
    link.save(update_fields=["channel", "rank"])
    return channel


def rank_streams(channel: Channel) -> None:
    """Order a channel's streams: the portal's priority first, then the better picture."""
    links = list(channel.links.select_related("stream__portal", "stream__health"))
    links.sort(key=lambda link: (link.stream.portal.priority, _quality(link.stream), link.stream_id))
    for rank, link in enumerate(links):
        link.rank = rank
    ChannelStream.objects.bulk_update(links, ["rank"])


def _quality(stream: Stream) -> int:
    """By the picture that was measured while it was watched, else by what the name says."""
    health: StreamHealth | None = getattr(stream, "health", None)
    return quality_rank(stream.name, health.height if health is not None else 0)


def _entries() -> Iterable[Entry]:
    links = ChannelStream.objects.filter(stream__stale_since__isnull=True).select_related("stream")
    channels = Channel.objects.prefetch_related(Prefetch("links", queryset=links))
    for channel in channels.iterator(chunk_size=2000):
        streams = [link.stream for link in channel.links.all()]
        if streams:
            yield Entry(
                channel_id=channel.pk,
                name=channel.name,
                portals=frozenset(stream.portal_id for stream in streams),
                guide_id=channel.guide_id or next((s.guide_id for s in streams if s.guide_id), ""),
                is_radio=channel.is_radio,
                adult=channel.adult,
            )


def _decided() -> frozenset[tuple[int, int]]:
    rows = Merge.objects.exclude(state=Merge.State.OPEN).exclude(state=Merge.State.ACCEPTED)
    return frozenset(rows.values_list("stays_id_kept", "goes_id"))


def _decide(proposal: Merge, state: str, by: str) -> None:
    proposal.state = state
    proposal.decided_by = by
    proposal.decided_at = timezone.now()
    proposal.save()
