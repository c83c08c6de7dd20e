"""Reads the rows of a JSON list while it arrives: lists of 60 MB and more cost the memory of one row.

Written here rather than taken from a library, because panels send more than JSON lists where a list should be: warnings
of PHP before it, an object with "0", "1", … keys in place of an array, `false`, `null` or `""` for none, the login
document, raw control characters inside strings. The standard decoder's `raw_decode` (C) does each row.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from restreamer.lib.errors import RestreamerError

#: One row; the largest seen (a film with its whole cast) has 20 KB.
_LONGEST_ROW = 4 * 1024 * 1024
#: How far PHP's warnings may reach before the list begins.
_LONGEST_PREFIX = 16 * 1024
#: Of a document that stands where a list should be, so much is kept to see what it is.
_MOST_KEYS = 20

_BLANKS = re.compile(r"[ \t\r\n\ufeff]*")
_LIST_BEHIND_PAGE = re.compile(r"\[\s*(?:\{\s*\"|\])|\{\s*\"(?:\d+|user_info)\"\s*:")
_NOTHING = frozenset({"null", "false", '""', "0"})
_decoder = json.JSONDecoder(strict=False)


class ListCut(RestreamerError):
    """The list ends before its end."""


class ListDamaged(RestreamerError):
    """The list is no JSON from some point on."""


class NotAList(RestreamerError):
    """Something else stands where the list should be: `document` when it is JSON, else `text`."""

    def __init__(self, document: Any = None, text: str = "") -> None:
        super().__init__("Something else stands where a list should be.")
        self.document = document
        self.text = text


def rows(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of the list, in order; anything else in it is left out.

    Raises ListCut, ListDamaged, NotAList.
    """
    feed = _Feed(pieces)
    first = feed.peek()
    if first == "<":
        first = feed.skip_page()
    if first == "[":
        yield from _array(feed)
    elif first == "{":
        yield from _numbered(feed)
    else:
        text = feed.rest(_LONGEST_PREFIX).strip()
        if text not in _NOTHING:
            raise NotAList(text=text)


def _array(feed: _Feed) -> Iterator[dict[str, Any]]:
    feed.take("[")
    if feed.peek() == "]":
        return
    while True:
        value = feed.value()
        if isinstance(value, dict):
            yield value
        if feed.one_of(",]") == "]":
            return


def _numbered(feed: _Feed) -> Iterator[dict[str, Any]]:
    """PHP makes an object of a list whose numbers have gaps."""
    feed.take("{")
    if feed.peek() == "}":
        return
    document: dict[str, Any] | None = None
    others = 0
    while True:
        key = feed.value()
        feed.take(":")
        value = feed.value()
        if document is None and not (isinstance(key, str) and key.isdecimal()):
            document = {}
        if document is not None:
            document[str(key)] = value
            others += 1
            if others > _MOST_KEYS:
                break
        elif isinstance(value, dict):
            yield value
        if feed.one_of(",}") == "}":
            break
    if document is not None:
        raise NotAList(document)


class _Feed:
    """Text that grows as it is read. Only what is not decoded yet is held."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._text = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            match = _BLANKS.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow():
                return ""

    def take(self, char: str) -> None:
        """Pass over this character. Raises ListCut, ListDamaged."""
        self.one_of(char)

    def one_of(self, chars: str) -> str:
        """Pass over one of these characters. Raises ListCut, ListDamaged."""
        found = self.peek()
        if not found:
            raise ListCut("The list ends too early.")
        if found not in chars:
            raise ListDamaged(f"{found!r} stands where one of {chars!r} should.")
        self._at += 1
        return found

    def value(self) -> Any:
        """The next JSON value. Raises ListCut, ListDamaged."""
        if not self.peek():
            raise ListCut("The list ends too early.")
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as err:
                self._need_more(err)
                continue
            # A number at the edge may go on in the next piece.
            if end == len(self._text) and self._text[end - 1] not in '}]"' and self._grow():
                continue
            self._at = end
            return value

    def skip_page(self) -> str:
        """Pass over what PHP printed before the list; the list's first character, or "" when none follows."""
        while len(self._text) - self._at < _LONGEST_PREFIX and self._grow():
            pass
        match = _LIST_BEHIND_PAGE.search(self._text, self._at, self._at + _LONGEST_PREFIX)
        if match is None:
            return ""
        self._at = match.start()
        return self._text[self._at]

    def rest(self, limit: int) -> str:
        """What is left, at most `limit` characters of it."""
        while len(self._text) - self._at < limit and self._grow():
            pass
        return self._text[self._at : self._at + limit]

    def _need_more(self, err: json.JSONDecodeError | RecursionError) -> None:
        if isinstance(err, RecursionError):
            raise ListDamaged("A row is nested too deeply.") from err
        # What breaks well before the end of what is here will not be mended by what follows.
        at_the_edge = err.pos >= len(self._text) - 12 or err.msg.startswith("Unterminated string")
        if not at_the_edge:
            raise ListDamaged(err.msg) from err
        if len(self._text) - self._at > _LONGEST_ROW:
            raise ListDamaged("A row does not end.") from err
        if not self._grow():
            raise ListCut("The list ends too early.") from err

    def _grow(self) -> bool:
        """One more piece; False at the end."""
        if self._ended:
            return False
        piece = next(self._pieces, None)
        self._ended = piece is None
        more = self._decode(piece or b"", self._ended)
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(more) or not self._ended
