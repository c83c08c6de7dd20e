"""For tests of openers: a scripted provider, and the least a relay does with an opener."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable

from redis import Redis

from channels.models import Channel
from portals.models import Portal, Subscription
from portals.providers.records import PlayUrl
from restreamer.lib import redis_keys
from restreamer.lib.errors import RestreamerError
from streaming.candidates import channel_key
from streaming.limits import Limits, Wish
from streaming.opening import PortalOpener
from streaming.relay.seams import FaultHistory, Opened, Ticket
from streaming.session_book import command_from
from streaming.sessions import Sessions
from streaming.sources.http import HttpSource, Patience
from tests.factories import ChannelFactory, LinkFactory
from tests.fakes.upstream import TsOrigin


class FakeProvider:
    """Gives addresses of the origin; each MAC and each item may have an error of its own."""

    def __init__(self, origin: TsOrigin) -> None:
        self.origin = origin
        self.asked: list[tuple[str, str]] = []
        self.errors: dict[str, RestreamerError] = {}
        self.hangs: dict[str, threading.Event] = {}
        self.made_ready: list[str] = []
        self.kept_alive: Counter[str] = Counter()
        self.cadence_s = 0.0
        self.alive_error: RestreamerError | None = None

    def __call__(self, portal: Portal) -> FakeProvider:
        return self

    def play_url(self, subscription: Subscription, provider_id: str, cmd: str, provider_data: object) -> PlayUrl:
        self.asked.append((subscription.mac, provider_id))
        for what in (subscription.mac, provider_id, subscription.portal.name):
            if what in self.hangs:
                self.hangs[what].wait(10)
            if what in self.errors:
                raise self.errors[what]
        return PlayUrl(self.origin.url(provider_id, subscription.mac))

    def make_ready(self, subscription: Subscription) -> None:
        self.made_ready.append(subscription.mac)
        if subscription.mac in self.errors:
            raise self.errors[subscription.mac]

    def keep_alive(self, subscription: Subscription, *, playing: bool) -> float:
        assert playing
        self.kept_alive[subscription.mac] += 1
        if self.alive_error is not None:
            raise self.alive_error
        return self.cadence_s


class MiniRelay:
    """Viewers, lingering and giving up, without a loop and without bytes."""

    def __init__(self, redis: Redis, origin: TsOrigin, owner: str = "node1:relay") -> None:
        self.provider = FakeProvider(origin)
        self.opener = PortalOpener(
            redis,
            source_for=lambda play: HttpSource(play, Patience(connect_s=2, answer_s=3, open_s=6)),
            owner=owner,
            providers=self.provider,
        )
        self.opener.ask_first(self.give_up)
        self.opener.boot()
        self.limits = Limits(redis, owner, pause=self._obey)
        self.sessions = Sessions(redis)
        self._commands = lambda: redis.lpop(redis_keys.relay_commands(owner))
        self.running: dict[str, tuple[Opened, int]] = {}
        self.watching: Counter[str] = Counter()
        self.cancelled: dict[str, threading.Event] = {}
        self.lock = threading.RLock()

    def open(
        self, channel: Channel, viewer: int = 1, connections: int = 1, history: FaultHistory | None = None
    ) -> Opened:
        """A viewer asks for a channel that does not run yet."""
        key = channel_key(channel.pk)
        wish = Wish(viewer, f"viewer{viewer}", connections, key, channel.name, f"192.0.2.{viewer}", "TV")
        session_id = self.limits.admit(wish)
        ticket = Ticket(session_id, key, viewer, wish.viewer_name, channel.name, wish.peer, wish.agent)
        cancelled = self.cancelled[key] = threading.Event()
        with self.lock:
            self.watching[key] += 1
        try:
            opened = self.opener.open(ticket, history or FaultHistory(), cancelled)
        except RestreamerError:
            self.limits.give_back(session_id)
            with self.lock:
                self.watching[key] -= 1
            raise
        with self.lock:
            self.running[key] = (opened, viewer)
        return opened

    def _obey(self, _seconds: float) -> None:
        """What a relay does at its next beat, while somebody waits for the end of a viewing: it ends it."""
        while (raw := self._commands()) is not None:
            command = command_from(raw)
            if command is None or command.name != "stop":
                continue
            for row in self.sessions.facts_of([str(command.arguments["session_id"])]):
                with self.lock:
                    self.watching[row.facts.key] = max(self.watching[row.facts.key] - 1, 0)
                self.sessions.forget(row.facts)

    def leave(self, channel: Channel) -> None:
        """The viewer hangs up; the relay lingers."""
        key = channel_key(channel.pk)
        with self.lock:
            self.watching[key] = 0
        for row in self.sessions.watching(key):
            self.sessions.forget(row.facts)

    def close(self, key: str) -> None:
        with self.lock:
            opened, _ = self.running.pop(key)
        for row in self.sessions.watching(key):
            self.sessions.forget(row.facts)
        self.opener.close(opened)

    def close_all(self) -> None:
        for key in list(self.running):
            self.close(key)

    def give_up(self, lease_id: str, key: str, viewer_id: int) -> bool:
        with self.lock:
            if key not in self.running or self.running[key][0].lease_id != lease_id:
                return False
            if self.watching[key] and self.running[key][1] != viewer_id:
                return False
        self.close(key)
        return True


_numbers = itertools.count()


def channel_on(portal: Portal, *more: Portal) -> Channel:
    """A channel with a stream on each of these portals, in this order; streams have names of their own."""
    channel = ChannelFactory()
    for rank, one in enumerate((portal, *more)):
        LinkFactory(channel=channel, rank=rank, stream__portal=one, stream__provider_id=f"c{next(_numbers)}")
    return channel


def names(channel: Channel) -> list[str]:
    """The provider's ids of a channel's streams, in order."""
    return [link.stream.provider_id for link in channel.links.select_related("stream").order_by("rank")]


def in_threads(work: list[Callable[[], object]]) -> list[object]:
    """Run these at the same moment; returns results, or the RestreamerError each ended with."""
    gate = threading.Barrier(len(work))
    results: list[object] = [None] * len(work)

    def run(place: int) -> None:
        gate.wait()
        try:
            results[place] = work[place]()
        except RestreamerError as err:
            results[place] = err

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
