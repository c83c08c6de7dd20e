"""The promises about a provider's connections, kept by the whole house: real processes against a provider that counts.

    python bench/slots.py zaps [100]      one viewer changes channel on a MAC of one stream, another one watches
    python bench/slots.py starts [50]     so many viewers start so many channels at once, with two streams to give
    python bench/slots.py crowd [50]      so many players join one cold channel at once
    python bench/slots.py returns [100]   a viewer leaves and comes back after 0 to 5 s (some four minutes)
    python bench/slots.py late [2.0]      a provider that counts a closed stream for so many seconds more

Each prints what happened and ends with code 1 when a promise was broken. Needs nothing running.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.acceptance.test_first_channel import Player, http_get, leases
from tests.fakes.portal import FakePortal
from tests.fakes.upstream import Script, TsOrigin
from tests.house import House

CHANNELS = 60


@dataclass
class Stage:
    """A house with one portal, and the provider's media server behind it."""

    house: House
    portal: FakePortal
    origin: TsOrigin
    macs: list[str]
    broken: list[str] = field(default_factory=list)

    def viewer(self, name: str, connections: int = 1) -> list[str]:
        """A viewer's own addresses of all television channels."""
        row = self.house.manage("viewer", "add", name, "--connections", str(connections))
        with http_get(row["playlist"]) as answer:
            entries = answer.read().decode().split("#EXTINF")[1:]
        lines = [entry.splitlines() for entry in entries if ",Radio " not in entry]
        return [next(line for line in entry if line.startswith("http")) for entry in lines]

    def promise(self, sentence: str, kept: bool) -> None:
        """Print it, and remember when it was not kept."""
        print(f"  {'ok  ' if kept else 'FAIL'}  {sentence}")
        if not kept:
            self.broken.append(sentence)

    def at_rest(self, timeout_s: float = 25) -> bool:
        """Do sockets and ledger return to zero?"""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if not self.origin.open() and not leases(self.house):
                return True
            time.sleep(0.1)
        return False


@contextmanager
def stage(macs: int, pace: float = 1.0) -> Iterator[Stage]:
    """The provider allows one stream per MAC, and means it."""
    names = [f"00:1A:79:00:00:{number:02X}" for number in range(1, macs + 1)]
    origin = TsOrigin(pace=pace)
    for name in names:
        origin.limits[name] = 1
    portal = FakePortal("panel", macs=names, channels=CHANNELS, media_url=lambda m, c, t: origin.url(str(c), m))
    with portal, House(Path(tempfile.mkdtemp()) / "data") as house:
        words = ("portal", "add", "Big", portal.address, "--mac", ",".join(names), "--enable-all", "--refresh")
        house.manage(*words)
        one = Stage(house, portal, origin, names)
        yield one
        one.promise("sockets and ledger return to zero", one.at_rest())
        one.promise(f"the limit was never exceeded: {origin.violations}", not origin.violations)
    origin.close()
    sys.exit(1 if one.broken else 0)


@dataclass
class Seconds:
    """Times from request to first byte."""

    all: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        ranked = sorted(self.all)
        p95 = ranked[min(int(len(ranked) * 0.95), len(ranked) - 1)]
        return f"median {ranked[len(ranked) // 2]:.2f} s, p95 {p95:.2f} s, longest {ranked[-1]:.2f} s"


def started(address: str, took: Seconds) -> Player:
    """A player whose first bytes have come, or who was refused."""
    began = time.monotonic()
    player = Player(address)
    if player.answer.status == 200:
        player.plays(1000)
        took.all.append(time.monotonic() - began)
    return player


def zaps(count: int) -> None:
    """Half the time the old connection is closed first, half the time the new one is asked for first."""
    with stage(2) as it:
        chance, took, statuses = random.Random(3), Seconds(), Counter[int]()
        mine, others = it.viewer("zapper"), it.viewer("quiet")
        player = started(mine[0], took)
        quiet = Player(others[1])
        assert quiet.plays(), (quiet.answer.status, quiet.bytes, it.house.lines[-15:])
        before = Counter({mac: it.portal.doings(mac).handshakes for mac in it.macs})
        links, at = sum(it.portal.doings(mac).create_links for mac in it.macs), 0
        for _ in range(count):
            at = chance.choice([n for n in range(2, len(mine)) if n != at])
            first = chance.random() < 0.5
            if first:
                player.close()
            following = started(mine[at], took)
            statuses[following.answer.status] += 1
            if following.answer.status != 200:
                print(f"  refused: {following.answer.read().decode().strip()}", *it.house.lines[-5:], sep="\n    ")
            player.close()
            player = following
            time.sleep(chance.uniform(0, 0.4))
        after = Counter({mac: it.portal.doings(mac).handshakes for mac in it.macs})
        asked = sum(it.portal.doings(mac).create_links for mac in it.macs) - links
        print(f"{count} changes of channel: {dict(statuses)}; first byte: {took}")
        it.promise("no change was refused", set(statuses) == {200})
        it.promise(f"no handshake for a change ({sum(after.values()) - sum(before.values())})", after == before)
        it.promise(f"one link request for a change ({asked})", asked <= count)
        it.promise(f"the other viewer's largest gap was {quiet.largest_gap_s:.2f} s", quiet.largest_gap_s < 1.0)
        it.promise("the other viewer's stream was opened once", it.origin.opened[it.macs[1]] == 1 and not quiet.ended)
        player.close()
        quiet.close()


def starts(count: int) -> None:
    """Different channels, different viewers."""
    with stage(2) as it:
        addresses = it.viewer("many", connections=0)
        players = at_once(addresses[:count])
        statuses = Counter(player.answer.status for player in players)
        reasons = {player.answer.read().decode().strip() for player in players if player.answer.status != 200}
        waits = {player.answer.getheader("Retry-After") for player in players if player.answer.status != 200}
        print(f"{count} starts with two streams to give: {dict(statuses)}; {reasons}; Retry-After {waits}")
        it.promise("two play", statuses[200] == 2)
        it.promise("all others get 503 with the reason", statuses[503] == count - 2 and reasons == {REASON})
        it.promise(f"at most two connections at once ({it.origin.peak['all']})", it.origin.peak["all"] <= 2)
        for player in players:
            player.close()


REASON = "All connections of the provider are in use. Try again in a moment."


def crowd(count: int) -> None:
    """One cold channel."""
    with stage(1) as it:
        addresses = it.viewer("crowd", connections=0)
        links = it.portal.doings().create_links
        players = at_once([addresses[5]] * count)
        statuses = Counter(player.answer.status for player in players)
        playing = all(player.plays(10_000) for player in players)
        asked = it.portal.doings().create_links - links
        print(f"{count} players join one cold channel: {dict(statuses)}")
        it.promise("all play", playing and statuses[200] == count)
        it.promise(f"one connection ({it.origin.opened['all']})", it.origin.opened["all"] == 1)
        it.promise(f"one link request ({asked})", asked == 1)
        for player in players:
            player.close()


def returns(count: int) -> None:
    """The channel lingers for 10 s, as set by default."""
    with stage(1) as it:
        chance, took, statuses = random.Random(4), Seconds(), Counter[int]()
        address = it.viewer("restless")[3]
        for _ in range(count):
            player = started(address, took)
            statuses[player.answer.status] += 1
            player.close()
            time.sleep(chance.uniform(0, 5))
        print(f"left and returned {count} times: {dict(statuses)}; first byte: {took}")
        it.promise("never refused", set(statuses) == {200})
        it.promise(f"one connection ({it.origin.opened['all']})", it.origin.opened["all"] == 1)


def late(seconds: float) -> None:
    """Each close is noticed so many seconds later."""
    with stage(1) as it:
        chance, took, statuses = random.Random(5), Seconds(), Counter[int]()
        for number in range(1, CHANNELS + 1):
            it.origin.always(str(number), Script(slow_release_s=seconds))
        mine, at = it.viewer("zapper"), 0
        player = started(mine[at], took)
        took.all.clear()
        for _ in range(8):
            at = chance.choice([n for n in range(len(mine)) if n != at])
            following = started(mine[at], took)
            statuses[following.answer.status] += 1
            player.close()
            player = following
        print(f"8 changes of channel, noticed {seconds} s late: {dict(statuses)}; first byte: {took}")
        it.promise("no change was refused", set(statuses) == {200})
        state = it.house.manage("portal", "list")
        it.promise("the MAC is not put to rest", "cooldown" not in str(state) and "throttled" not in str(state))
        player.close()


def at_once(addresses: list[str]) -> list[Player]:
    """Players that ask within some milliseconds; returns when each has an answer."""
    gate = threading.Barrier(len(addresses))
    players: list[Player] = []

    def ask(address: str) -> None:
        gate.wait()
        players.append(Player(address))

    threads = [threading.Thread(target=ask, args=(address,)) for address in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return players


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or ["zaps"]
    match what:
        case "zaps":
            zaps(int(rest[0]) if rest else 100)
        case "starts":
            starts(int(rest[0]) if rest else 50)
        case "crowd":
            crowd(int(rest[0]) if rest else 50)
        case "returns":
            returns(int(rest[0]) if rest else 100)
        case "late":
            late(float(rest[0]) if rest else 2.0)
        case _:
            sys.exit(__doc__)
