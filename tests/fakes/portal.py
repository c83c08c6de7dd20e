"""A strict fake Stalker portal on a loopback port, in both families, with scripted faults.

By hand: `python -m tests.fakes.portal --port 8088 --media 'http://127.0.0.1:9000/live/{channel}?mac={mac}'`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes import portal_strict
from tests.fakes.portal_accounts import Account, Doings
from tests.fakes.portal_catalogue import Catalogue, catalogue
from tests.fakes.portal_panel import Panel
from tests.fakes.portal_stock import Stock
from tests.fakes.portal_titles import Titles, titles
from tests.fakes.portal_wire import Answerer, Asked, Fault, Reply, page

#: (mac, channel id, token) -> address at the media origin.
MediaUrl = Callable[[str, int, str], str]

_NULL_PACKET = b"\x47\x1f\xff\x10" + b"\xff" * 184


@dataclass(slots=True)
class Link:
    """A minted link."""

    mac: str
    channel_id: int
    made_at: float
    used: int = 0


class FakePortal:
    """A portal. Use it in a `with`; leaving it fails on any violation of the protocol seen meanwhile.

    `media`: "proxy" hands the bytes of `media_url` through (stock's internal redirect; connections per MAC are counted
    and limited here), "redirect" answers 302 to it (panels). `parallel_limit` is what a portal allows at once.
    """

    def __init__(
        self,
        family: str = "stock",
        *,
        macs: Sequence[str] = ("00:1A:79:00:00:01",),
        channels: int = 20,
        base: str | None = None,
        media_url: MediaUrl | None = None,
        media: str = "",
        limit: int = 0,
        port: int = 0,
        strict: bool = True,
    ) -> None:
        self.family = family
        self.base = ("/stalker_portal" if family == "stock" else "") if base is None else base
        self.catalogue: Catalogue = catalogue(channels)
        self.titles: Titles = titles()
        self.accounts: dict[str, Account] = {}
        self.limit = limit
        self.media_url = media_url
        self.media = media or ("proxy" if family == "stock" else "redirect")
        self.strict = strict
        # How the portal is set up.
        self.zone = "Europe/Kiev"
        self.watchdog_s: Any = 120
        self.force_link_check: Any = ""
        self.sends_random = False
        self.unknown_macs = "create"
        self.null_tokens = True
        self.closed = False
        self.secure = True
        self.login_info = "Please sign in"
        self.login_at_every_load = False
        self.login_sticks = True
        self.wants_newer_firmware = False
        self.has_script = True
        self.ip_blocked = False
        self.link_lifetime_s = 5.0
        self.parallel_limit = 2
        #: "refuse" answers 458, "kick" closes the oldest, "fail" is a violation.
        self.on_limit = "fail"
        # What happened.
        self.violations: list[str] = []
        self.requests: list[tuple[float, str]] = []
        #: The same as raw paths.
        self.paths: list[str] = []
        self.parallel_peak = 0
        #: Links made of movies and episodes: (name of the title, number asked for); and pieces of the archive.
        self.vod_links: list[tuple[str, str]] = []
        self.archived: list[tuple[int, datetime]] = []
        self.faults: list[Fault] = []
        self._doings: dict[str, Doings] = {}
        self._links: dict[str, Link] = {}
        self._play_tokens: dict[str, str] = {}
        self._streams: list[tuple[str, socket.socket]] = []
        self._under_way = 0
        self._lock = threading.RLock()
        self.dialect: Stock = Panel(self) if family == "panel" else Stock(self)
        for mac in macs:
            self.add_account(mac)
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self.port: int = self._server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    # --- addresses -----------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """What a provider would give its customer."""
        return f"{self.origin}{self.base}/c/"

    @property
    def endpoint(self) -> str:
        """The API."""
        return self.origin + self.base + self.dialect.api_path

    # --- life ----------------------------------------------------------------------------------------------------

    def start(self) -> FakePortal:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self.close_streams()
        self._server.server_close()

    def __enter__(self) -> FakePortal:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self.stop()
        if kind is None:
            self.assert_well_treated()

    def assert_well_treated(self) -> None:
        """Fail when a request broke the protocol, or too many came at once."""
        assert not self.violations, "\n".join(sorted(set(self.violations)))
        assert self.parallel_peak <= self.parallel_limit, f"{self.parallel_peak} requests at once"

    # --- accounts and scripts ------------------------------------------------------------------------------------

    def add_account(self, mac: str, **fields: Any) -> Account:
        account = Account(mac=mac.upper(), id=1000 + len(self.accounts), limit=self.limit)
        for name, value in fields.items():
            setattr(account, name, value)
        self.accounts[account.mac] = account
        return account

    def account(self, mac: str = "") -> Account:
        """The account of a MAC, or the first."""
        return self.accounts[mac.upper()] if mac else next(iter(self.accounts.values()))

    def doings(self, mac: str = "") -> Doings:
        """What a MAC did, or the first account's."""
        mac = mac.upper() or self.account().mac
        with self._lock:
            return self._doings.setdefault(mac, Doings())

    def fault(self, on: str, reply: Reply | Answerer, *, times: int = 1_000_000, skip: int = 0) -> Fault:
        """From now on answer `on` ("itv.get_genres", a path, or "*") with this, `times` times after `skip`."""
        made = Fault(on, reply.send if isinstance(reply, Reply) else reply, times, skip)
        with self._lock:
            self.faults.append(made)
        return made

    def violate(self, found: Sequence[str]) -> None:
        if self.strict:
            with self._lock:
                self.violations.extend(found)

    def count(self, action: str) -> int:
        """How often an action or path was asked."""
        return sum(1 for _at, name in self.requests if name == action)

    # --- links ---------------------------------------------------------------------------------------------------

    def mint(self, mac: str, channel_id: int) -> str:
        """A fresh link: stock's lives 5 s and is its own host's; a panel's works once."""
        token = secrets.token_hex(16)
        with self._lock:
            self._links[token] = Link(mac, channel_id, time.monotonic())
        if self.family == "panel":
            return f"{self.origin}/play/live.php?mac={mac}&stream={channel_id}&extension=ts&play_token={token}"
        return f"{self.origin}/ch/{token}"

    def vod_link(self, mac: str, name: str, number: str) -> str:
        """A link to a file of a movie or an episode."""
        self.vod_links.append((name, number))
        if self.family == "panel":
            token = secrets.token_hex(8)
            return f"ffmpeg {self.origin}/play/movie.php?mac={mac}&stream={name}.mkv&play_token={token}&type=movie"
        return f"ffmpeg {self.origin}/media/{name}/{mac}/{name}.mkv?st={secrets.token_hex(4)}&e=1"

    def play_token(self, mac: str) -> str:
        """The session-wide token of a panel without secure links; new after each handshake."""
        return self._play_tokens.setdefault(f"{mac}/{self.account(mac).token}", secrets.token_hex(8))

    def redeemed(self, path: str, query: dict[str, str]) -> Link | None:
        """The link behind a media request, if it is still good."""
        token = query.get("play_token", "") or path.rpartition("/")[2]
        with self._lock:
            link = self._links.get(token)
            if link is None and self._is_session_token(query):
                link = Link(query["mac"], int(query["stream"]), time.monotonic())
            if link is None:
                return None
            link.used += 1
            if self.family == "panel":
                return link if link.used == 1 else None
            return link if time.monotonic() - link.made_at <= self.link_lifetime_s else None

    def _is_session_token(self, query: dict[str, str]) -> bool:
        mac = query.get("mac", "").upper()
        known = mac in self.accounts and not self.secure and query.get("stream", "").isdigit()
        return known and query.get("play_token") == self.play_token(mac)

    def block(self, mac: str, state: str = "blocked") -> None:
        """Block a MAC now, its running streams included."""
        self.account(mac).state = state
        self.close_streams(mac)

    def close_streams(self, mac: str = "") -> None:
        with self._lock:
            victims = [sock for owner, sock in self._streams if not mac or owner == mac.upper()]
        for sock in victims:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    # --- answering -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What `/__state` shows."""
        with self._lock:
            return {
                "family": self.family,
                "address": self.address,
                "requests": len(self.requests),
                "parallel_peak": self.parallel_peak,
                "violations": sorted(set(self.violations)),
                "accounts": {
                    mac: {"state": account.state, "limit": account.limit, **asdict(self.doings(mac))}
                    for mac, account in self.accounts.items()
                },
            }

    def control(self, query: dict[str, str]) -> None:
        """What `/__control?…` does: block, unblock, expire, forget, kill_token, cut_off (a MAC each), throttle=N…"""
        for name, value in query.items():
            mac = value.upper()
            if name in ("block", "unblock"):
                self.block(mac, "blocked" if name == "block" else "ok")
            elif name == "expire":
                self.account(mac).end_date = "2020-01-01 00:00:00"
                self.block(mac)
            elif name == "forget":
                self.accounts.pop(mac, None)
            elif name == "kill_token":
                self.account(mac).token = secrets.token_hex(16)
            elif name == "cut_off":
                self.account(mac).events.append({"id": str(secrets.randbelow(10**6)), "event": "cut_off", "msg": ""})
            elif name == "throttle":
                self.fault("*", Reply(status=429, headers={"Retry-After": "2"}), times=int(value))
            elif name == "down":
                self.faults.clear()
                if value == "1":
                    self.fault("*", page(502, "Bad Gateway"))
            elif name == "channels":
                self.catalogue = catalogue(int(value))
            else:
                raise KeyError(name)

    @contextlib.contextmanager
    def counted(self, name: str) -> Iterator[None]:
        """One request under way."""
        with self._lock:
            self._under_way += 1
            self.requests.append((time.monotonic(), name))
        # A thread that has answered may not have counted itself out yet: that is no request under way.
        patience = time.monotonic() + 0.05
        while self._under_way > self.parallel_limit and time.monotonic() < patience:
            time.sleep(0.002)
        with self._lock:
            self.parallel_peak = max(self.parallel_peak, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def answer(self, asked: Asked) -> Answerer:
        """The reply to anything but media and control."""
        with self._lock:
            for fault in self.faults:
                if fault.strikes(asked):
                    return fault.reply
            if self.ip_blocked:
                return page(404, "404 Not Found").send
            if asked.path == self.base + self.dialect.api_path:
                self.violate(portal_strict.request_violations(asked.headers, asked.cookies, asked.query))
                self.violate(portal_strict.parameter_violations(asked.action, asked.query))
                return self.dialect.answer(asked).send
        if self.has_script and asked.path == f"{self.base}/c/xpcom.common.js":
            return Reply(self.dialect.script.encode(), content_type="application/javascript").send
        if asked.path in (f"{self.base}/c/", f"{self.base}/c/index.html"):
            return page(title="stalker_portal").send
        return page(404, "404 Not Found").send

    # --- media ---------------------------------------------------------------------------------------------------

    def serve_media(self, handler: BaseHTTPRequestHandler, path: str, query: dict[str, str]) -> None:
        """Answer an opened link."""
        link = self.redeemed(path, query)
        if link is None:
            page(404, "404 Not Found").send(handler)
            return
        self.doings(link.mac).opened += 1
        target = self.media_url(link.mac, link.channel_id, secrets.token_hex(8)) if self.media_url else ""
        if target and self.media == "redirect":
            Reply(status=302, headers={"Location": target}).send(handler)
            return
        if not self._admitted(link, handler.connection):
            page(458, "Limit reached").send(handler)
            return
        try:
            _pass_through(target, handler)
        finally:
            self._leave(link, handler.connection)

    def _admitted(self, link: Link, sock: socket.socket) -> bool:
        doings, limit = self.doings(link.mac), self.account(link.mac).limit
        with self._lock:
            if limit and doings.open_now >= limit:
                if self.on_limit == "fail":
                    self.violations.append(f"more than {limit} streams of one MAC")
                if self.on_limit != "kick":
                    return False
                self.close_streams(link.mac)
            doings.open_now += 1
            doings.open_peak = max(doings.open_peak, doings.open_now)
            self._streams.append((link.mac, sock))
        return True

    def _leave(self, link: Link, sock: socket.socket) -> None:
        with self._lock:
            self.doings(link.mac).open_now -= 1
            self._streams.remove((link.mac, sock))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to print about."""


def _handler(portal: FakePortal) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        #: A small answer goes out at once; else each waits 40 ms for the client to acknowledge its headers.
        disable_nagle_algorithm = True
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            if parts.path in ("/__state", "/__control"):
                self._steer(parts.path, query)
            elif parts.path.startswith(("/ch/", "/play/")):
                portal.serve_media(self, parts.path, query)
            else:
                asked = _asked(self, parts.path, query)
                portal.paths.append(self.path)
                with portal.counted(asked.action if "action" in query else asked.path):
                    portal.answer(asked)(self)
                    self.wfile.flush()

        def _steer(self, path: str, query: dict[str, str]) -> None:
            try:
                if path == "/__control":
                    portal.control(query)
                body = json.dumps(portal.state(), indent=1).encode() + b"\n"
                Reply(body, content_type="application/json").send(self)
            except (KeyError, ValueError) as err:
                Reply(f"no such thing: {err}\n".encode(), 400).send(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _asked(handler: BaseHTTPRequestHandler, path: str, query: dict[str, str]) -> Asked:
    pairs = [part.strip().partition("=") for part in handler.headers.get("Cookie", "").split(";") if part.strip()]
    cookies = {name: value for name, _equals, value in pairs}
    bearer = handler.headers.get("Authorization", "")
    return Asked(
        path=path,
        query=query,
        headers=dict(handler.headers.items()),
        cookies=cookies,
        mac=unquote(cookies.get("mac", "")).upper(),
        token=bearer[7:].rstrip() if bearer.lower().startswith("bearer ") else "",
        has_bearer=bool(bearer),
    )


def _pass_through(target: str, handler: BaseHTTPRequestHandler) -> None:
    """Hand the origin's bytes on until either side ends; without an origin, some null packets."""
    handler.close_connection = True
    if not target:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n")
        handler.wfile.write(_NULL_PACKET * 200)
        return
    parts = urlsplit(target)
    origin = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        origin.request("GET", f"{parts.path}?{parts.query}", headers={"User-Agent": "stock streamer"})
        response = origin.getresponse()
        head = f"HTTP/1.1 {response.status} {response.reason}\r\nConnection: close\r\nContent-Type: "
        handler.wfile.write(head.encode() + (response.getheader("Content-Type") or "video/mp2t").encode() + b"\r\n\r\n")
        while block := response.read1(65536):
            handler.wfile.write(block)
    except OSError:
        pass
    finally:
        origin.close()


def main() -> None:
    """Run one by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--family", choices=("stock", "panel"), default="stock")
    parser.add_argument("--mac", action="append", default=[], help="may be given several times")
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--limit", type=int, default=0, help="streams per MAC, 0 = unlimited")
    parser.add_argument("--on-limit", choices=("refuse", "kick", "fail"), default="refuse")
    parser.add_argument("--media", default="", help="origin, e.g. http://127.0.0.1:9000/live/{channel}?mac={mac}")
    parser.add_argument("--media-mode", choices=("proxy", "redirect"), default="proxy")
    options = parser.parse_args()
    template: str = options.media

    def media_url(mac: str, channel_id: int, token: str) -> str:
        return template.format(mac=mac, channel=channel_id, token=token)

    portal = FakePortal(
        options.family,
        macs=options.mac or ("00:1A:79:00:00:01",),
        channels=options.channels,
        limit=options.limit,
        port=options.port,
        media_url=media_url if template else None,
        media=options.media_mode,
    )
    portal.on_limit = options.on_limit
    portal.start()
    print(f"{portal.family} portal at {portal.address} for {', '.join(portal.accounts)}", flush=True)
    print(f"see {portal.origin}/__state, steer {portal.origin}/__control?block=MAC", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    portal.stop()


if __name__ == "__main__":
    main()
