"""One limit over real processes: two web workers, two relays, players with sockets, all ways of playing."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from redis import Redis

from accounts.models import LimitPolicy, Viewer
from portals.leases import Ledger
from portals.models import PortalKind
from streaming.candidates import channel_key
from streaming.dealing import number_of
from streaming.limits import Limits, Wish
from streaming.sessions import Sessions
from tests.factories import PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes.file_origin import File, FileOrigin, content
from tests.fakes.upstream import TsOrigin
from tests.streaming import ways
from tests.streaming.children import RelayChild, WebChild
from tests.streaming.relay.rig import wait_for
from tests.streaming.ways import WAYS, Content

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(300)]

RELAYS = 2


@pytest.fixture
def live() -> Iterator[TsOrigin]:
    origin = TsOrigin()
    origin.pace = 4.0
    yield origin
    origin.close()
    assert origin.violations == []


@pytest.fixture
def files() -> Iterator[FileOrigin]:
    origin = FileOrigin()
    origin.files["one"] = File(content(20_000_000))
    # Nobody sees its end here.
    origin.rate = 400_000
    yield origin
    origin.close()
    assert origin.violations == []


@pytest.fixture
def relays(tmp_path: Path, settings) -> Iterator[list[RelayChild]]:
    settings.RELAYS = RELAYS
    settings.RELAY_SOCKET = tmp_path / "run" / "relay.sock"
    all_of_them = [RelayChild(tmp_path, number, RESTREAMER_RELAYS=str(RELAYS)) for number in (1, 2)]
    for one in all_of_them:
        one.start()
    yield all_of_them
    for one in all_of_them:
        one.stop()


@pytest.fixture
def web(tmp_path: Path, relays: list[RelayChild]) -> Iterator[WebChild]:
    one = WebChild(tmp_path, RESTREAMER_RELAYS=str(RELAYS), RESTREAMER_WEB_THREADS="24")
    one.start()
    yield one
    one.stop()


@pytest.fixture
def contents(live: TsOrigin, files: FileOrigin) -> list[Content]:
    """Of a playlist whose provider allows any number."""
    portal = PortalFactory(kind=PortalKind.M3U, address="http://127.0.0.1:9/list.m3u", slug=ways.PORTAL)
    SubscriptionFactory(portal=portal, mac="", streams=100)
    return [ways.content(portal, n, live.url(f"c{n}"), files.url("one", "all")) for n in range(1, len(WAYS) + 1)]


@pytest.fixture
def viewer() -> Viewer:
    one: Viewer = ViewerFactory(name="kitchen", connections=2)
    ways.device(one)
    return one


@pytest.fixture
def at_rest(redis: Redis, live: TsOrigin, files: FileOrigin) -> Iterator[None]:
    yield
    ledger, sessions = Ledger(redis, "tests"), Sessions(redis)
    assert wait_for(lambda: not live.open() and not files.open() and not ledger.usage() and not sessions.sessions(), 30)


class Player:
    """Opens an address and goes on reading in a thread of its own, by one socket or list by list."""

    def __init__(self, port: int, agent: str) -> None:
        self.port, self.agent = port, agent
        self.status, self.said, self.got = 0, b"", 0
        self.ended = False
        self._left = threading.Event()
        self._sock: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def open(self, address: str) -> Player:
        """Returns when it is answered."""
        answer = self._ask(address)
        if self.status != 200:
            self.said = answer.read()
            self.close()
            return self
        comes_by = "mpegurl" in answer.headers["Content-Type"]
        what = (self._come_by, (address, answer.read().decode())) if comes_by else (self._read, (answer,))
        self._thread = threading.Thread(target=what[0], args=what[1], daemon=True)
        self._thread.start()
        return self

    def plays(self, more: int = 30_000, timeout_s: float = 20.0) -> bool:
        """Do that many more bytes come?"""
        goal = self.got + more
        return wait_for(lambda: self.got >= goal or self.ended, timeout_s) and not self.ended

    def close(self) -> None:
        self._left.set()
        if self._sock is not None:
            # A thread that reads from it wakes up.
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(10)

    def _ask(self, address: str) -> http.client.HTTPResponse:
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        asking.request("GET", address, headers={"User-Agent": self.agent})
        self._sock = asking.sock
        answer = asking.getresponse()
        self.status = answer.status
        return answer

    def _read(self, answer: http.client.HTTPResponse) -> None:
        try:
            while piece := answer.read1(65536):
                self.got += len(piece)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.ended = True

    def _come_by(self, address: str, text: str) -> None:
        # Hung up in the middle of a request.
        with contextlib.suppress(OSError, http.client.HTTPException):
            self._follow(address, text)
        self.ended = True

    def _follow(self, address: str, text: str) -> None:
        seen: set[str] = set()
        while not self._left.is_set():
            named = [urljoin(address, line) for line in text.splitlines() if line and not line.startswith("#")]
            if "#EXT-X-STREAM-INF" in text:
                address = named[0]
            for one in [] if "#EXT-X-STREAM-INF" in text else [name for name in named if name not in seen]:
                seen.add(one)
                self.got += len(self._ask(one).read())
            answer = self._ask(address)
            text = answer.read().decode()
            if self.status != 200:
                break
            self._left.wait(0.3)


def active(web: WebChild, viewer: Viewer) -> int:
    asking = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    asking.request("GET", f"/player_api.php?username={viewer.name}&password={viewer.token}")
    info = json.loads(asking.getresponse().read())["user_info"]
    asking.close()
    return int(info["active_cons"])


def open_together(players: list[Player], addresses: list[str]) -> None:
    threads = [threading.Thread(target=p.open, args=(a,)) for p, a in zip(players, addresses, strict=True)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)


KINDS = ("stream", "HLS", "tuner", "Xtream TS", "movie", "Xtream HLS", "catch-up path", "Xtream episode", "play")


def test_the_oldest_really_ends_whatever_it_is_and_whichever_relay_serves_it(
    at_rest: None, web: WebChild, contents: list[Content], viewer: Viewer
) -> None:
    assert {number_of(channel_key(one.channel.pk)) for one in contents} == {1, 2}
    viewer.limit_policy = LimitPolicy.END_OLDEST
    viewer.save()
    playing: list[Player] = []
    for at, (kind, one) in enumerate(zip((*KINDS, *KINDS[:2]), contents, strict=False)):
        told = f"{at}: {kind}"
        newest = Player(web.port, f"Player {at}").open(WAYS[kind](viewer, one))
        assert (newest.status, newest.said) == (200, b""), told
        playing.append(newest)
        if len(playing) > 2:
            oldest = playing.pop(0)
            assert wait_for(lambda oldest=oldest: oldest.ended, 20), f"{told}: the oldest goes on"
            oldest.close()
        assert active(web, viewer) == len(playing), told
        assert all(player.plays() for player in playing), told
    for left, player in enumerate(reversed(playing)):
        player.close()
        assert wait_for(lambda left=left: active(web, viewer) == 1 - left, 25)


@pytest.mark.parametrize("policy", [LimitPolicy.REFUSE, LimitPolicy.END_OLDEST])
def test_twenty_that_race_are_two_that_play(
    at_rest: None, web: WebChild, contents: list[Content], viewer: Viewer, redis: Redis, policy: LimitPolicy
) -> None:
    viewer.limit_policy = policy
    viewer.save()
    chance = random.Random(3)
    # One that is let in and gets no picture in time gives its slot back, and the others were refused by then: on a
    # machine that is busy a race may have fewer winners than places. More it never has.
    for _ in range(4):
        names = chance.sample(list(WAYS), 20)
        addresses = [WAYS[name](viewer, one) for name, one in zip(names, contents, strict=False)]
        players = [Player(web.port, f"Player {n}") for n in range(20)]
        with most_at_once(Sessions(redis), viewer) as most:
            open_together(players, addresses)
            playing = [one for one in players if one.status == 200 and one.plays()]
            at_once = active(web, viewer)
        assert max(most) <= 2
        assert at_once <= 2
        # Each was answered, those too that were ended while they waited.
        assert {one.status for one in players} <= {200, 503}
        if policy == LimitPolicy.REFUSE:
            refused = b"Your limit of streams at once is reached. Stop another one first.\n"
            assert Counter(one.said == refused for one in players)[True] >= 18
        for player in players:
            player.close()
        if len(playing) == at_once == 2:
            return
        assert wait_for(lambda: active(web, viewer) == 0, 45)
    raise AssertionError("Of twenty that raced four times two never played.")


@contextlib.contextmanager
def most_at_once(sessions: Sessions, viewer: Viewer) -> Iterator[list[int]]:
    """How many viewings there are, looked at every 20 ms."""
    seen, over = [0], threading.Event()

    def count() -> None:
        while not over.wait(0.02):
            seen.append(len(sessions.viewings(viewer.pk)))

    counting = threading.Thread(target=count, daemon=True)
    counting.start()
    try:
        yield seen
    finally:
        over.set()
        counting.join()


def test_a_slot_whose_page_was_killed_before_the_picture_comes_back(
    at_rest: None, web: WebChild, contents: list[Content], viewer: Viewer, redis: Redis
) -> None:
    # As a worker leaves it that dies between the slot and the relay.
    for agent, key in (("TV", "channel:1"), ("Phone", "channel:2")):
        wish = Wish(viewer.pk, viewer.name, 2, key, "News", "127.0.0.1", agent, viewer.login_mark())
        Limits(redis, "nobody:relay-1").admit(wish)
    time.sleep(2.5)
    # The same player is let in at once, in place of what it began.
    tv = Player(web.port, "TV").open(WAYS["stream"](viewer, contents[0]))
    assert tv.plays()
    assert active(web, viewer) == 2
    # Another waits until nobody can come for the slot any more.
    other = Player(web.port, "Tablet")
    assert wait_for(lambda: other.open(WAYS["movie"](viewer, contents[1])).status == 200, 45)
    assert other.plays()
    assert active(web, viewer) == 2
    tv.close()
    other.close()
