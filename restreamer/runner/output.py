"""One stream of log lines out of many processes: each begins with who speaks."""

from __future__ import annotations

from typing import TextIO

from restreamer.lib import redact
from restreamer.lib.log_book import LogWriter

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
#: A process that never ends its line gets it ended here.
_LONGEST_LINE = 32 * 1024


class Output:
    """Writes `[web] text` lines, and into the book if there is one. Secrets are hidden here, whoever printed them."""

    def __init__(self, stream: TextIO, book: LogWriter | None = None) -> None:
        self._stream = stream
        self._book = book
        self._coloured = stream.isatty()
        self._colours: dict[str, int] = {}

    def line(self, name: str, text: str, level: str = "") -> None:
        """One line of a process; `level` where the line does not tell it."""
        text = redact.text(text)
        if self._book is not None:
            self._book.line(name, text, level)
        tag = f"[{name}]"
        if self._coloured:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
            tag = f"\x1b[{colour}m{tag}\x1b[0m"
        self.plain(f"{tag} {text}")

    def plain(self, text: str) -> None:
        """Text of our own, as it is. When nobody reads any more, we go on without."""
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            pass


class Lines:
    """Cuts a process's output into whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, block: bytes) -> list[str]:
        """The lines that are complete now."""
        *whole, self._rest = (self._rest + block).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        return [_text(line) for line in whole]

    def end(self) -> list[str]:
        """The last line, if the process did not end it."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest.strip() else []


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip()
