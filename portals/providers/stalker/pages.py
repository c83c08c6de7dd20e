"""A list that comes page by page, read to its end or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from portals import errors
from portals.providers.base import Progress
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.merging import clearly_short
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.values import ident, number, rows

#: 20,000 pages of 14 are 280,000 titles; a list longer than that does not end.
_MOST_PAGES = 20_000
_USUAL_PAGE = 14

#: Asks for page N.
Question = Callable[[int], Envelope]
#: What tells rows apart; rows it gives "" for are left out.
Key = Callable[[Mapping[str, Any]], str]


def by_id(row: Mapping[str, Any]) -> str:
    """The row's id."""
    return ident(row.get("id"))


class PagedList:
    """One paged list. Its budget: one question per page, and one more when the last page is full.

    Ends at the page that is not full once all that was announced has come, or at an empty one; a page that is empty
    too early is asked for once more. Raises CatalogueIncomplete when clearly less came than was announced, when one
    page comes for ever, and when there is no end.
    """

    def __init__(self, question: Question, what: str, progress: Progress, key: Key = by_id) -> None:
        self._question = question
        self._key = key
        self._what = what
        self._progress = progress
        self._seen: set[str] = set()
        self.expected = 0
        self._per_page = _USUAL_PAGE

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """All rows that have an id, each once. Raises CatalogueIncomplete, PortalError."""
        was_empty = False
        for page in range(1, _MOST_PAGES + 1):
            found = self._page(page)
            new = self._new(found)
            yield from new
            self._progress(len(self._seen), self.expected)
            if found and not new:
                return self._end_of_repeats()
            if self._is_last(page, len(found), was_empty=was_empty):
                return self._end()
            was_empty = not found
        raise errors.CatalogueIncomplete(Say.LIST_TOO_LONG.of())

    def _new(self, found: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        new = []
        for row in found:
            key = self._key(row)
            if key and key not in self._seen:
                self._seen.add(key)
                new.append(row)
        return new

    def _page(self, page: int) -> list[Mapping[str, Any]]:
        found = self._asked(page)
        if not found and page <= self._pages():
            found = self._asked(page)
        return found

    def _asked(self, page: int) -> list[Mapping[str, Any]]:
        js = self._question(page).js
        if js is None:
            raise errors.PortalOverloaded(Say.SERVER_FAULT.of())
        if isinstance(js, dict):
            self.expected = max(number(js.get("total_items")), 0) or self.expected
            self._per_page = min(max(number(js.get("max_page_items")), 0) or self._per_page, 1000)
        return rows(js)

    def _pages(self) -> int:
        return math.ceil(self.expected / self._per_page)

    def _is_last(self, page: int, found: int, *, was_empty: bool) -> bool:
        if not found:
            return was_empty or page >= self._pages()
        return bool(self.expected) and page >= self._pages() and found < self._per_page

    def _end(self) -> None:
        if clearly_short(len(self._seen), self.expected):
            sentence = Say.TITLES_SHORT.of(what=self._what, expected=self.expected, seen=len(self._seen))
            raise errors.CatalogueIncomplete(sentence)

    def _end_of_repeats(self) -> None:
        """A page without a new id: the end, or a portal that ignores page numbers."""
        if clearly_short(len(self._seen), self.expected):
            sentence = Say.TITLES_SAME_PAGE.of(what=self._what, expected=self.expected, seen=len(self._seen))
            raise errors.CatalogueIncomplete(sentence)
