"""A journal as it is shown: the row, or what Redis knows of a viewing that goes on; one timeline of both its parts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import answering
from streaming.journal.documents import Document, facts_in
from streaming.journal.notes import Kind, Note, read
from streaming.journal.rows import PlaySession, RelayRun
from streaming.journal.sentences import Viewing, sentence

#: What the kinds of notes are called.
KIND_WORDS = {
    Kind.TRY: "try",
    Kind.SLOT: "connection",
    Kind.PLAYS: "source",
    Kind.FAULT: "fault",
    Kind.SEAM: "change",
    Kind.SLATE: "notice",
    Kind.NO_SLATE: "notice",
    Kind.PICTURE: "viewer",
    Kind.SLOW: "viewer",
    Kind.ENDS: "end",
    Kind.CLOSED: "end",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline. `during`: it falls into the viewing, not before or after it."""

    at: datetime
    kind: Kind
    words: str
    text: str
    during: bool
    fault: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"at": self.at.isoformat(), "kind": str(self.kind), "text": self.text, "fault": self.fault}


@dataclass(frozen=True, slots=True)
class Told:
    """One viewing with all there is to say of it. `left_out`: notes that were too many to keep."""

    row: PlaySession
    sentence: str
    bytes_out: int
    lines: list[Line]
    left_out: int


def told(client: Redis, row: PlaySession) -> Told:
    """The whole journal of a viewing. Raises RedisUnavailable for one that goes on."""
    if row.ended_at is None and (found := _live(client, row.session_id)) is not None:
        document, run = found
        facts, notes = facts_in(document), read(run.get("notes"))
        until = timezone.now().timestamp()
        line = Viewing(facts.viewer_name, facts.title, facts.started_at, until, facts.bytes_out)
        left_out = int(document["left_out"]) + int(run.get("left_out", 0))
        lines = _timeline(row, notes, read(document["notes"]), until)
        return Told(row, sentence(line, notes), facts.bytes_out, lines, left_out)
    stored = RelayRun.objects.filter(pk=row.run).first() if row.run else None
    until = (row.ended_at or timezone.now()).timestamp()
    notes = read(stored.notes) if stored is not None else _open_run_notes(client, row)
    lines = _timeline(row, notes, row.own_notes, until)
    return Told(row, row.sentence, row.bytes_out, lines, row.left_out + (stored.left_out if stored else 0))


def _live(client: Redis, session_id: str) -> tuple[Document, Document] | None:
    """What Redis knows of a running viewing and of its relay."""
    for owner in _owners(client):
        with answering():
            raw: Any = client.hget(redis_keys.open_viewings(owner), session_id)
        if raw is not None:
            document: Document = json.loads(raw)
            return document, _open_run(client, owner, document["run"])
    return None


def _open_run_notes(client: Redis, row: PlaySession) -> list[Note]:
    """The viewing is over, its relay still runs for others."""
    for owner in _owners(client):
        if run := _open_run(client, owner, row.run):
            return read(run["notes"])
    return []


def _open_run(client: Redis, owner: str, run: str) -> Document:
    with answering():
        raw: Any = client.hget(redis_keys.open_runs(owner), run) if run else None
    return json.loads(raw) if raw is not None else {}


def _owners(client: Redis) -> list[str]:
    with answering():
        raw: list[Any] = client.zrange(redis_keys.JOURNAL_OWNERS, 0, -1)
    return [one.decode() for one in raw]


def _timeline(row: PlaySession, run: list[Note], own: list[Note], until: float) -> list[Line]:
    since = row.started_at.timestamp()
    # What the relay did before is why the viewing began as it did; what it did afterwards is none of its business.
    notes = sorted([one for one in run if one.at <= until + 5] + own, key=lambda one: one.at)
    return [_line(one, during=since <= one.at <= until) for one in notes]


def _line(note: Note, *, during: bool) -> Line:
    at = datetime.fromtimestamp(note.at, UTC)
    text = note.text
    if note.kind is Kind.PLAYS:
        text = f"connected to {text}"
    elif note.kind is Kind.SEAM:
        text = f"goes on with {text} after {note.seconds:.2f} s"
    return Line(at, note.kind, KIND_WORDS[note.kind], text, during, note.fault)
