"""What may stand in a journal, and how much of it: notes with a moment and a kind, the middle left out. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from restreamer.lib import redact

#: A text may quote a provider, who may send anything.
LONGEST_TEXT = 300

#: A channel that flaps for a day writes thousands of notes: its beginning and its end say what there is to say.
FIRST_KEPT = 60
LAST_KEPT = 140

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,12}://[^\s\"'<>]+", re.IGNORECASE)
_HOST = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\d.])")


class Kind(StrEnum):
    """What a note is about."""

    #: A candidate is tried, and why this one.
    TRY = "try"
    #: A slot: taken, full, kept, given back, made free by somebody.
    SLOT = "slot"
    PLAYS = "plays"
    FAULT = "fault"
    #: Pictures of the next source follow those of the one before; `seconds` is the gap viewers saw.
    SEAM = "seam"
    SLATE = "slate"
    #: Viewers get null packets, because there is no slate for them.
    NO_SLATE = "no_slate"
    #: Of one viewing: its first picture, and how far it fell behind.
    PICTURE = "picture"
    SLOW = "slow"
    ENDS = "ends"
    #: Nothing of the relay is left.
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Run:
    """One life of one relay, which its viewers' journals share."""

    id: str
    key: str
    title: str
    #: Unix time.
    started_at: float


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that happened. `at` is unix time."""

    at: float
    kind: Kind
    text: str
    #: Of a fault: its name in `streaming.faults.Fault`.
    fault: str = ""
    #: Of a seam: how long viewers saw nothing new.
    seconds: float = 0.0

    def to_list(self) -> list[Any]:
        """As it is kept in JSON."""
        return [round(self.at, 3), str(self.kind), self.text, self.fault, round(self.seconds, 3)]

    @classmethod
    def from_list(cls, row: Sequence[Any]) -> Note:
        """The note. Raises ValueError when it is none."""
        try:
            at, kind, text, fault, seconds = row
            return cls(float(at), Kind(kind), str(text), str(fault), float(seconds))
        except (TypeError, ValueError) as err:
            raise ValueError(f"no note: {row!r}") from err


class Notes:
    """The notes of one run or viewing: all of a short one, the first and the last of a long one."""

    def __init__(self, first: int = FIRST_KEPT, last: int = LAST_KEPT) -> None:
        self._most_first = first
        self._first: list[Note] = []
        self._last: deque[Note] = deque(maxlen=last)
        self.left_out = 0

    def add(self, note: Note) -> None:
        """One more."""
        if len(self._first) < self._most_first:
            self._first.append(note)
            return
        self.left_out += len(self._last) == self._last.maxlen
        self._last.append(note)

    @property
    def kept(self) -> list[Note]:
        """Oldest first; where some were left out, they are missing between the first and the last ones."""
        return [*self._first, *self._last]


def read(rows: object) -> list[Note]:
    """Notes kept in JSON; what an older or newer version wrote otherwise is passed over."""
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            found.append(Note.from_list(row))
        except ValueError:
            continue
    return found


def clean(text: str) -> str:
    """A text as it may stand in a journal: one line, of bounded length, without MACs, tokens and addresses."""
    text = _ADDRESS.sub("(address)", redact.text(" ".join(text.split())))
    text = _HOST.sub("(address)", text)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
