"""A viewing in one sentence."""

from __future__ import annotations

import pytest

from streaming.faults import SENTENCES, Fault
from streaming.journal.notes import Kind, Note
from streaming.journal.sentences import Viewing, sentence
from streaming.relay import endings
from streaming.relay.endings import End, end_of


def told(*notes: Note, end: End | None = End.LEFT, until: float = 1600, bytes_out: int = 1, reason: str = "") -> str:
    return sentence(Viewing("anna", "News", 1000, until, bytes_out, end, reason), notes)


def plays(at: float, label: str) -> Note:
    return Note(at, Kind.PLAYS, label)


def fault(at: float, which: Fault) -> Note:
    return Note(at, Kind.FAULT, f"x: {SENTENCES[which]}", str(which))


A, B = plays(1001, "Sofa · 00:1A:79:**:**:01"), plays(1201, "Attic · anna")


def test_an_undisturbed_viewing():
    assert told(A) == "anna watched News for 10 min from Sofa · 00:1A:79:**:**:01; the viewer ended it."


def test_a_failover_is_told_with_its_moment_its_pause_and_what_followed():
    seam = Note(1201.4, Kind.SEAM, "Attic · anna", "", 0.42)
    assert told(A, fault(1200, Fault.RESET), B, seam) == (
        "anna watched News for 10 min from Sofa · 00:1A:79:**:**:01; after 3 min the connection to the provider broke, "
        "and it went on after a pause of 0.4 s with Attic · anna; the viewer ended it."
    )


def test_a_seam_belongs_to_the_fault_right_before_it():
    seam = Note(1203, Kind.SEAM, "Attic · anna", "", 3)
    said = told(A, fault(1200, Fault.RESET), fault(1201, Fault.REFUSED), seam)
    assert "after 3 min the connection to the provider broke; after 3 min the provider refused the stream, and" in said


def test_many_faults_are_counted():
    faults = [fault(1100 + n, Fault.ENDED if n % 3 else Fault.SILENT) for n in range(9)]
    said = told(A, *faults, Note(1150, Kind.SEAM, "x", "", 2.5), Note(1151, Kind.SEAM, "x", "", 0.5))
    assert "9 times a source failed (6 × the provider ended the stream, 3 × the provider kept the connection" in said
    assert "the longest pause was 2.5 s" in said


def test_what_happened_before_and_after_a_viewing_is_not_told_of_it():
    said = told(plays(10, "Sofa"), fault(900, Fault.RESET), fault(1700, Fault.ENDED))
    assert said == "anna watched News for 10 min from Sofa; the viewer ended it."


def test_one_that_goes_on():
    assert told(A, end=None) == (
        "anna has watched News for 10 min from Sofa · 00:1A:79:**:**:01; nothing went wrong so far."
    )
    assert told(end=None, bytes_out=0) == "anna waits for the first picture of News."


def test_one_that_never_began():
    said = told(
        fault(1000, Fault.REFUSED), bytes_out=0, end=End.REFUSED, reason="refused: The source does not work right now."
    )
    assert said == "anna got no picture of News; the provider refused the stream; the source does not work right now."
    assert told(bytes_out=0, until=1005) == "anna left News after 5 s, before the first picture came."


def test_a_notice_that_was_shown_is_told():
    said = told(A, fault(1200, Fault.RESET), Note(1203, Kind.SLATE, "viewers see the slate"))
    assert "a notice was shown instead of the picture meanwhile" in said


@pytest.mark.parametrize("end", End)
def test_every_end_has_words_of_its_own(end: End):
    said = told(A, end=end, reason="whatever was said")
    assert said.endswith(".")
    assert (end is End.OTHER or end is End.REFUSED) == ("whatever was said" in said)


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        (endings.LEFT, End.LEFT),
        (endings.TOO_SLOW, End.TOO_SLOW),
        (f"{endings.REFUSED}no", End.REFUSED),
        (f"{endings.NO_SOURCE}no", End.NO_SOURCE),
        (f"{endings.DEFECT}no", End.DEFECT),
        (endings.DIED, End.DIED),
        ("the owner's own words", End.OTHER),
    ],
)
def test_a_reason_tells_the_kind_of_end(reason: str, end: End):
    assert end_of(reason) is end
