"""Requests and replies of the fake portal, and the replies that misbehave."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

#: Rows of a page.
PAGE = 14


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the dialects see it."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    #: The MAC of the cookie, upper case; "" without a usable one.
    mac: str
    #: The Bearer value, "" without.
    token: str
    has_bearer: bool

    @property
    def action(self) -> str:
        return f"{self.query.get('type', '')}.{self.query.get('action', '')}"


@dataclass(slots=True)
class Reply:
    """An ordinary reply."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        body = self.body
        handler.send_response(self.status)
        if "gzip" in handler.headers.get("Accept-Encoding", "") and len(body) > 2000:
            body = gzip.compress(body, 1)
            handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Type", self.content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


#: Anything that can answer: a Reply's `send`, or a script of its own.
Answerer = Callable[[BaseHTTPRequestHandler], None]


def text(sentence: str, status: int = 200) -> Reply:
    """A plain sentence, as stock refuses."""
    return Reply(sentence.encode(), status)


def page(status: int = 200, title: str = "Welcome", headers: Mapping[str, str] | None = None) -> Reply:
    """An HTML page."""
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(body.encode(), status, headers=dict(headers or {}))


def js(value: Any, **beside: Any) -> Reply:
    """A stock envelope; `text` holds what nobody may ever show."""
    debug = {"text": "generated in: 0.012s; query counter: 7; billing secret-debug-dump"}
    return Reply(json.dumps({"js": value, **beside, **debug}).encode(), content_type="application/json")


def panel_js(value: Any, **beside: Any) -> Reply:
    """A panel's envelope: no `text`, link fields beside `js`."""
    return Reply(json.dumps({"js": value, **beside}).encode(), content_type="text/javascript;charset=UTF-8")


def paged(rows: list[dict[str, Any]], total: Any, per_page: int, *, page: int) -> dict[str, Any]:
    """One page of a list."""
    return {
        "total_items": total,
        "max_page_items": max(per_page, 1),
        "selected_item": 0,
        "cur_page": page,
        "data": rows,
    }


def raw(body: bytes | str, content_type: str = "application/json", **headers: str) -> Reply:
    """Exactly these bytes."""
    data = body.encode() if isinstance(body, str) else body
    return Reply(data, content_type=content_type, headers={k.replace("_", "-"): v for k, v in headers.items()})


def drip(seconds_per_byte: float, body: bytes = b'{"js":[]}', *, in_headers: bool = False) -> Answerer:
    """A slow-loris: one byte at a time, in the headers or in the body, until the client has had enough."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        if in_headers:
            head += b"X-Slow: "
            body_to_drip = b"x" * 100_000
        else:
            head += b"Connection: close\r\n\r\n"
            body_to_drip = body * 10_000
        handler.wfile.write(head)
        handler.wfile.flush()
        for byte in body_to_drip:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(seconds_per_byte)

    return send


def hang(seconds: float) -> Answerer:
    """Accept and say nothing."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        end = time.monotonic() + seconds
        handler.connection.settimeout(0.1)
        while time.monotonic() < end:
            try:
                if not handler.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    return send


def cut_off(body: bytes, *, announced: int | None = None) -> Answerer:
    """Promise more bytes than come, then close."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        length = announced if announced is not None else len(body) * 2 + 10
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % length)
        handler.wfile.write(body)

    return send


def gzip_bomb(mebibytes: int) -> Answerer:
    """Zeros, packed a thousand to one."""
    packed = gzip.compress(bytes(mebibytes * 1024 * 1024), 9)

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
            b"Content-Length: %d\r\n\r\n" % len(packed)
        )
        handler.wfile.write(packed)

    return send


@dataclass(slots=True)
class Fault:
    """A scripted fault: for requests whose action or path it names, `skip` times not, then `times` times."""

    on: str
    reply: Answerer
    times: int
    skip: int = 0
    hits: int = 0

    def strikes(self, asked: Asked) -> bool:
        """Is it this request's turn?"""
        if self.on not in ("*", asked.action, asked.path):
            return False
        self.hits += 1
        return self.skip < self.hits <= self.skip + self.times
