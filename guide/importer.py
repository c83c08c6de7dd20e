"""Reads a guide into a new generation and shows it all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from guide.errors import GuideEmpty, GuideIncomplete, GuideOvertaken
from guide.generation import GenerationWriter
from guide.models import EpgSource, GuideChannel, Programme
from guide.models.channel import GuideChannelQuerySet
from guide.records import GuideChannelRecord, GuideRecord
from guide.wanted import EVERYTHING

#: Rows removed in one transaction.
_REMOVE_ROWS = 2000
_CHANNELS_AT_ONCE = 500
#: How long a generation that was replaced is left for answers that are still being written from it.
GRACE = timedelta(minutes=10)
_PROGRESS_EVERY = 2000

#: Called with the number of broadcasts read so far; may raise RunCancelled.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did."""

    generation: int
    read: int
    incomplete: bool
    sentence: str
    counts: dict[str, int]


def import_guide(
    source: EpgSource,
    items: Iterable[GuideChannelRecord | GuideRecord],
    *,
    now: datetime,
    wants: Callable[[str], bool] = EVERYTHING,
    progress: Progress = lambda _: None,
) -> ImportReport:
    """Write what `items` tells as a new generation of `source`, then let readers see it.

    When anything raises, readers keep what they had; the rows written so far are removed by the next import. A guide
    that ends early (`items` raises GuideIncomplete) goes live together with what it did not get to say any more.

    Raises GuideEmpty, and whatever `items` and `progress` raise.
    """
    remove_unfinished(source)
    writer = GenerationWriter(source, source.take_generation(), wants=wants, window=source.window(now))
    sentence = ""
    read = 0
    try:
        for item in items:
            if isinstance(item, GuideRecord):
                writer.add(item)
                read += 1
                if read % _PROGRESS_EVERY == 0:
                    progress(read)
            else:
                writer.add_channel(item)
    except GuideIncomplete as err:
        sentence = err.message
        _carry_over(source, writer, now)
    writer.finish()
    if writer.counts.channels == 0 and source.live_generation and source.channels.live().exists():
        raise GuideEmpty("The guide came without a single channel; the one from before stays.")
    _go_live(source, writer.generation, now, incomplete=bool(sentence))
    progress(read)
    return ImportReport(writer.generation, read, bool(sentence), sentence, asdict(writer.counts))


def remove_unfinished(source: EpgSource) -> int:
    """Remove what killed or failed imports left behind; how many broadcasts that were.

    Only for the one import that may run: whatever is newer than the live generation belongs to nobody.
    """
    return _remove(GuideChannel.objects.filter(source=source, generation__gt=source.live_generation))


def remove_replaced(source: EpgSource, now: datetime, *, grace: timedelta = GRACE) -> int:
    """Remove generations readers no longer see, once nobody can still be reading them."""
    if source.imported_at is not None and now - source.imported_at < grace:
        return 0
    return _remove(GuideChannel.objects.filter(source=source, generation__lt=source.live_generation))


def _go_live(source: EpgSource, generation: int, now: datetime, *, incomplete: bool) -> None:
    # A second import that began meanwhile has removed our rows as leftovers: half a guide must not go live.
    switched = EpgSource.objects.filter(pk=source.pk, last_generation=generation).update(
        live_generation=generation, incomplete=incomplete, imported_at=now
    )
    if not switched:
        raise GuideOvertaken("Another refresh of this guide began meanwhile; this one gave way to it.")
    source.refresh_from_db(fields=["live_generation", "incomplete", "imported_at"])


def _carry_over(source: EpgSource, writer: GenerationWriter, now: datetime) -> None:
    """Add what the live generation knows and a guide that ended early did not come to."""
    start, stop = source.window(now)
    for channel in source.channels.live().iterator(chunk_size=500):
        told_until = writer.told_until(channel.key)
        writer.add_channel(GuideChannelRecord(channel.xmltv_id, tuple(channel.names), channel.icon, channel.lang))
        for page in Programme.objects.all().pages([channel.pk], start, stop):
            for programme in page:
                if told_until is None or programme.start >= told_until:
                    writer.add(programme.record(channel.xmltv_id))


def _remove(channels: GuideChannelQuerySet) -> int:
    """Broadcasts first, in small transactions, then the channels they hung on."""
    removed = 0
    pks = list(channels.values_list("pk", flat=True))
    for at in range(0, len(pks), _CHANNELS_AT_ONCE):
        some = pks[at : at + _CHANNELS_AT_ONCE]
        while rows := list(Programme.objects.filter(channel__in=some).values_list("pk", flat=True)[:_REMOVE_ROWS]):
            Programme.objects.filter(pk__in=rows).delete()
            removed += len(rows)
        GuideChannel.objects.filter(pk__in=some).delete()
    return removed
