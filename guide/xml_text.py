"""From bytes of a feed to UTF-8 an XML parser can live with: decoded, without illegal characters, `&` repaired."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from html.entities import html5
from itertools import chain

from restreamer.lib.xmltv import legal
from restreamer.lib.xmltv_write import escape

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the other's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
#: Only encodings guides are written in. Python knows others ("unicode_escape", "idna") that are traps.
_HONEST = re.compile(
    r"(?:utf-?8|us-ascii|ascii|latin-?\d+|iso-?8859-\d+|windows-12\d\d|cp\d{3,4}|koi8-[ru]|macroman|"
    r"big5|gbk?|gb2312|gb18030|euc-(?:jp|kr)|shift[_-]jis|tis-620)\Z",
    re.IGNORECASE,
)
#: An `&` that is none of XML's own references: a bare one ("Tom & Jerry"), or an entity of HTML ("caf&eacute;").
_FOREIGN = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)([A-Za-z][A-Za-z0-9]{1,31};)?")
#: A `<` that begins no markup: "I <3 you".
_STRAY = re.compile(r"<(?![A-Za-z_/!?])")
#: What may still become a reference or a tag when the next piece comes.
_OPEN_END = re.compile(r"(?:&[#A-Za-z0-9]{0,32}|<)\Z")
#: References to characters XML cannot hold; the parser would stop at the first.
_ILLEGAL_REFERENCE = re.compile(
    r"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bcef]|1[0-9a-f])|x0*d[89a-f][0-9a-f]{2}|x0*fff[ef]|6553[45]);",
    re.IGNORECASE,
)
#: The end of the guide, or a guide of one empty element; behind it only comments and blanks may stand.
_END = re.compile(r"(?:</(?:\w+:)?tv\s*>|<(?:\w+:)?tv\b[^<>]*/>)(?=\s*(?:<!--|<\?|\Z))", re.IGNORECASE)
_HEAD_CHARS = 4096
_TAIL_CHARS = 2048


class WellFormedText:
    """Iterate it once. Afterwards `ended_well` says whether the file closed its `<tv>`."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.head = ""
        self._tail = ""

    @property
    def ended_well(self) -> bool:
        """Did the text end with the end of the guide?"""
        return _END.search(self._tail) is not None

    def __iter__(self) -> Iterator[bytes]:
        waiting = ""
        for text in self._decoded():
            text = waiting + text
            open_end = _OPEN_END.search(text, max(0, len(text) - 34))
            waiting = text[open_end.start() :] if open_end else ""
            text = text[: len(text) - len(waiting)]
            if text:
                yield self._repaired(text)
        if waiting:
            yield self._repaired(waiting)

    def _repaired(self, text: str) -> bytes:
        text = legal(text)
        if "&" in text:
            text = _FOREIGN.sub(_native, _ILLEGAL_REFERENCE.sub("", text))
        text = _STRAY.sub("&lt;", text)
        if len(self.head) < _HEAD_CHARS:
            self.head += text[: _HEAD_CHARS - len(self.head)]
        self._tail = (self._tail + text[-_TAIL_CHARS:])[-_TAIL_CHARS:]
        return text.encode()

    def _decoded(self) -> Iterator[str]:
        chunks = iter(self._chunks)
        first = b""
        for chunk in chunks:
            first += chunk
            if len(first) >= 256:
                break
        encoding, mark_bytes = encoding_of(first)
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        begun = False
        for chunk in chain((first[mark_bytes:],), chunks):
            text = decoder.decode(chunk)
            # Nothing may stand before the XML declaration, not even a blank.
            text = text if begun else text.lstrip()
            begun = begun or bool(text)
            yield text
        yield decoder.decode(b"", final=True)


def _native(match: re.Match[str]) -> str:
    """What an HTML entity stands for; text that only looks like one stays as it was written."""
    return escape(html5.get(match[1] or "", match[0]))


def encoding_of(head: bytes) -> tuple[str, int]:
    """The encoding of a file and the length of its mark: mark first, then declaration, then UTF-8."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, len(mark)
    if head[:4] in (b"<\x00?\x00", b"<\x00t\x00"):
        return "utf-16-le", 0
    if head[:4] in (b"\x00<\x00?", b"\x00<\x00t"):
        return "utf-16-be", 0
    declared = _DECLARED.search(head[:256])
    name = declared[1].decode("ascii") if declared else "utf-8"
    if not _HONEST.match(name):
        return "utf-8", 0
    try:
        return codecs.lookup(name).name, 0
    except LookupError:
        return "utf-8", 0
