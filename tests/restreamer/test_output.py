"""Many processes, one stream of lines."""

from __future__ import annotations

import io

from restreamer.runner.output import Lines, Output


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def test_lines_are_whole_however_they_arrive():
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\n\nthree") == ["two", ""]
    assert lines.end() == ["three"]
    assert lines.end() == []


def test_bytes_that_are_no_text_do_no_harm():
    assert Lines().feed(b"\xff\xfe\x00ok\n") == ["\ufffd\ufffd\x00ok"]


def test_a_line_without_end_is_cut():
    lines = Lines()
    out = [text for _ in range(100) for text in lines.feed(b"x" * 10_000)]
    assert sum(map(len, out)) > 900_000
    assert max(map(len, out)) < 64_000


def test_colours_are_for_terminals():
    terminal, file = Terminal(), io.StringIO()
    Output(terminal).line("web", "hello")
    Output(file).line("web", "hello")
    assert terminal.getvalue() == "\x1b[36m[web]\x1b[0m hello\n"
    assert file.getvalue() == "[web] hello\n"


def test_a_reader_that_went_away_stops_nothing():
    Output(Gone()).line("web", "hello")
