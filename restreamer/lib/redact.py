"""Hides what must not be read over somebody's shoulder: MACs, tokens, passwords, credentials in addresses."""

from __future__ import annotations

import logging
import re
from urllib.parse import urlsplit, urlunsplit

# An escaped "=" (%3D) may stand in front, whose D would look like a part of it.
_MAC = re.compile(r"(?i)(?:(?<=%3d)|\b)([0-9a-f]{2}(?:(?::|%3a)[0-9a-f]{2}){2})((?:(?::|%3a)[0-9a-f]{2}){3})\b")
_QUERY_SECRET = re.compile(
    r"(?i)((?:^|[?&;\s\"'])(?:token|play_token|password|passwd|pass|pwd|username|user|login|mac|sn|device_id2?|signature|auth|api_key|st|key|sig)=)"
    r"[^&;\s\"'<>]+"
)
_XTREAM_PATH = re.compile(r"(?i)(://[^/\s]+/(?:live|movie|series|timeshift|hls|play)/)[^/\s]+/[^/\s]+/")
_SHORT_XTREAM_PATH = re.compile(r"(://[^/\s]+/)[^/\s?]+/[^/\s?]+/(\d+(?:\.\w+)?)(?=[\s?\"']|$)")
# The same as a path of ours, as requests are logged: no host stands before it.
_OWN_PATH = re.compile(
    r"(?i)((?:^|[\s\"'(])/(?:live|movie|series|timeshift|player_api|playlist|epg)/)[^/\s?\"']+/[^/\s?\"']+"
)
_SHORT_OWN_PATH = re.compile(
    r"((?:^|[\s\"'(])/)(?!(?:play|player|logo|hls|chplay|portal|vod|admin|t|hdhr|proc|dev|sys)/)"
    r"[\w.@-]{1,64}/[\w.@-]{1,64}/(\d{1,10}(?:\.\w{1,5})?)(?=[\s?\"'):]|$)"
)
_USERINFO = re.compile(r"(://)[^/@\s]+@")
_BEARER = re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+")
_TOKEN_PATH = re.compile(r"(?i)(/(?:hdhr|t)/)[\w-]{16,}")


def text(value: object) -> str:
    """The text with MAC tails, tokens, passwords and user names in addresses replaced.

    MACs keep their first three bytes (the vendor), so that two of them can be told from garbage.
    """
    out = str(value)
    out = _USERINFO.sub(r"\1***@", out)
    out = _XTREAM_PATH.sub(r"\1***/***/", out)
    out = _SHORT_XTREAM_PATH.sub(r"\1***/***/\2", out)
    out = _OWN_PATH.sub(r"\1***/***", out)
    out = _SHORT_OWN_PATH.sub(r"\1***/***/\2", out)
    out = _QUERY_SECRET.sub(r"\1***", out)
    out = _BEARER.sub(r"\1***", out)
    out = _TOKEN_PATH.sub(r"\1***", out)
    return _MAC.sub(lambda m: m.group(1) + (":**:**:**" if ":" in m.group(2) else "%3A**%3A**%3A**"), out)


def mac(value: str) -> str:
    """A MAC as it may be shown: `00:1A:79:**:**:5F`, the last byte kept so that an owner knows which one."""
    parts = value.split(":")
    if len(parts) != 6:
        return "***"
    return ":".join([*parts[:3], "**", "**", parts[5]])


def url(value: str) -> str:
    """An address as it may be shown: scheme, host and path without credentials, query dropped."""
    try:
        parts = urlsplit(value)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "***"
    query = "***" if parts.query else ""
    return text(urlunsplit((parts.scheme, (parts.hostname or "") + port, parts.path, query, "")))


class RedactingFilter(logging.Filter):
    """Redacts each finished log message, arguments and traceback included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = text(record.getMessage())
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = text(logging.Formatter().formatException(record.exc_info))
        elif record.exc_text:
            record.exc_text = text(record.exc_text)
        return True
