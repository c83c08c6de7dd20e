"""Looking for words in a guide's texts, blind to accents and case, by the database and without an index.

A guide is written anew with every import, half a million rows of it: an index of its words would cost each import more
than all searches together. So a word becomes a pattern of letters in all their shapes. Matching that costs much more
than the plain word; only texts with letters beyond ASCII need it, and the others are told by their length in bytes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import Any

from django.db.models import Q, TextField
from django.db.models.lookups import Lookup

from restreamer.lib.names import fold

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS, _LONGEST_WORD = 8, 40
#: Latin, Greek, Cyrillic, Vietnamese, old Greek. Beyond these a letter has one shape or two.
_ACCENTED = (range(0x00C0, 0x0250), range(0x0370, 0x0530), range(0x1EA0, 0x2000))


def words_of(text: str) -> list[str]:
    """The words asked for; signs between them say nothing."""
    return [word[:_LONGEST_WORD] for word in _WORD.findall(text)[:_MOST_WORDS]]


def holding(words: list[str], *fields: str) -> Q:
    """Rows that hold every word in one of the fields, inside longer words too."""
    found = Q()
    for word in words:
        somewhere = Q()
        for field in fields:
            somewhere |= Q(**{f"{field}__holds": word})
        found &= somewhere
    return found


@TextField.register_lookup
class Holds(Lookup[bool]):
    """`title__holds="word"`: letters and digits only, see `words_of`."""

    lookup_name = "holds"
    prepare_rhs = False

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Case counts for GLOB; it looks fast for what begins with a letter, slowly for what begins with a class."""
        first, *rest = _classes(str(self.rhs))
        begun = [f"*{letter}{''.join(f'[{one}]' for one in rest)}*" for letter in first]
        return self._either(compiler, connection, "LIKE", "length(CAST({0} AS BLOB))", "GLOB", begun)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Not `~*`: what it takes for upper case depends on how the database was made."""
        pattern = "".join(f"[{one}]" for one in _classes(str(self.rhs)))
        return self._either(compiler, connection, "ILIKE", "octet_length({0})", "~", [pattern])

    def _either(
        self, compiler: Any, connection: Any, plainly: str, size: str, sign: str, patterns: list[str]
    ) -> tuple[str, list[Any]]:
        left, params = self.process_lhs(compiler, connection)
        matches = " OR ".join([f"{left} {sign} %s"] * len(patterns))
        matching = [value for one in patterns for value in (*params, one)]
        plain = fold(str(self.rhs))
        if not plain.isascii():
            return f"({matches})", matching
        sql = f"({left} {plainly} %s OR ({size.format(left)} > length({left}) AND ({matches})))"
        return sql, [*params, f"%{plain}%", *params, *params, *matching]


def _classes(word: str) -> list[str]:
    """For each letter its shapes: `aAäÄ…`."""
    return [_shapes(letter) for letter in word if letter.isalnum()]


def _shapes(letter: str) -> str:
    plain = fold(letter)
    if len(plain) != 1:
        # ß is folded to two letters; a class has room for one.
        plain = letter
    shapes = dict.fromkeys((letter, plain, plain.lower(), plain.upper(), *_families().get(plain, ())))
    return "".join(shape for shape in shapes if len(shape) == 1)


@cache
def _families() -> dict[str, str]:
    """From a plain letter to its accented shapes."""
    found: dict[str, str] = defaultdict(str)
    for letter in map(chr, (code for some in _ACCENTED for code in some)):
        plain = fold(letter) if letter.isalpha() else ""
        if len(plain) == 1 and plain != letter:
            found[plain] += letter
    return dict(found)
