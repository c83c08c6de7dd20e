"""One channel as HLS for many players: connections to the provider, and CPU seconds per GB of all that serves them.

python -m bench.hls_players [--players 200] [--seconds 40]

A whole house (gunicorn, relay, Redis, workers), television of 8 Mbit/s, players with a session and a login each in a
process of their own. They load the list every four seconds and every segment once, as players do.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from bench import measure
from tests.clients.stage import MACS, hls_address, television
from tests.fakes.portal import FakePortal
from tests.house import House

ROLES = {"pages": "gunicorn", "relay": "manage.py relay", "redis": "valkey-server", "rest": ""}
_RELOAD_S = 4.0


class Player:
    """One player in a thread: begins, then loads until the end; counts what it got and how long it waited for it."""

    def __init__(self, address: str, number: int) -> None:
        self.bytes = 0
        self.waited_s = 0.0
        self.wrong: list[str] = []
        self._address = address
        self._number = number
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        self._scratch = bytearray(1 << 20)

    def run(self, until: float) -> None:
        """Play until that moment of the clock."""
        try:
            lines = self._get(self._address).decode().split()
            where, seen = urljoin(self._address, lines[-1]), set[str]()
            while time.monotonic() < until:
                began = time.monotonic()
                listed = [one for one in self._get(where).decode().split("\n") if one and not one.startswith("#")]
                fresh = [one for one in listed[-3:] if one not in seen]
                for one in fresh:
                    self._get(urljoin(where, one), keep=False)
                seen.update(fresh)
                self.waited_s = max(self.waited_s, time.monotonic() - began)
                time.sleep(max(0.0, _RELOAD_S - (time.monotonic() - began)))
        except (OSError, http.client.HTTPException) as err:
            self.wrong.append(repr(err))

    def _get(self, address: str, *, keep: bool = True) -> bytes:
        where = urlsplit(address)
        self._connection.request("GET", f"{where.path}?{where.query}", headers={"User-Agent": f"player {self._number}"})
        answer = self._connection.getresponse()
        if answer.status != 200:
            self.wrong.append(f"{answer.status} {where.path}")
        if keep:
            return answer.read()
        while size := answer.readinto(self._scratch):
            self.bytes += size
        return b""


def crowd(address: str, players: int, seconds: float, told: multiprocessing.Queue[str]) -> None:
    """All players, in a process of their own; says once a second how many bytes they have."""
    until = time.monotonic() + seconds
    everybody = [Player(address, number) for number in range(players)]
    threads = [threading.Thread(target=player.run, args=(until,)) for player in everybody]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wrong = [line for player in everybody for line in player.wrong]
    total = {"bytes": sum(player.bytes for player in everybody), "wrong": wrong}
    told.put(json.dumps(total | {"waited_s": max(player.waited_s for player in everybody)}))


def by_role(house: House) -> dict[str, float]:
    """CPU seconds so far of each kind of process."""
    found = dict.fromkeys(ROLES, 0.0)
    for pid in house.processes(""):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        role = next(name for name, sign in ROLES.items() if sign in words)
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        found[role] += (int(fields[11]) + int(fields[12])) / 100
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=40.0)
    given = parser.parse_args()
    asked = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin = stack.enter_context(measure.origin())

        def media_url(_mac: str, channel: int, _token: str) -> str:
            asked.append(channel)
            return f"{origin.url}/one"

        portal = stack.enter_context(FakePortal("panel", macs=MACS, channels=20, media_url=media_url))
        house = stack.enter_context(House(folder / "data", RESTREAMER_LINGER_S="1"))
        house.manage("portal", "add", "Sofa", portal.address, "--mac", MACS[0], "--refresh", "--enable-all")
        address = hls_address(television(house.manage("viewer", "add", "all", "--connections", "0")["playlist"])[0])
        before = by_role(house)
        told: multiprocessing.Queue[str] = multiprocessing.Queue()
        process = multiprocessing.Process(target=crowd, args=(address, given.players, given.seconds, told))
        process.start()
        time.sleep(given.seconds * 0.8)
        sessions = count(house)
        result = json.loads(told.get(timeout=given.seconds + 60))
        used = {role: after - before[role] for role, after in by_role(house).items()}
        process.join(10)
        drained_s = drained(house, folder / "data/hls")
    gigabytes = result["bytes"] / 1e9
    print(f"{given.players} players, {gigabytes:.2f} GB in {given.seconds:.0f} s, {len(asked)} connections upstream")
    print(f"sessions at once: {sessions}; longest load of list and segment: {result['waited_s']:.2f} s")
    print("CPU s per GB: " + ", ".join(f"{role} {spent / gigabytes:.3f}" for role, spent in used.items()))
    print(f"together {sum(used.values()) / gigabytes:.3f}; all gone {drained_s:.0f} s after the last request")
    print(f"wrong answers: {len(result['wrong'])} {result['wrong'][:5]}")
    sys.exit(int(bool(result["wrong"]) or len(asked) != 1 or sessions != given.players))


def count(house: House) -> int:
    """Sessions there are now, by the house's own word."""
    return len(house.manage("session", "list"))


def drained(house: House, files: Path) -> float:
    """How long until no session and no segment is left."""
    began = time.monotonic()
    while (count(house) or list(files.glob("*/*"))) and time.monotonic() - began < 60:
        time.sleep(0.5)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
