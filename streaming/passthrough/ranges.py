"""Byte ranges of HTTP, both sides: what a player asks for, what a provider says it sends. Pure.

Source: RFC 9110 sections 14.1.2, 14.2, 14.4. What is malformed, in another unit or names several ranges is ignored, as
the RFC lets a server do: the player gets the whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from restreamer.lib.errors import RestreamerError

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d{1,18})\s*-\s*(\d{1,18})\s*/\s*(\d{1,18}|\*)\s*", re.ASCII | re.IGNORECASE)
_UNSATISFIED = re.compile(r"\s*bytes\s+\*\s*/\s*(\d{1,18})\s*", re.ASCII | re.IGNORECASE)


class OutOfRange(RestreamerError):
    """The range begins behind the end of the file; `length` is the file's, None when nobody said."""

    status = 416
    permanent = True
    public = "The file is shorter than that."

    def __init__(self, length: int | None) -> None:
        super().__init__("The range begins behind the end of the file.")
        self.length = length


@dataclass(frozen=True, slots=True)
class ByteRange:
    """One range as asked for. `first` None: the last `last` bytes. `last` None: to the end."""

    first: int | None
    last: int | None

    @property
    def header(self) -> str:
        """As it is asked of a provider."""
        return f"bytes={'' if self.first is None else self.first}-{'' if self.last is None else self.last}"

    def within(self, length: int) -> tuple[int, int]:
        """First and last byte of it in a file of this length. Raises OutOfRange."""
        if self.first is None:
            wanted = self.last or 0
            if not wanted or not length:
                raise OutOfRange(length)
            return max(0, length - wanted), length - 1
        if self.first >= length:
            raise OutOfRange(length)
        return self.first, length - 1 if self.last is None else min(self.last, length - 1)


WHOLE = ByteRange(0, None)


def asked(header: str) -> ByteRange | None:
    """The range a player asks for; None when it wants the whole, or something that is to be ignored."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return None
    first = int(match[1]) if match[1] else None
    last = int(match[2]) if match[2] else None
    if first is not None and last is not None and last < first:
        return None
    return ByteRange(first, last)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a provider says it sends. `total` None: it does not know."""

    first: int
    last: int
    total: int | None


def sent(content_range: str) -> Sent | None:
    """What a 206 says about itself; None when it makes no sense."""
    match = _CONTENT_RANGE.fullmatch(content_range)
    if match is None:
        return None
    found = Sent(int(match[1]), int(match[2]), None if match[3] == "*" else int(match[3]))
    if found.last < found.first or (found.total is not None and found.last >= found.total):
        return None
    return found


def unsatisfied(content_range: str) -> int | None:
    """The file's length, as a 416 tells it; None when it does not."""
    match = _UNSATISFIED.fullmatch(content_range)
    return int(match[1]) if match else None
