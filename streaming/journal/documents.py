"""Journals as they stand in Redis: JSON documents of viewings and of relays' lives, until they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from streaming.journal.notes import Kind, Note, Notes, Run, clean
from streaming.journal.sentences import Viewing, sentence
from streaming.relay import endings
from streaming.relay.endings import End
from streaming.relay.seams import SessionFacts

Document = dict[str, Any]


def open_viewing(facts: SessionFacts, own: Notes | None, heard_at: float) -> Document:
    """A viewing that goes on; its sentence is made by who reads it."""
    return {**asdict(facts), "heard_at": round(heard_at, 3), **noted(own)}


def ended_viewing(
    facts: SessionFacts, run_notes: Sequence[Note], until: float, end: End, reason: str, own: Notes | None = None
) -> Document:
    """A viewing that is over; `run_notes` are those of its relay, `own` what happened to it alone."""
    line = Viewing(facts.viewer_name, facts.title, facts.started_at, until, facts.bytes_out, end, reason)
    return {
        "kind": "viewing",
        **asdict(facts),
        "ended_at": round(until, 3),
        "end": str(end),
        "reason": clean(reason),
        "faults": sum(one.kind is Kind.FAULT and facts.started_at <= one.at <= until for one in run_notes),
        "sentence": sentence(line, run_notes),
        **noted(own),
    }


def dead_viewing(document: Document, run_notes: Sequence[Note], heard_at: float) -> Document:
    """A viewing whose relay process is gone without a word."""
    until = max(document["heard_at"], heard_at)
    died = ended_viewing(facts_in(document), run_notes, until, End.DIED, endings.DIED)
    return died | {"notes": document["notes"], "left_out": document["left_out"]}


def run_document(run: Run, notes: Notes, *, owner: str, ended_at: float | None = None) -> Document:
    """One life of one relay."""
    kept = notes.kept
    return {
        "kind": "run",
        **asdict(run),
        "owner": owner,
        "heard_at": kept[-1].at if kept else run.started_at,
        "ended_at": ended_at,
        **noted(notes),
    }


def facts_in(document: Document) -> SessionFacts:
    """Whose journal it is. Raises KeyError when it is no viewing's."""
    return SessionFacts(**{name: document[name] for name in SessionFacts.__dataclass_fields__})


def noted(notes: Notes | None) -> Document:
    """What of them is kept."""
    return {
        "notes": [one.to_list() for one in notes.kept] if notes else [],
        "left_out": notes.left_out if notes else 0,
    }
