"""Those who use Restreamer in a soak: televisions, slow ones, HLS players, people on the pages, a bad provider."""

from __future__ import annotations

import http.cookiejar
import random
import re
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from bench.soak_judges import Segments, Television, Wrong, expect
from bench.soak_stage import Stage
from tests.fakes.upstream import TsOrigin

_TIMEOUT_S = 30.0
_HLS_POLL_S = 2.0


@dataclass
class Tally:
    """What happened, counted by all actors. Thread-safe."""

    counts: Counter[str] = field(default_factory=Counter)
    #: Whatever somebody received that was wrong, as sentences.
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, number: int = 1) -> None:
        """So many more of it."""
        with self.lock:
            self.counts[what] += number

    def complain(self, sentence: str) -> None:
        """Something was wrong: said at once, and the soak has failed."""
        with self.lock:
            self.wrong.append(sentence)
        print(f"WRONG: {sentence}", flush=True)


class Actor(threading.Thread):
    """Does one thing again and again until it is told to stop."""

    def __init__(self, name: str, act: Callable[[Actor], None], over: threading.Event, tally: Tally) -> None:
        super().__init__(name=name, daemon=True)
        self._act = act
        self.over = over
        self.tally = tally
        #: The same in every run.
        self.chance = random.Random(name)

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self._act(self)
            except Wrong as err:
                self.tally.complain(f"{self.name}: {err}")
            except (OSError, ValueError) as err:
                # A refusal or a cut: counted, and begun again as people do.
                said = getattr(err, "code", type(err).__name__)
                self.tally.add(f"{self.name.split('-')[0]}: {said}")
                self.over.wait(1)

    def rest(self, least_s: float, most_s: float) -> None:
        """Do nothing for a while."""
        self.over.wait(self.chance.uniform(least_s, most_s))


def television(
    stage: Stage, addresses: dict[str, str], *, least_s: float, most_s: float, bytes_per_s: float = 0.0
) -> Callable[..., None]:
    """Watches a channel for a while, then another. With `bytes_per_s` it reads no faster than that.

    `addresses` by the channel's name.
    """

    def act(actor: Actor) -> None:
        name = actor.chance.choice(list(addresses))
        watch_live(actor, stage, name, addresses[name], actor.chance.uniform(least_s, most_s), bytes_per_s)

    return act


def zapper(stage: Stage, addresses: dict[str, str]) -> Callable[..., None]:
    """Goes through the channels with a login for one at a time; often it asks for the new before it leaves the old."""

    def act(actor: Actor) -> None:
        name, before = actor.chance.choice(list(addresses)), None
        for _ in range(6):
            answer = ask(addresses[name], actor.name)
            if before is not None:
                before.close()
            before = answer
            try:
                if answer.refused and "limit" in answer.reason():
                    raise Wrong(f"{actor.name} changes to {name} and is told: {answer.reason()}")
                _watch(actor, stage, name, answer, actor.chance.uniform(0.5, 3), 0.0)
            except BaseException:
                answer.close()
                raise
            if actor.chance.random() < 0.5:
                answer.close()
            name = actor.chance.choice([other for other in addresses if other != name])
        answer.close()
        # Another player of the same login has its turn.
        actor.rest(1, 2)

    return act


def watch_live(
    actor: Actor, stage: Stage, channel: str, address: str, seconds: float, bytes_per_s: float = 0.0
) -> None:
    """Watch a channel and judge each of its packets. Raises Wrong, OSError, ValueError."""
    with ask(address, actor.name) as answer:
        _watch(actor, stage, channel, answer, seconds, bytes_per_s)


def _watch(actor: Actor, stage: Stage, channel: str, answer: Answer, seconds: float, bytes_per_s: float) -> None:
    until = time.monotonic() + seconds
    actor.tally.add(f"television: {answer.status}")
    if answer.refused:
        actor.tally.add(f"television: {answer.reason()}")
        actor.rest(1, 2)
        return
    expect(f"television of {channel}", answer.status, 200)
    judge = Television(stage.stock, channel)
    while time.monotonic() < until and not actor.over.is_set():
        piece = answer.read(4096 if bytes_per_s else 1 << 18)
        if not piece:
            actor.tally.add("television: ended by us" if bytes_per_s else "television: cut")
            return
        judge.feed(piece)
        actor.tally.add("bytes", len(piece))
        actor.tally.add("television: bytes right", len(piece))
        if bytes_per_s:
            actor.over.wait(len(piece) / bytes_per_s)


def hls_player(stage: Stage, addresses: dict[str, str], segments: Segments) -> Callable[..., None]:
    """Plays a channel as HLS for a while: master, list, the newest segments."""

    def act(actor: Actor) -> None:
        name = actor.chance.choice(list(addresses))
        master = addresses[name]
        listing = urljoin(master, _uris(get(master, actor.name))[0])
        until = time.monotonic() + actor.chance.uniform(15, 40)
        fetched: set[str] = set()
        while time.monotonic() < until and not actor.over.is_set():
            for uri in _uris(get(listing, actor.name)):
                # A segment's own address, without what differs from player to player.
                address = urljoin(listing, uri)
                shared = address.partition("?")[0]
                if shared not in fetched:
                    fetched.add(shared)
                    data = get(address, actor.name)
                    segments.judge(name, shared, data)
                    actor.tally.add("bytes", len(data))
                    actor.tally.add("hls: segments right")
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


class Answer:
    """An answer whose body is read piece by piece. A context manager: leaving it hangs up."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        head, self._body = _split(sock)
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}

    @property
    def refused(self) -> bool:
        """No slot, no source: nothing to judge. Anything else that is no stream is wrong."""
        return self.status == 503

    def reason(self) -> str:
        """What a refusal says, its first words."""
        while piece := self._sock.recv(65536):
            self._body += piece
        return self._body.decode(errors="replace").strip()[:60]

    def read(self, most: int = 1 << 18) -> bytes:
        """The next bytes of the body; none at its end. Raises OSError."""
        body, self._body = self._body, b""
        return body or self._sock.recv(most)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def ask(address: str, agent: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    """Send a request and read the answer's head. Raises OSError, ValueError."""
    parts = urlsplit(address)
    sock = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=_TIMEOUT_S)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", f"User-Agent: {agent}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return Answer(sock)
    except BaseException:
        sock.close()
        raise


def get(address: str, agent: str) -> bytes:
    """A whole answer. Raises OSError."""
    request = urllib.request.Request(address, headers={"User-Agent": agent})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        body: bytes = answer.read()
    return body


def _split(sock: socket.socket) -> tuple[bytes, bytes]:
    """Head and what came of the body; raises ValueError when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise ValueError("no answer")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


def _uris(playlist: bytes) -> list[str]:
    found = re.findall(r"^(?!#)\S+", playlist.decode(), re.MULTILINE)
    if not found:
        raise ValueError("an empty playlist")
    return found
