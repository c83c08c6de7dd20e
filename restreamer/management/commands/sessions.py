"""`manage.py sessions list|show`: viewings that run or ran, and the whole journal of one."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from restreamer.cli import RestreamerCommand, whole
from restreamer.lib.errors import InvalidInput
from restreamer.lib.redis_client import connection
from streaming.journal import keeping
from streaming.journal.reading import told
from streaming.journal.rows import PlaySession
from streaming.relay.endings import End

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHOWN = 50


class Command(RestreamerCommand):
    help = "Viewings that run or ran: a sentence each, and everything that happened in one of them."

    def run_from_argv(self, argv: list[str]) -> None:
        """Without a verb it lists: `manage.py sessions --since 2h`."""
        rest = argv[2:]
        if not rest or (rest[0].startswith("-") and not {"-h", "--help"} & set(rest)):
            argv = [*argv[:2], "list", *rest]
        super().run_from_argv(argv)

    def add_verbs(self, verbs: Any) -> None:
        listing = verbs.add_parser("list", help="viewings, newest first")
        listing.add_argument("--viewer", default="", help="only this viewer's, by name")
        listing.add_argument("--channel", default="", help="only of this channel, by id or name")
        listing.add_argument("--since", type=_moment, help="began since then: 30m, 6h, 2d, 2026-01-31, or with a time")
        listing.add_argument("--end", choices=["running", *(end.value for end in End)], help="only those that ended so")
        listing.add_argument("--limit", type=whole, default=_SHOWN, help=f"at most so many, {_SHOWN} unless told")
        listing.set_defaults(action=self.list_all)
        show = verbs.add_parser("show", help="one viewing: its sentence and its whole journal")
        show.add_argument("session", help="its id, as `sessions list` or `session list` shows it")
        show.set_defaults(action=self.show)

    def list_all(self, options: dict[str, Any]) -> None:
        """Viewings as rows."""
        keeping.keep()
        rows = [
            {
                "id": row.session_id,
                "viewer": row.viewer_name,
                "watched": row.title,
                "began": timezone.localtime(row.started_at).strftime("%Y-%m-%d %H:%M:%S"),
                "ended": timezone.localtime(row.ended_at).strftime("%Y-%m-%d %H:%M:%S") if row.ended_at else None,
                "end": row.end or "running",
                "faults": row.faults,
                "MB": round(row.bytes_out / 1e6, 1) if row.ended_at else None,
                "sentence": row.sentence,
            }
            for row in _chosen(options)[: max(0, options["limit"])]
        ]
        columns = ["id", "viewer", "watched", "began", "end", "faults", "MB"]
        self.table(rows, columns, "No viewing fits that.")

    def show(self, options: dict[str, Any]) -> None:
        """One viewing in full."""
        keeping.keep()
        row = PlaySession.objects.filter(session_id=options["session"]).first()
        if row is None:
            raise InvalidInput("There is no such viewing (any more). See `sessions list`.")
        journal = told(connection(), row)
        document = {
            "id": row.session_id,
            "viewer": row.viewer_name,
            "watched": row.title,
            "from": row.peer,
            "player": row.agent,
            "began": row.started_at,
            "ended": row.ended_at,
            "end": row.end or "running",
            "reason": row.reason,
            "bytes": journal.bytes_out,
            "sentence": journal.sentence,
            "journal": [line.as_dict() for line in journal.lines],
            "left_out": journal.left_out,
        }
        lines = [journal.sentence, ""]
        lines += [f"{timezone.localtime(one.at):%H:%M:%S}  {one.words:10}  {one.text}" for one in journal.lines]
        if journal.left_out:
            lines.append(f"{journal.left_out} more event(s) in the middle were left out.")
        self.result(document, lines)


def _chosen(options: dict[str, Any]) -> QuerySet[PlaySession]:
    rows = PlaySession.objects.defer("notes")
    if viewer := options["viewer"]:
        rows = rows.filter(viewer_name=viewer)
    if channel := options["channel"]:
        rows = (
            rows.filter(channel=int(channel))
            if re.fullmatch(r"[0-9]{1,9}", channel)
            else rows.filter(title__iexact=channel)
        )
    if options["since"] is not None:
        rows = rows.filter(started_at__gte=options["since"])
    if options["end"] == "running":
        rows = rows.filter(ended_at__isnull=True)
    elif options["end"]:
        rows = rows.filter(end=options["end"])
    return rows


def _moment(text: str) -> datetime:
    """A moment of the past as people write it."""
    if match := re.fullmatch(r"(\d{1,4})([mhd])", text):
        return timezone.now() - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        found = parse_datetime(text)
        if found is None and (day := parse_date(text)) is not None:
            found = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (its zone is set below)
    except ValueError:
        found = None
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment: 30m, 6h, 2d, 2026-01-31, 2026-01-31T20:15")
    return found if timezone.is_aware(found) else timezone.make_aware(found)
