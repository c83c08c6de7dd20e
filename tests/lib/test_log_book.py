"""The last log lines: kept within bounds, read from their end, followed, emptied."""

from __future__ import annotations

import stat
from datetime import UTC, datetime

import pytest

from restreamer.lib import log_book
from restreamer.lib.log_book import Cursor, LogWriter

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def all_of(line):
    return True


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def writer(folder):
    return LogWriter(folder, 64 * 1024, clock=lambda: NOON)


def texts(found):
    return [line.text for line in found]


def test_lines_come_back_as_they_were_written_newest_last(folder, writer):
    writer.line("web", "INFO portals: hello\tthere\x1b[31m")
    writer.line("up", "stopping", "WARNING")
    found, _ = log_book.latest(folder, all_of, 10)
    assert [(one.at, one.level, one.process, one.text) for one in found] == [
        (NOON, "INFO", "web", "INFO portals: hello there\ufffd[31m"),
        (NOON, "WARNING", "up", "stopping"),
    ]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("ERROR django.request: x", "ERROR"),
        ("DEBUG portals: x", "DEBUG"),
        ("[2026-11-28 08:11:00 +0000] [12] [CRITICAL] WORKER TIMEOUT", "CRITICAL"),
        ("12:M 28 Nov 2026 08:11:00.123 # Server initialized", "WARNING"),
        ("12:M 28 Nov 2026 08:11:00.123 * Ready", "INFO"),
        ("whatever", "INFO"),
        ("INFORMATION", "INFO"),
    ],
)
def test_the_level_is_read_from_the_line(folder, writer, text, level):
    writer.line("web", text)
    assert log_book.latest(folder, all_of, 1)[0][0].level == level


def test_a_traceback_belongs_to_the_line_before_it_of_its_process(folder, writer):
    for process, text in (
        ("web", "ERROR x: broke"),
        ("relay", "on it goes"),
        ("web", "  File …"),
        ("web", "INFO y: ok"),
    ):
        writer.line(process, text)
    levels = [line.level for line in log_book.latest(folder, all_of, 10)[0]]
    assert levels == ["ERROR", "INFO", "ERROR", "INFO"]


def test_however_much_is_written_the_files_stay_within_their_bound(folder, writer):
    for number in range(5000):
        writer.line("web", f"{number} " + "x" * 100)
    assert len(list(folder.iterdir())) == 2
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 64 * 1024
    found, _ = log_book.latest(folder, all_of, 10_000)
    numbers = [int(text.split()[0]) for text in texts(found)]
    assert numbers == list(range(numbers[0], 5000))
    assert len(numbers) > 200
    assert texts(log_book.everything(folder, all_of)) == texts(found)
    assert texts(log_book.latest(folder, lambda line: "99 " in line.text, 3)[0])[-1].startswith("4999 ")


def test_a_line_is_cut_to_what_a_reader_wants(folder, writer):
    writer.line("web", "ü" * 100_000)
    assert len(log_book.latest(folder, all_of, 1)[0][0].text) == log_book.LONGEST_TEXT


def test_a_reader_goes_on_where_it_was_over_the_turn_of_files(folder, writer):
    writer.line("web", "before")
    _, cursor = log_book.latest(folder, all_of, 10)
    assert log_book.since(folder, cursor, all_of, 1000) == ([], cursor)
    seen = []
    for number in range(600):
        writer.line("web", f"{number} " + "x" * 100)
        if number % 50 == 0:
            found, cursor = log_book.since(folder, Cursor.read(str(cursor)), all_of, 20)
            seen += found
    while True:
        found, cursor = log_book.since(folder, cursor, all_of, 50)
        if not found:
            break
        seen += found
    numbers = [int(text.split()[0]) for text in texts(seen)]
    assert numbers[-1] == 599
    assert len(set(numbers)) == len(numbers)
    assert numbers == sorted(numbers)


def test_an_emptied_book_goes_on(folder, writer):
    for number in range(100):
        writer.line("web", f"old {number}")
    _, cursor = log_book.latest(folder, all_of, 1)
    log_book.empty(folder)
    assert log_book.latest(folder, all_of, 10)[0] == []
    writer.line("web", "new")
    assert texts(log_book.since(folder, cursor, all_of, 10)[0]) == ["new"]
    assert next(folder.iterdir()).stat().st_size < 100


def test_a_new_run_goes_on_in_the_file_of_the_last(folder, writer):
    writer.line("web", "the last words")
    LogWriter(folder, 64 * 1024).line("web", "the first")
    assert texts(log_book.latest(folder, all_of, 10)[0]) == ["the last words", "the first"]


def test_half_a_line_and_what_is_none_is_passed_over(folder, writer):
    writer.line("web", "whole")
    path = next(folder.iterdir())
    path.write_bytes(
        b"rubbish\n\xff\xfe\tINFO\tweb\tx\nx\tINFO\tweb\tx\n" + path.read_bytes() + b"2026-01-01T12:00:00+00:00\tINF"
    )
    found, _ = log_book.latest(folder, all_of, 10)
    assert texts(found) == ["whole"]
    assert texts(log_book.since(folder, Cursor(1, 0), all_of, 10)[0]) == ["whole"]


def test_nothing_to_read_and_nowhere_to_write_harm_nobody(tmp_path):
    assert log_book.latest(tmp_path / "none", all_of, 10) == ([], Cursor(0, 0))
    assert list(log_book.everything(tmp_path / "none", all_of)) == []
    log_book.empty(tmp_path / "none")
    (tmp_path / "file").write_text("")
    LogWriter(tmp_path / "file" / "log", 1000).line("web", "hello")


@pytest.mark.parametrize("text", ["", "1", "1:", "-1:2", "1:2:3", "a:b", "9" * 30 + ":1"])
def test_what_is_no_place_is_none(text):
    assert Cursor.read(text) is None
