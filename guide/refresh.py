"""One visit to a source: fetch, import, match, and say in words what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from guide import feeds, icons, matchmaking
from guide.importer import ImportReport, import_guide, remove_replaced
from guide.models import EpgSource, SourceKind
from guide.wanted import EVERYTHING, Wanted, our_channels, wanted_now
from restreamer.lib import redact
from restreamer.lib.errors import RestreamerError
from restreamer.lib.http import HttpDoor

#: Change it when the importer reads the same bytes differently: every guide is read again then.
_READER = "1"

Progress = Callable[[int], None]


def refresh(
    source: EpgSource,
    *,
    now: datetime,
    force: bool = False,
    door: HttpDoor | None = None,
    progress: Progress = lambda _: None,
) -> ImportReport | None:
    """Bring the source's guide up to date; None when there was nothing new.

    A guide whose channels were matched for the first time is read again from the download at once, so that their
    broadcasts are there too. Raises what went wrong after writing it on the source; what was live stays live.
    """
    remove_replaced(source, now)
    try:
        report = _refreshed(source, now, force, door, progress)
    except RestreamerError as err:
        _note(source, status=redact.text(err.message), failed=True, asked_at=now)
        raise
    return report


def _refreshed(
    source: EpgSource, now: datetime, force: bool, door: HttpDoor | None, progress: Progress
) -> ImportReport | None:
    wanted = _wanted(source)
    feed = feeds.opened(source, wanted, now, door=door)
    sha256 = feed.fetched.sha256 if feed.fetched else ""
    if sha256 and not force and source.import_key == _key(source, sha256, wanted, now):
        _note(source, status=_unchanged(source), failed=False, asked_at=now)
        return None
    report = import_guide(source, feed.items, now=now, wants=wanted, progress=progress)
    if matchmaking.match(our_channels(), now=now).accepted and feed.fetched and not source.keep_everything:
        wanted = _wanted(source)
        again = feeds.reader_of(source, feed.fetched, wanted)
        report = import_guide(source, again, now=now, wants=wanted, progress=progress)
    if source.icons_as_logos:
        icons.offer()
    fetched = feed.fetched
    _note(
        source,
        status=_sentence(report),
        failed=False,
        asked_at=now,
        counts={"read": report.read, **report.counts},
        content_sha256=sha256,
        etag=fetched.etag if fetched and not report.incomplete else "",
        last_modified=fetched.last_modified if fetched and not report.incomplete else "",
        # One that ended early is worth another look whatever the server says.
        import_key="" if report.incomplete or not sha256 else _key(source, sha256, wanted, now),
    )
    return report


def _wanted(source: EpgSource) -> Wanted:
    # A guide made from our channels holds nothing else.
    return EVERYTHING if source.keep_everything or source.kind == SourceKind.DUMMY else wanted_now()


def _key(source: EpgSource, sha256: str, wanted: Wanted, now: datetime) -> str:
    """Equal when reading the same file again would write the same rows: content, wishes, rules, and the day."""
    rules = (
        _READER, sha256, wanted.digest, now.date().isoformat(), source.time_zone, source.languages,
        source.days_back, source.days_ahead, source.shift_minutes,
    )  # fmt: skip
    return hashlib.sha256(repr(rules).encode()).hexdigest()


def _sentence(report: ImportReport) -> str:
    counts = report.counts
    told = f"Read {report.read:,} broadcasts of {counts['channels']:,} channels and kept {counts['kept']:,}."
    return f"{told} {report.sentence}".strip()


def _unchanged(source: EpgSource) -> str:
    since = f" since {source.imported_at:%d %B, %H:%M} UTC" if source.imported_at else ""
    return f"Unchanged{since}: {source.counts.get('kept', 0):,} broadcasts kept."


def _note(source: EpgSource, **facts: object) -> None:
    for name, value in facts.items():
        setattr(source, name, value)
    source.save(update_fields=list(facts))
