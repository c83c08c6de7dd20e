"""A whole Restreamer under mixed use for a while: does it end as it began?

python -m bench.soak [--minutes 20] [--relays 2]      (2 minutes: the form for CI)

Televisions join, leave and zap, some read too slowly, HLS players come and go, sources are cut, catalogues are
refreshed, people look at pages. Memory, descriptors and threads are printed as they develop; in the end everything must
drain to zero. Exit code 1 when it does not, or when what remains has grown.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.soak_actors import Actor, Tally, bad_provider, hls_player, now_and_then, person, television
from tests.fakes.upstream import TsOrigin
from tests.house import House

_CHANNELS = 8
_ROLES = {"relay": "manage.py relay", "web": "gunicorn", "workers": "manage.py worker", "redis": "redis.sock"}
#: What a process may hold more at the end than when all was warm: allocators keep some, caches fill.
_GROWTH_SHARE, _GROWTH_MIB = 1.25, 24
_SPARE_DESCRIPTORS, _SPARE_THREADS = 12, 6


@dataclass
class Sample:
    """One role's processes at one moment."""

    mib: float
    descriptors: int
    threads: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--relays", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        sys.exit(0 if soak(Path(folder), given.minutes * 60, given.relays) else 1)


def soak(folder: Path, seconds: float, relays: int) -> bool:
    """True when it ended as it began."""
    origin = TsOrigin()
    origin.limits["one"] = _CHANNELS
    with House(folder / "data", RESTREAMER_RELAYS=str(relays), RESTREAMER_LINGER_S="3") as house:
        playlist = _provider(house.data, [origin.url(f"c{number}", "one") for number in range(_CHANNELS)])
        words = ("--kind", "m3u", "--streams", str(_CHANNELS), "--refresh", "--enable-all")
        house.manage("portal", "add", "One", playlist, *words)
        made = house.manage("viewer", "add", "anna", "--connections", "0")["playlist"]
        password = re.split(r"\s+", house.wait_for("Password", 5).strip())[1]
        streams = _addresses(made)
        over, tally = threading.Event(), Tally()
        pid = psutil.Process(house.processes("manage.py relay")[0]).ppid()
        actors = _actors(house, origin, streams, made, password, over, tally)
        for actor in actors:
            actor.start()
        samples = _watch(pid, seconds, tally)
        over.set()
        for actor in actors:
            actor.join(40)
        drained = _drains(house.manage, origin)
        time.sleep(3)
        samples.append(_sample(pid))
        _show("drained", samples[-1])
    origin.close()
    print("\n" + ", ".join(f"{name} {count}" for name, count in sorted(tally.counts.items())))
    print(f"provider: at most {origin.peak['one']} of {_CHANNELS} at once, {origin.violations or 'no violation'}")
    grown = _grown(samples)
    print(f"drained to zero: {'yes' if drained else 'NO'}; grown: {', '.join(grown) or 'nothing'}")
    return drained and not grown and not origin.violations


def _provider(data: Path, urls: list[str]) -> str:
    playlist = data / "playlists" / "one.m3u"
    playlist.parent.mkdir(exist_ok=True)
    lines = [f"#EXTINF:-1,Channel {number}\n{url}\n" for number, url in enumerate(urls)]
    playlist.write_text("#EXTM3U\n" + "".join(lines))
    return str(playlist)


def _addresses(playlist: str) -> list[str]:
    with urllib.request.urlopen(playlist, timeout=30) as answer:
        return [line for line in answer.read().decode().splitlines() if line.startswith("http")]


def _actors(
    house: House,
    origin: TsOrigin,
    streams: list[str],
    playlist: str,
    password: str,
    over: threading.Event,
    tally: Tally,
) -> list[Actor]:
    hls = [re.sub(r"/stream/(\d+)(\.ts)?", r"/hls/\1/index.m3u8", address) for address in streams]
    zapping = television(streams, least_s=1, most_s=8)
    roles: list[tuple[str, int, Callable[..., None]]] = [
        ("zapping", 8, zapping),
        ("steady", 6, television(streams, least_s=60, most_s=600)),
        ("slow", 2, television(streams, least_s=60, most_s=120, bytes_per_s=15_000)),
        ("hls", 4, hls_player(hls)),
        ("person", 2, person(house.base, password, playlist)),
        ("provider", 1, bad_provider(origin, [f"c{number}" for number in range(_CHANNELS)])),
        ("refresh", 1, now_and_then(20, lambda: house.manage("portal", "refresh", "One"), "refreshes")),
    ]
    return [
        Actor(f"{name}-{number}", act, over, tally, hash((name, number)))
        for name, count, act in roles
        for number in range(count)
    ]


def _watch(pid: int, seconds: float, tally: Tally) -> list[dict[str, Sample]]:
    """Samples until the time is over; the first when all is warm."""
    print(f"{'':>8}" + "".join(f"{role + ' MiB':>13}{'fds':>6}{'thr':>5}" for role in _ROLES) + f"{'GB':>8}")
    samples: list[dict[str, Sample]] = []
    began = time.monotonic()
    every_s = max(10.0, seconds / 20)
    while (passed_s := time.monotonic() - began) < seconds:
        time.sleep(min(every_s, seconds - passed_s + 0.1))
        samples.append(_sample(pid))
        _show(f"{time.monotonic() - began:.0f} s", samples[-1], f"{tally.counts['bytes'] / 1e9:>8.2f}")
    return samples


def _sample(pid: int) -> dict[str, Sample]:
    found = {role: Sample(0.0, 0, 0) for role in _ROLES}
    for process in psutil.Process(pid).children(recursive=True):
        try:
            words = " ".join(process.cmdline())
            role = next((role for role, word in _ROLES.items() if word in words), None)
            if role is not None:
                one = found[role]
                one.mib += process.memory_full_info().pss / 2**20
                one.descriptors += process.num_fds()
                one.threads += process.num_threads()
        except psutil.NoSuchProcess:
            continue
    return found


def _show(label: str, sample: dict[str, Sample], more: str = "") -> None:
    row = "".join(f"{one.mib:>13.1f}{one.descriptors:>6}{one.threads:>5}" for one in sample.values())
    print(f"{label:>8}{row}{more}", flush=True)


def _drains(manage: Callable[..., object], origin: TsOrigin) -> bool:
    """No viewing, no relay and no provider connection is left after a while."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        left = [manage("session", "list"), manage("session", "relays"), origin.open()]
        if not any(left):
            return True
        time.sleep(1)
    print(f"left: {left}")
    return False


def _grown(samples: list[dict[str, Sample]]) -> list[str]:
    """What the drained processes hold more than the warm, busy ones did."""
    warm, last = samples[min(2, len(samples) - 2)], samples[-1]
    found = []
    for role in _ROLES:
        before, after = warm[role], last[role]
        if after.mib > before.mib * _GROWTH_SHARE + _GROWTH_MIB:
            found.append(f"{role} memory {before.mib:.0f} to {after.mib:.0f} MiB")
        if after.descriptors > before.descriptors + _SPARE_DESCRIPTORS:
            found.append(f"{role} descriptors {before.descriptors} to {after.descriptors}")
        if after.threads > before.threads + _SPARE_THREADS:
            found.append(f"{role} threads {before.threads} to {after.threads}")
    return found


if __name__ == "__main__":
    main()
