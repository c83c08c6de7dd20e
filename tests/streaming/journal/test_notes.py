"""What may stand in a journal, and how much."""

from __future__ import annotations

import pytest

from streaming.journal.notes import LONGEST_TEXT, Kind, Note, Notes, clean, read


def note(number: int) -> Note:
    return Note(float(number), Kind.FAULT, f"fault {number}", "ended", 0.0)


def test_a_short_journal_is_kept_whole():
    notes = Notes(first=2, last=3)
    for number in range(5):
        notes.add(note(number))
    assert (notes.kept, notes.left_out) == ([note(n) for n in range(5)], 0)


def test_of_a_flapping_channel_the_first_and_the_last_notes_are_kept_and_the_others_counted():
    notes = Notes(first=2, last=3)
    for number in range(10_000):
        notes.add(note(number))
    assert [one.at for one in notes.kept] == [0, 1, 9997, 9998, 9999]
    assert notes.left_out == 10_000 - 5


def test_notes_survive_json_and_what_is_none_is_passed_over():
    assert read([note(1).to_list(), ["x"], None, [1, "no such kind", "", "", 0]]) == [note(1)]
    assert read("nothing of the kind") == []


@pytest.mark.parametrize(
    "secret",
    [
        "00:1A:79:12:34:56",
        "http://portal.example/live/anna/secret/1.ts",
        "https://cdn.example/x?token=abcdef",
        "203.0.113.9:8080",
        "rtmp://203.0.113.9/app",
    ],
)
def test_no_text_gives_away_macs_tokens_or_addresses(secret: str):
    said = clean(f"The provider at {secret} answered 403.")
    assert secret not in said
    assert "secret" not in said
    assert "abcdef" not in said
    assert "203.0.113.9" not in said
    assert said.endswith("answered 403.")


def test_a_text_is_one_line_of_bounded_length():
    said = clean("a\n\tb " + "x" * 5000)
    assert said.startswith("a b x")
    assert len(said) == LONGEST_TEXT
