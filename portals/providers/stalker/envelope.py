"""From an HTTP answer to what the portal said: the decode order and every anomaly of the reference's section 4."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from time import time
from typing import Any
from urllib.parse import urlsplit

from portals import errors
from portals.providers.reach import Reach
from portals.providers.stalker.sentences import Say, quoting
from portals.providers.stalker.values import words
from restreamer.lib.http import MIB, Answer

_GZIP = b"\x1f\x8b"
_LARGEST_UNPACKED = 64 * MIB
_ENVELOPE = re.compile(r'\{\s*"js"\s*:')
_DECODER = json.JSONDecoder(strict=False)
_ZONE_TROUBLE = re.compile(r"(?i)date_default_timezone|DateTimeZone|time[ _-]?zone")
_FATAL = re.compile(r"(?i)\bfatal error\b|uncaught|unknown or bad timezone|unknown or incorrect time zone")


class Family(StrEnum):
    """The two kinds of portal (reference section 1)."""

    STOCK = "stock"
    PANEL = "panel"


class EmptyAnswer(errors.TokenRefused):
    """200 without a byte: how panels say both "not signed in" and "no such action"."""


class Gibberish(errors.AnswerUnreadable):
    """JSON was meant, but it is damaged; asking once more may help."""


class PageInstead(errors.AnswerUnreadable):
    """A web page where data was expected."""


class NoEnvelope(errors.AnswerUnreadable):
    """Valid JSON, but not a portal's: another kind of service answers."""


class Throttling(errors.PortalThrottled):
    """As it came in: how long the portal wants us to wait, if it said so, and in whose words we tell the owner."""

    def __init__(self, say: Say, status: int, wish_s: float | None, *, by_guard: bool) -> None:
        super().__init__(say.of(status=status, wait="a while"), retry_after_s=wish_s)
        self.say = say
        self.status_code = status
        self.by_guard = by_guard


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the portal said. `text`, the server's debug dump, is dropped unread: it may hold billing data."""

    js: Any
    #: Fields panels put beside `js` (link ids and errors).
    beside: Mapping[str, Any] = field(default_factory=dict)
    family: Family = Family.STOCK
    url: str = ""


def read(answer: Answer, *, clock: Callable[[], float] = time) -> Envelope:
    """What the portal said.

    Raises the PortalError that names what it said instead.
    """
    _judge_status(answer, clock)
    text = _text_of(answer.body)
    if not text:
        raise EmptyAnswer(Say.EMPTY_ANSWER.of())
    start = _start_of_json(text)
    if start is None:
        raise _without_json(text, answer)
    try:
        whole, _end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError) as err:
        raise Gibberish(Say.BROKEN_JSON.of()) from err
    if not isinstance(whole, dict) or "js" not in whole:
        raise NoEnvelope(Say.OTHER_SERVICE.of(host=urlsplit(answer.url).netloc.rpartition("@")[2]))
    beside = {name: value for name, value in whole.items() if name not in ("js", "text")}
    return Envelope(whole["js"], beside, _family(answer, has_text="text" in whole), answer.url)


def spoken_refusal(js: Any) -> errors.PortalError | None:
    """The refusal some panels word themselves, `{"error": …}`, `{"msg": …}` or a bare sentence; None without one."""
    if isinstance(js, str):
        # A bare play order is an answer, whatever it is wrapped in.
        said = "" if "://" in js else words(js)
    elif isinstance(js, dict) and js and set(js) <= {"error", "msg", "message"}:
        said = next((words(value) for value in js.values() if words(value)), "")
    else:
        return None
    if not said:
        return None
    known = _known_words(said)
    return known or errors.AnswerUnreadable(quoting(Say.ODD_WORDS.of(), said))


def retry_after_s(value: str, now: float) -> float | None:
    """A Retry-After header, in either form; None when there is none worth believing."""
    value = value.strip()
    if re.fullmatch(r"\d{1,6}(\.\d+)?", value):
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _judge_status(answer: Answer, clock: Callable[[], float]) -> None:
    status = answer.status
    if status in (200, 201, 203, 206):
        return
    wish_s = retry_after_s(answer.header("Retry-After"), clock())
    if status == 401:
        raise errors.TokenRefused(Say.SESSION_LOST.of())
    guard = _is_guard(answer)
    if status == 458:
        raise errors.SubscriptionBusy(Say.MAC_BUSY.of(), retry_after_s=wish_s or errors.SubscriptionBusy.retry_after_s)
    if status == 456:
        raise errors.ItemNotSubscribed(Say.ITEM_NOT_SUBSCRIBED.of())
    if status == 429:
        raise Throttling(Say.THROTTLED, status, wish_s, by_guard=guard)
    if status == 403 or (status == 503 and guard):
        raise Throttling(Say.TURNED_AWAY, status, wish_s, by_guard=guard)
    if status == 503:
        raise Throttling(Say.THROTTLED, status, wish_s, by_guard=False)
    if status in (404, 410):
        raise errors.AnswerNotFound(Say.NOT_FOUND.of())
    if status >= 500:
        raise errors.PortalOverloaded(Say.OVERLOADED.of(status=status))
    raise errors.AnswerUnreadable(Say.ODD_STATUS.of(status=status))


def _is_guard(answer: Answer) -> bool:
    """A CDN or firewall speaks, not the portal."""
    names = {name.lower() for name in answer.headers}
    return any(name.startswith("cf-") for name in names) or "cloudflare" in answer.header("Server").lower()


def _text_of(body: bytes) -> str:
    if body.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            body = unpacker.decompress(body, _LARGEST_UNPACKED)
        except zlib.error as err:
            raise Gibberish(Say.BROKEN_JSON.of()) from err
        if unpacker.unconsumed_tail:
            raise errors.AnswerUnreadable(Reach.TOO_LARGE.of(host="The portal"))
        if not unpacker.eof:
            raise Gibberish(Say.BROKEN_JSON.of())
    return body.decode("utf-8", "replace").lstrip("\ufeff").strip()


def _start_of_json(text: str) -> int | None:
    """Where the envelope begins: behind warnings and wrappers, if need be."""
    if text.startswith("{"):
        return 0
    match = _ENVELOPE.search(text)
    if match:
        return match.start()
    if text.startswith("["):
        return 0
    # `dataReady({…})` around something else than an envelope.
    wrapped = re.match(r"[\w.\s]{1,60}\(\s*(?=\{)", text)
    return wrapped.end() if wrapped else None


def _without_json(text: str, answer: Answer) -> errors.PortalError:
    """The error for an answer that holds no JSON at all."""
    is_page = text.startswith("<") or "<html" in text[:2000].lower()
    said = words(text[:20_000])
    known = _known_words(said)
    if known and len(said) < 200:
        return known
    if _FATAL.search(said) or _FATAL.search(text[:20_000]):
        if _ZONE_TROUBLE.search(text[:20_000]):
            return errors.TimeZoneRefused(Say.TIME_ZONE_REFUSED.of())
        return errors.PortalOverloaded(Say.SERVER_FAULT.of())
    if is_page and answer.redirected:
        return errors.AnswerUnreadable(Say.REDIRECTED_TO_PAGE.of(host=urlsplit(answer.url).netloc.rpartition("@")[2]))
    if is_page:
        return PageInstead(Say.HTML_ANSWER.of())
    return Gibberish(Say.BROKEN_JSON.of())


def _known_words(said: str) -> errors.PortalError | None:
    """The plain sentences of stock and their relatives on panels."""
    low = said.lower()
    if "authorization failed" in low or "identification failed" in low or "invalid token" in low:
        return errors.TokenRefused(Say.SESSION_LOST.of())
    if "unauthorized request" in low:
        return errors.SubscriptionUnknown(Say.COOKIE_REFUSED.of())
    if "access denied" in low:
        return errors.AccessDenied(Say.DENIED.of())
    return None


def _family(answer: Answer, *, has_text: bool) -> Family:
    if has_text:
        return Family.STOCK
    if "text/javascript" in answer.header("Content-Type").lower():
        return Family.PANEL
    return Family.PANEL if urlsplit(answer.url).path.endswith("/portal.php") else Family.STOCK
