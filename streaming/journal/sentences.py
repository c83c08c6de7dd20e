"""A viewing in one sentence that needs no knowledge of television streams. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from streaming.faults import SENTENCES, Fault
from streaming.journal.notes import Kind, Note
from streaming.relay.endings import REFUSED, End

#: A gap that nobody notices is not worth a number.
_NOTICED_S = 0.1

_ENDS = {
    End.LEFT: "the viewer ended it",
    End.CHANGED: "the viewer went on to something else",
    End.BY_HAND: "it was ended by hand",
    End.NO_SOURCE: "it ended because no other source was left",
    End.TOO_SLOW: "it ended because the player read more slowly than the channel is sent",
    End.SLOT_WANTED: "it ended because another channel needed the provider's connection",
    End.LONG_ENOUGH: "it ended because it had lasted as long as a viewing may",
    End.RESTART: "it ended because Restreamer was stopped or restarted",
    End.DIED: "it ended because the streaming process stopped unexpectedly",
    End.DEFECT: "it ended because of a defect in Restreamer, which the log describes",
    End.REDIRECTED: "the player was sent to the provider itself, and what followed cannot be seen from here",
}


@dataclass(frozen=True, slots=True)
class Viewing:
    """What a sentence is made of. `end` is None as long as it goes on; times are unix seconds."""

    viewer: str
    title: str
    started_at: float
    until: float
    bytes_out: int
    end: End | None = None
    reason: str = ""


def sentence(viewing: Viewing, notes: Sequence[Note]) -> str:
    """The viewing in one sentence; `notes` are those of its relay."""
    during = [one for one in notes if viewing.started_at <= one.at <= viewing.until]
    if viewing.end is End.REDIRECTED:
        return f"{viewing.viewer} asked for {viewing.title}; {_ENDS[End.REDIRECTED]}."
    troubles = _troubles(during, notes, viewing.started_at)
    if not viewing.bytes_out:
        return _without_picture(viewing, troubles)
    verb = "has watched" if viewing.end is None else "watched"
    source = _source(notes, viewing)
    began = f"{viewing.viewer} {verb} {viewing.title} for {_long(viewing.until - viewing.started_at)}{source}"
    parts = [began, *troubles]
    if viewing.end is not None:
        parts.append(_ENDS.get(viewing.end) or f"it ended: {viewing.reason.rstrip('.')}")
    elif not troubles:
        parts.append("nothing went wrong so far")
    return "; ".join(parts) + "."


def _without_picture(viewing: Viewing, troubles: list[str]) -> str:
    waited = _long(viewing.until - viewing.started_at)
    if viewing.end is None:
        return "; ".join([f"{viewing.viewer} waits for the first picture of {viewing.title}", *troubles]) + "."
    if viewing.end is End.LEFT:
        parts = [f"{viewing.viewer} left {viewing.title} after {waited}, before the first picture came", *troubles]
        return "; ".join(parts) + "."
    said = viewing.reason.removeprefix(REFUSED).rstrip(".")
    end = said[:1].lower() + said[1:] if viewing.end is End.REFUSED else _ENDS.get(viewing.end, said)
    parts = [f"{viewing.viewer} got no picture of {viewing.title}", *troubles, end]
    return "; ".join(parts) + "."


def _source(notes: Sequence[Note], viewing: Viewing) -> str:
    """Where it began: the last source that played before the viewing, else the first one in it."""
    plays = [one for one in notes if one.kind is Kind.PLAYS and one.at <= viewing.until]
    before = [one for one in plays if one.at <= viewing.started_at]
    first = before[-1:] or plays[:1]
    return f" from {first[0].text}" if first else ""


def _troubles(during: Sequence[Note], notes: Sequence[Note], since: float) -> list[str]:
    """What went wrong, in full when it was little, counted when it was much."""
    faults = [one for one in during if one.kind is Kind.FAULT]
    slates = any(one.kind is Kind.SLATE for one in during)
    seams = [one for one in during if one.kind is Kind.SEAM]
    if len(faults) <= 2:
        found = [_one_fault(fault, during, notes, since) for fault in faults]
    else:
        counts = Counter(one.fault for one in faults)
        kinds = ", ".join(f"{number} × {_words(fault)}" for fault, number in counts.most_common())
        found = [f"{len(faults)} times a source failed ({kinds}) and the next was tried"]
        if seams:
            longest = max(one.seconds for one in seams)
            found.append(f"the longest pause was {longest:.1f} s")
    if slates:
        found.append("a notice was shown instead of the picture meanwhile")
    return found


def _one_fault(fault: Note, during: Sequence[Note], notes: Sequence[Note], since: float) -> str:
    began_by_then = any(one.kind is Kind.PLAYS and one.at <= fault.at for one in notes)
    when = f"after {_long(fault.at - since)} " if fault.at - since >= 1 and began_by_then else ""
    what = f"{when}{_words(fault.fault)}"
    seam = None
    for one in during[during.index(fault) + 1 :]:
        if one.kind in (Kind.FAULT, Kind.SEAM):
            seam = one if one.kind is Kind.SEAM else None
            break
    if seam is None:
        return what
    pause = f"after a pause of {seam.seconds:.1f} s" if seam.seconds >= _NOTICED_S else "without a pause"
    return f"{what}, and it went on {pause} with {seam.text}"


def _words(fault: str) -> str:
    try:
        return SENTENCES[Fault(fault)]
    except ValueError:
        return "the source failed"


def _long(seconds: float) -> str:
    """A length of time as people say it."""
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
