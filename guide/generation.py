"""Writing one generation of a guide: rows nobody reads until the switch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from guide.models import EpgSource, GuideChannel
from guide.querysets import LONGEST_BROADCAST
from guide.records import GuideChannelRecord, GuideRecord, key_of
from guide.rows import insert, merged, title_of
from guide.tidy import put_in_order
from restreamer.lib.names import fold
from restreamer.lib.xmltv import legal

#: Rows written in one transaction: few enough that SQLite's one write lock is never held for long.
BATCH_ROWS = 1000
#: What a last broadcast without an end is given.
OPEN_END = timedelta(minutes=60)
#: A guide of the whole world has 40,000.
MAX_CHANNELS = 100_000
_MAX_NAMES = 40
#: What a second writing of a guide channel changes: everything that is not its identity.
_UPDATED = [
    "xmltv_id",
    "names",
    "folded",
    "icon",
    "lang",
    "programmes_seen",
    "programmes_kept",
    "first_start",
    "last_stop",
]
#: Text of broadcasts that wait for their successor, and of channel names; bounds for feeds built to fill memory.
_MAX_WAITING_CHARS = 16 * 1024**2
_MAX_NAME_CHARS = 32 * 1024**2


@dataclass(slots=True)
class WriteCounts:
    """What became of the broadcasts: each that came is in `kept` or under one reason below it."""

    channels: int = 0
    kept: int = 0
    not_wanted: int = 0
    outside_window: int = 0
    no_title: int = 0
    ends_before_start: int = 0
    duplicates: int = 0
    over_limit: int = 0
    #: Kept, but not as sent.
    without_stop: int = 0
    cut_at_24h: int = 0


@dataclass(slots=True)
class _Channel:
    """A guide channel while it is written."""

    key: str
    xmltv_id: str
    wanted: bool
    names: list[str] = field(default_factory=list)
    icon: str = ""
    lang: str = ""
    pk: int | None = None
    announced: bool = False
    seen: int = 0
    kept: int = 0
    first_start: datetime | None = None
    last_stop: datetime | None = None
    #: Waits for its successor, which may cut it or give it its end.
    waiting: GuideRecord | None = None
    #: A broadcast came after a later one; neighbours are put right at the end.
    unordered: bool = False


class GenerationWriter:
    """Takes records in any order, keeps what is wanted and in the window, and writes in batches.

    Broadcasts of a channel nearly always come in order, so each waits only for its successor: an end that is missing
    is the next start, an overlap is cut there. Channels whose broadcasts come unsorted are put right once at the end;
    until then a missing end is written as `stop == start`.
    """

    def __init__(
        self, source: EpgSource, generation: int, *, wants: Callable[[str], bool], window: tuple[datetime, datetime]
    ) -> None:
        self.source = source
        self.generation = generation
        self.counts = WriteCounts()
        self._wants = wants
        self._from, self._until = window
        self._channels: dict[str, _Channel] = {}
        self._batch: list[tuple[_Channel, GuideRecord, datetime]] = []
        self._waiting_chars = 0
        self._name_chars = 0

    def add_channel(self, record: GuideChannelRecord) -> None:
        """A channel announced, perhaps again: names add up, the first icon stays."""
        channel = self._channel(record.id)
        if channel is None:
            return
        if not channel.announced:
            channel.announced = True
            channel.xmltv_id = legal(record.id).strip()
            channel.lang = legal(record.lang)
        for name in map(legal, record.names):
            if name not in channel.names and len(channel.names) < _MAX_NAMES and self._name_chars < _MAX_NAME_CHARS:
                channel.names.append(name)
                self._name_chars += len(name)
        channel.icon = channel.icon or legal(record.icon)

    def add(self, record: GuideRecord) -> None:
        """One broadcast."""
        channel = self._channel(record.channel_id)
        if channel is None:
            self.counts.over_limit += 1
            return
        channel.seen += 1
        if not channel.wanted:
            self.counts.not_wanted += 1
        elif not title_of(record):
            self.counts.no_title += 1
        elif record.stop is not None and record.stop <= record.start:
            self.counts.ends_before_start += 1
        else:
            self._take(channel, record)

    def finish(self) -> None:
        """Everything that waited is written; after this the generation can go live."""
        self._release_all()
        self._flush()
        for channel in self._channels.values():
            if channel.unordered and channel.pk is not None:
                self._put_right(channel)
        self._write_channels(list(self._channels.values()))
        self.counts.channels = len(self._channels)

    def told_until(self, key: str) -> datetime | None:
        """Up to when this channel's broadcasts have been told; None when there were none."""
        channel = self._channels.get(key)
        if channel is None:
            return None
        if channel.waiting is not None:
            return channel.waiting.stop or channel.waiting.start + timedelta(seconds=1)
        return channel.last_stop

    # --- one channel ---

    def _channel(self, guide_id: str) -> _Channel | None:
        key = key_of(guide_id)
        channel = self._channels.get(key)
        if channel is None and key and len(self._channels) < MAX_CHANNELS:
            channel = self._channels[key] = _Channel(key, legal(guide_id).strip(), self._wants(key))
        return channel

    def _take(self, channel: _Channel, record: GuideRecord) -> None:
        before = channel.waiting
        if before is None:
            self._wait(channel, record)
        elif record.start == before.start:
            self.counts.duplicates += 1
            channel.waiting = merged(before, record)
        elif record.start > before.start:
            self._release(channel, before, record.start)
            self._wait(channel, record)
        else:
            channel.unordered = True
            self._write(channel, record, self._stop_of(channel, record, None))

    def _wait(self, channel: _Channel, record: GuideRecord) -> None:
        channel.waiting = record
        self._waiting_chars += len(record.description) + 200
        if self._waiting_chars > _MAX_WAITING_CHARS:
            self._release_all(unordered=True)

    def _release(self, channel: _Channel, record: GuideRecord, next_start: datetime | None) -> None:
        channel.waiting = None
        self._waiting_chars -= len(record.description) + 200
        self._write(channel, record, self._stop_of(channel, record, next_start))

    def _release_all(self, *, unordered: bool = False) -> None:
        for channel in self._channels.values():
            if channel.waiting is not None:
                channel.unordered = channel.unordered or unordered
                self._release(channel, channel.waiting, None)
        self._waiting_chars = 0

    def _stop_of(self, channel: _Channel, record: GuideRecord, next_start: datetime | None) -> datetime:
        stop = record.stop
        if stop is None:
            self.counts.without_stop += 1
            if channel.unordered:
                return record.start
            stop = next_start or record.start + OPEN_END
        elif next_start is not None and next_start < stop:
            stop = next_start
        if stop - record.start > LONGEST_BROADCAST:
            self.counts.cut_at_24h += 1
            stop = record.start + LONGEST_BROADCAST
        return stop

    # --- rows ---

    def _write(self, channel: _Channel, record: GuideRecord, stop: datetime) -> None:
        ends = stop if stop > record.start else record.start + OPEN_END
        if record.start >= self._until or ends <= self._from:
            self.counts.outside_window += 1
            return
        channel.kept += 1
        self.counts.kept += 1
        channel.first_start = min(channel.first_start or record.start, record.start)
        channel.last_stop = max(channel.last_stop or stop, stop)
        self._batch.append((channel, record, stop))
        if len(self._batch) >= BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._batch:
            return
        if any(channel.pk is None for channel, _, _ in self._batch):
            self._write_channels([channel for channel in self._channels.values() if channel.pk is None])
        insert((_known(channel.pk), record, stop) for channel, record, stop in self._batch)
        self._batch.clear()

    def _write_channels(self, channels: list[_Channel]) -> None:
        for some in _batches(channels, BATCH_ROWS):
            rows = GuideChannel.objects.bulk_create(
                [self._row(channel) for channel in some],
                update_conflicts=True,
                unique_fields=["source", "generation", "key"],
                update_fields=_UPDATED,
            )
            for channel, row in zip(some, rows, strict=True):
                channel.pk = row.pk

    def _row(self, channel: _Channel) -> GuideChannel:
        return GuideChannel(
            source=self.source,
            generation=self.generation,
            key=channel.key,
            xmltv_id=channel.xmltv_id,
            names=channel.names,
            folded=fold("\n".join((channel.xmltv_id, *channel.names))),
            icon=channel.icon,
            lang=channel.lang,
            programmes_seen=channel.seen,
            programmes_kept=channel.kept,
            first_start=channel.first_start,
            last_stop=channel.last_stop,
        )

    def _put_right(self, channel: _Channel) -> None:
        with transaction.atomic():
            result = put_in_order(_known(channel.pk), open_end=OPEN_END)
        self.counts.kept -= channel.kept - result.kept
        self.counts.duplicates += channel.kept - result.kept
        channel.kept = result.kept
        channel.last_stop = result.last_stop


def _known(pk: int | None) -> int:
    if pk is None:
        raise AssertionError("a guide channel's row is written before its broadcasts")
    return pk


def _batches(items: list[_Channel], size: int) -> Iterator[list[_Channel]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
