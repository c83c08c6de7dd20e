"""Finds guide channels for ours and remembers what became of each pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from guide.dummy import dummy_guide_id
from guide.matching import GuideEntry, GuideIndex, Proposal
from guide.models import Decision, EpgSource, GuideChannel, GuideMatch, SourceKind
from guide.records import ChannelFacts, GuideRef, key_of

#: Who decided, when it was no person.
MATCHER = "matcher"
_BATCH = 500


@dataclass(slots=True)
class MatchReport:
    """What a run over our channels found."""

    channels: int = 0
    #: Decided before, by a person or by an earlier run; left alone.
    settled: int = 0
    accepted: int = 0
    proposed: int = 0
    without: int = 0


def index_of_live_guides() -> GuideIndex:
    """Everything the guides offer now, sources in order."""
    rows = GuideChannel.objects.readable().exclude(source__kind=SourceKind.DUMMY)
    rows = rows.order_by("source__priority", "source_id", "pk")
    return GuideIndex(
        GuideEntry(source_id, guide_id, tuple(names))
        for source_id, guide_id, names in rows.values_list("source_id", "xmltv_id", "names").iterator(chunk_size=2000)
    )


def match(channels: Iterable[ChannelFacts], *, now: datetime, index: GuideIndex | None = None) -> MatchReport:
    """Accept what is certain, propose what is likely, for channels nothing was accepted for yet.

    A pair a person rejected never comes back; proposals of earlier runs make room for better ones.
    """
    report = MatchReport()
    index = index or index_of_live_guides()
    batch: list[ChannelFacts] = []
    for channel in channels:
        batch.append(channel)
        if len(batch) == _BATCH:
            _match_some(batch, index, report, now)
            batch.clear()
    _match_some(batch, index, report, now)
    return report


def refs_of(channel_ids: Iterable[int]) -> dict[int, GuideRef]:
    """Where the broadcasts of these channels are read: an accepted pair, or a guide made from the channel's own name.

    A handful of queries for each 10,000 channels.
    """
    ids = sorted(channel_ids)
    wanted = set(ids)
    found: dict[int, GuideRef] = {}
    for at in range(0, len(ids), 10_000):
        some = ids[at : at + 10_000]
        pairs = GuideMatch.objects.accepted().order_by("pk")
        # Naming an id costs more than reading a row; ids that stand close together need not be named.
        close = some[-1] - some[0] < 2 * len(some)
        pairs = pairs.filter(channel_id__range=(some[0], some[-1])) if close else pairs.filter(channel_id__in=some)
        for channel_id, guide_id, shift, source_id in pairs.values_list(
            "channel_id", "guide_id", "shift_minutes", "source_id"
        ):
            if channel_id in wanted:
                found[channel_id] = GuideRef(guide_id, shift, source_id)
    for source_id in EpgSource.objects.enabled().filter(kind=SourceKind.DUMMY).in_order().values_list("pk", flat=True):
        keys = GuideChannel.objects.live().filter(source=source_id).values_list("key", flat=True)
        known = set(keys)
        for channel_id in ids:
            if channel_id not in found and dummy_guide_id(source_id, channel_id) in known:
                found[channel_id] = GuideRef(dummy_guide_id(source_id, channel_id), 0, source_id)
    return found


def _match_some(channels: list[ChannelFacts], index: GuideIndex, report: MatchReport, now: datetime) -> None:
    report.channels += len(channels)
    known: dict[int, dict[tuple[int | None, str], str]] = defaultdict(dict)
    for pair in GuideMatch.objects.filter(channel_id__in=[channel.id for channel in channels]):
        known[pair.channel_id][pair.source_id, key_of(pair.guide_id)] = pair.decision
    made: list[GuideMatch] = []
    open_ids: list[int] = []
    for channel in channels:
        before = known[channel.id]
        if Decision.ACCEPTED in before.values():
            report.settled += 1
            continue
        open_ids.append(channel.id)
        rejected = {pair for pair, decision in before.items() if decision == Decision.REJECTED}
        made.extend(_pairs(channel, index, rejected, report, now))
    with transaction.atomic():
        GuideMatch.objects.proposed().filter(channel_id__in=open_ids).delete()
        GuideMatch.objects.bulk_create(made, ignore_conflicts=True)


def _pairs(
    channel: ChannelFacts,
    index: GuideIndex,
    rejected: set[tuple[int | None, str]],
    report: MatchReport,
    now: datetime,
) -> list[GuideMatch]:
    proposals = [
        proposal
        for proposal in index.proposals(channel)
        if not {(proposal.entry.source_id, key_of(proposal.entry.guide_id)), (None, key_of(proposal.entry.guide_id))}
        & rejected
    ]
    if not proposals:
        report.without += 1
        return []
    chosen = index.chosen(proposals)
    if chosen is not None:
        report.accepted += 1
        return [_row(channel, chosen, Decision.ACCEPTED, now)]
    report.proposed += 1
    return [_row(channel, proposal, Decision.PROPOSED, now) for proposal in proposals]


def _row(channel: ChannelFacts, proposal: Proposal, decision: Decision, now: datetime) -> GuideMatch:
    accepted = decision == Decision.ACCEPTED
    entry = proposal.entry
    return GuideMatch(
        channel_id=channel.id,
        channel_name=channel.name[:500],
        source_id=entry.source_id,
        guide_id=entry.guide_id,
        guide_name=(entry.names[0] if entry.names else "")[:500],
        decision=decision,
        reason=proposal.reason[:300],
        confidence=proposal.confidence,
        decided_by=MATCHER if accepted else "",
        decided_at=now if accepted else None,
    )
