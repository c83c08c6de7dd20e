"""From a broadcast's record to its row and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from guide.episodes import episode_of
from guide.models import Programme
from guide.records import GuideRecord
from restreamer.lib.xmltv import legal

_MAX_TITLE = 500


def title_of(record: GuideRecord) -> str:
    """What the broadcast is called; guides that leave the title out often name the episode or the genre."""
    return record.title or record.subtitle or (record.categories[0] if record.categories else "")


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
    Plain SQL, because `bulk_create` costs 110 microseconds a row and this costs 35: on 200 MB that is 20 seconds.
    """
    as_time = connection.ops.adapt_datetimefield_value
    rows = [
        (
            channel_pk,
            as_time(record.start),
            as_time(stop),
            legal(title_of(record))[:_MAX_TITLE],
            legal(record.subtitle) if record.title else "",
            legal(record.description),
            record.lang,
            _json(record.categories),
            *episode_of(record.episode_nums, record.subtitle, record.description),
            record.icon,
            _json(_details(record)),
        )
        for channel_pk, record, stop in broadcasts
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


def _insert_statement() -> str:
    names = [
        "channel", "start", "stop", "title", "subtitle", "description", "lang", "categories", "season", "episode",
        "icon", "details",
    ]  # fmt: skip
    column_of = {field.name: field.column for field in Programme._meta.concrete_fields}
    columns = ", ".join(f'"{column_of[name]}"' for name in names)
    places = ", ".join(["%s"] * len(names))
    return f'INSERT INTO "{Programme._meta.db_table}" ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING'


_INSERT = _insert_statement()


def _json(value: Sequence[str] | dict[str, Any]) -> str | None:
    return json.dumps(value, ensure_ascii=False) if value else None


def record_of(programme: Programme, channel_id: str) -> GuideRecord:
    """The record a row was made of."""
    details = programme.details or {}
    return GuideRecord(
        channel_id=channel_id,
        start=programme.start,
        stop=programme.stop,
        title=programme.title,
        subtitle=programme.subtitle,
        description=programme.description,
        lang=programme.lang,
        categories=tuple(programme.categories or ()),
        icon=programme.icon,
        date=details.get("date", ""),
        country=details.get("country", ""),
        episode_nums=details.get("nums", {}),
        credits={job: tuple(people) for job, people in details.get("credits", {}).items()},
        ratings=tuple((system, value) for system, value in details.get("ratings", ())),
        star_rating=details.get("star", ""),
        is_new=details.get("new", False),
        is_repeat=details.get("repeat", False),
        is_premiere=details.get("premiere", False),
    )


def _details(record: GuideRecord) -> dict[str, Any]:
    found: dict[str, Any] = {
        "nums": dict(record.episode_nums),
        "credits": {job: list(people) for job, people in record.credits.items()} if record.credits else None,
        "ratings": [list(pair) for pair in record.ratings],
        "star": record.star_rating,
        "date": record.date,
        "country": record.country,
        "new": record.is_new,
        "repeat": record.is_repeat,
        "premiere": record.is_premiere,
    }
    return {key: value for key, value in found.items() if value}
