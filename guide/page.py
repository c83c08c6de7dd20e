"""What came in place of a guide, in words."""

from __future__ import annotations

import re

from restreamer.lib import redact
from restreamer.lib.xmltv import one_line

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"<[^>]*>")


def what_it_is(head: str) -> str:
    """A sentence on the first kilobytes of a file that is no guide: the owner reads what the server said."""
    text = head.strip()
    if not text:
        return "The guide is empty: not one byte of text came."
    if "<!entity" in text.lower():
        return "The guide declares entities of its own, which no honest guide does. It was not read."
    if text.startswith("#EXTM3U"):
        return "This is an M3U playlist, not an XMLTV guide."
    title = _TITLE.search(text)
    if title or re.match(r"<!doctype html|<html", text, re.IGNORECASE):
        said = one_line(title[1] if title else _TAGS.sub(" ", text))[:120]
        return f"A web page came in place of a guide: {redact.text(said)!r}."
    if text[0] in "{[":
        return f"An answer in JSON came in place of a guide: {redact.text(text[:120])!r}."
    return f"This is no XMLTV guide; it begins with {redact.text(one_line(_TAGS.sub(' ', text))[:80] or text[:80])!r}."
