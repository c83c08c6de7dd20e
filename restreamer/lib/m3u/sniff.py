"""Looks at the first bytes: a channel list, or something else with a name?"""

from __future__ import annotations

import codecs
import html
import re

from restreamer.lib.m3u.errors import (
    BinaryFile,
    EmptyAnswer,
    JsonAnswer,
    PlainText,
    SingleStream,
    WebPage,
    XmlDocument,
)

#: How much `refuse_others` wants to see; an HTML title may stand this far down.
HEAD_BYTES = 4096

_LONGEST_QUOTE = 120
_LIST_SIGN = re.compile(r"(?im)^\s*#EXT(?:M3U|INF:)")
_HLS_TAG = re.compile(
    r"(?m)^\s*#EXT-X-(?:TARGETDURATION|STREAM-INF|I-FRAME-STREAM-INF|MEDIA-SEQUENCE|I-FRAMES-ONLY|MEDIA):?"
)
_ADDRESS_FIRST = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S")
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title")
_NOT_SHOWN = re.compile(r"(?is)<(script|style|head)\b.*?(?:</\1\s*>|$)|<!--.*?(?:-->|$)|<[^>]*(?:>|$)")
_XML_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_XML_PROLOGUE = re.compile(r"(?s)<[?!].*?>")
_JSON_SIGN = re.compile(r"\{|\[\s*[\[{\"\d\]tfn-]")
_JSON_MESSAGE = re.compile(r'"(?:message|error|detail|msg|reason|status)"\s*:\s*"((?:[^"\\]|\\.)+)"')
_HTML_SIGN = re.compile(
    r"(?i)<!doctype\s+html|<(?:html|head|title|body|meta|script|center|h1|div|p|br|b|font|pre|iframe)\b"
)
_FILES = (
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
    (b"Rar!\x1a\x07", "RAR archive"),
    (b"\x28\xb5\x2f\xfd", "zstd archive"),
    (b"%PDF-", "PDF file"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"\x1aE\xdf\xa3", "video file"),
)


def refuse_others(head: bytes) -> bool:
    """Whether the list says it is one (`#EXTM3U` first); lists that forgot are accepted too.

    `head` is the unpacked beginning, HEAD_BYTES of it when there are that many.
    Raises a NotAPlaylist.
    """
    _refuse_binary(head)
    text = decoded_head(head).lstrip()
    if not text:
        raise EmptyAnswer
    if text.startswith("<"):
        raise _markup(text)
    if _JSON_SIGN.match(text):
        raise JsonAnswer(_json_message(text))
    if _HLS_TAG.search(text):
        raise SingleStream
    if not text.startswith("#") and not _ADDRESS_FIRST.match(text) and not _LIST_SIGN.search(text):
        raise PlainText(_quoted(text.partition("\n")[0]))
    return text[:7].upper() == "#EXTM3U"


def decoded_head(head: bytes) -> str:
    """The head as text: byte order marks honoured, bad bytes replaced, NULs dropped."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head.decode("utf-16", "replace")
    else:
        text = head.decode("utf-8", "replace")
    return text.replace("\0", "").replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def _refuse_binary(head: bytes) -> None:
    for magic, name in _FILES:
        if head.startswith(magic):
            raise BinaryFile(name)
    if len(head) > 188 and head[0] == head[188] == 0x47 and b"\n" not in head[:8]:
        raise BinaryFile("MPEG-TS stream")
    if head[4:8] == b"ftyp":
        raise BinaryFile("video file")


def _markup(text: str) -> WebPage | XmlDocument:
    root = _XML_ROOT.search(_XML_PROLOGUE.sub("", text))
    name = root[1] if root else ""
    if _HTML_SIGN.search(text) or not name:
        return WebPage(page_title(text))
    return XmlDocument(_quoted(name))


def page_title(text: str) -> str:
    """What a web page calls itself: its title, else its first words; "" when it has neither."""
    title = _TITLE.search(text)
    shown = title[1] if title and title[1].strip() else _NOT_SHOWN.sub(" ", text)
    return _quoted(html.unescape(shown))


def _json_message(text: str) -> str:
    message = _JSON_MESSAGE.search(text)
    return _quoted(message[1].replace('\\"', '"').replace("\\/", "/") if message else text)


def _quoted(text: str) -> str:
    """At most a line of it, with nothing that is not shown."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: _LONGEST_QUOTE * 8]).split())
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1].rstrip() + "…"
