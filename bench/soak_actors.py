"""Those who use Restreamer in a soak: televisions, slow ones, HLS players, people on the pages, a bad provider."""

from __future__ import annotations

import http.cookiejar
import random
import re
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from tests.fakes.upstream import TsOrigin

_TIMEOUT_S = 30.0
_HLS_POLL_S = 2.0


@dataclass
class Tally:
    """What happened, counted by all actors. Thread-safe."""

    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, number: int = 1) -> None:
        """So many more of it."""
        with self.lock:
            self.counts[what] += number


class Actor(threading.Thread):
    """Does one thing again and again until it is told to stop."""

    def __init__(self, name: str, act: Callable[[Actor], None], over: threading.Event, tally: Tally, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self._act = act
        self.over = over
        self.tally = tally
        self.chance = random.Random(seed)

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self._act(self)
            except (OSError, ValueError) as err:
                # A refusal or a cut: counted, and begun again as people do.
                self.tally.add(f"{self.name.split('-')[0]}: {type(err).__name__}")
                self.over.wait(1)

    def rest(self, least_s: float, most_s: float) -> None:
        """Do nothing for a while."""
        self.over.wait(self.chance.uniform(least_s, most_s))


def television(addresses: list[str], *, least_s: float, most_s: float, bytes_per_s: float = 0.0) -> Callable[..., None]:
    """Watches a channel for a while, then another. With `bytes_per_s` it reads no faster than that."""

    def act(actor: Actor) -> None:
        until = time.monotonic() + actor.chance.uniform(least_s, most_s)
        with _asked(actor.chance.choice(addresses), actor.name) as sock:
            status = int(_head(sock).split(b" ", 2)[1])
            actor.tally.add(f"television: {status}")
            if status != 200:
                actor.rest(1, 2)
                return
            while time.monotonic() < until and not actor.over.is_set():
                piece = sock.recv(4096 if bytes_per_s else 1 << 18)
                if not piece:
                    actor.tally.add("television: ended by us" if bytes_per_s else "television: cut")
                    return
                actor.tally.add("bytes", len(piece))
                if bytes_per_s:
                    actor.over.wait(len(piece) / bytes_per_s)

    return act


def hls_player(addresses: list[str]) -> Callable[..., None]:
    """Plays a channel as HLS for a while: master, list, the newest segments."""

    def act(actor: Actor) -> None:
        master = actor.chance.choice(addresses)
        listing = urljoin(master, _uris(_get(master, actor.name))[0])
        until = time.monotonic() + actor.chance.uniform(15, 40)
        fetched: set[str] = set()
        while time.monotonic() < until and not actor.over.is_set():
            for uri in _uris(_get(listing, actor.name)):
                # A segment's own address, without what differs from player to player.
                if uri.split("?")[0] not in fetched:
                    fetched.add(uri.split("?")[0])
                    actor.tally.add("bytes", len(_get(urljoin(listing, uri), actor.name)))
                    actor.tally.add("hls: segments")
            actor.over.wait(_HLS_POLL_S)

    return act


def person(base: str, password: str, playlist: str) -> Callable[..., None]:
    """Signs in once, then looks at pages; a player of theirs fetches its playlist."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar := http.cookiejar.CookieJar()))
    pages = ["/admin/", "/admin/now/", "/admin/channels/channel/", "/admin/portals/portal/", "/admin/portals/run/"]

    def act(actor: Actor) -> None:
        if not any(cookie.name == "sessionid" for cookie in jar):
            login = f"{base}/admin/login/?next=/admin/"
            browser.open(login, timeout=_TIMEOUT_S).read()
            token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
            form = {"username": "admin", "password": password, "csrfmiddlewaretoken": token}
            browser.open(login, urllib.parse.urlencode(form).encode(), timeout=_TIMEOUT_S).read()
        for address in (base + actor.chance.choice(pages), playlist):
            began = time.monotonic()
            with browser.open(address, timeout=_TIMEOUT_S) as answer:
                answer.read()
            actor.tally.add("pages")
            actor.tally.add("pages: ms", int((time.monotonic() - began) * 1000))
        actor.rest(0.5, 2)

    return act


def bad_provider(origin: TsOrigin, names: list[str]) -> Callable[..., None]:
    """Cuts a connection now and then, without a word."""

    def act(actor: Actor) -> None:
        actor.rest(3, 8)
        actor.tally.add("sources cut", origin.drop(name=actor.chance.choice(names)))

    return act


def now_and_then(every_s: float, what: Callable[[], object], name: str) -> Callable[..., None]:
    """Something that is done by the clock."""

    def act(actor: Actor) -> None:
        if not actor.over.wait(every_s):
            what()
            actor.tally.add(name)

    return act


def _asked(address: str, agent: str) -> socket.socket:
    parts = urlsplit(address)
    sock = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=_TIMEOUT_S)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: {agent}\r\n\r\n".encode())
    return sock


def _head(sock: socket.socket) -> bytes:
    """Up to the end of the head; raises ValueError when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise ValueError("no answer")
        data += piece
    return data


def _get(address: str, agent: str) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": agent})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        body: bytes = answer.read()
    return body


def _uris(playlist: bytes) -> list[str]:
    found = re.findall(r"^(?!#)\S+", playlist.decode(), re.MULTILINE)
    if not found:
        raise ValueError("an empty playlist")
    return found
