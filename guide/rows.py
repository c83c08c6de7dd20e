"""From a broadcast's record to its row."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from guide.episodes import episode_of
from guide.models import Programme
from guide.records import GuideRecord
from portals import bulk
from restreamer.lib.xmltv import legal
from restreamer.lib.xmltv_write import behind_description

_MAX_TITLE = 500
_COLUMNS = (
    "channel", "start", "stop", "title", "subtitle", "description", "lang", "categories", "season", "episode", "icon",
    "rest",
)  # fmt: skip


def title_of(record: GuideRecord) -> str:
    """What the broadcast is called; guides that leave the title out often name the episode or the genre."""
    found = legal(record.title).strip() or legal(record.subtitle).strip()
    return found or (legal(record.categories[0]).strip() if record.categories else "")


def merged(first: GuideRecord, second: GuideRecord) -> GuideRecord:
    """One broadcast announced twice: the first counts, and is completed when the second means the same title."""
    if first.title.casefold() != second.title.casefold():
        return first
    return replace(
        first,
        stop=first.stop or second.stop,
        subtitle=first.subtitle or second.subtitle,
        description=max(first.description, second.description, key=len),
        categories=first.categories or second.categories,
        icon=first.icon or second.icon,
        date=first.date or second.date,
        episode_nums={**second.episode_nums, **first.episode_nums},
        credits=first.credits or second.credits,
        ratings=first.ratings or second.ratings,
        star_rating=first.star_rating or second.star_rating,
    )


def insert(broadcasts: Iterable[tuple[int, GuideRecord, datetime]]) -> None:
    """Write broadcasts given as (guide channel's key, record, stop), in one transaction.

    A guide channel shows one broadcast at a time, so of two that start together the first to be written stays.
    """
    rows = [
        (
            channel_pk,
            bulk.prepared(record.start),
            bulk.prepared(stop),
            title_of(record)[:_MAX_TITLE],
            legal(record.subtitle) if record.title else "",
            legal(record.description),
            legal(record.lang),
            json.dumps([legal(name) for name in record.categories], ensure_ascii=False) if record.categories else None,
            *(episode := episode_of(record.episode_nums, record.subtitle, record.description)),
            legal(record.icon),
            behind_description(record, *episode),
        )
        for channel_pk, record, stop in broadcasts
    ]
    with transaction.atomic():
        bulk.insert(Programme, _COLUMNS, rows, ignore_conflicts=True)
