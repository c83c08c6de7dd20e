"""A whole Restreamer under mixed use for a while: does it end as it began?

python -m bench.soak [--minutes 20] [--relays 2]      (2 minutes: the form for CI)

Televisions join, leave and zap, some read too slowly, one has a login for one at a time; HLS players, network tuners
and players of the Xtream scheme come and go; movies, episodes and the past of channels are watched, searched, paused
and left. Two portals have the same channels and not connections enough; sources are cut, files break off, catalogues
are refreshed, people look at pages. Each byte is judged: television by packet and channel, files by what the provider
has. Memory, descriptors and threads are printed as they develop; in the end everything must drain to zero. Exit code 1
when it does not, when what remains has grown, or when anybody received anything wrong.
"""

from __future__ import annotations

import argparse
import itertools
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.soak_actors import (
    Actor,
    Tally,
    bad_provider,
    get,
    hls_player,
    now_and_then,
    person,
    television,
    zapper,
)
from bench.soak_judges import Segments
from bench.soak_players import tuner_client, xtream_player
from bench.soak_stage import LIMITS, Stage, everybody, staged
from bench.soak_titles import film_viewer, past_viewer

#: Without these nothing was soaked.
_MUST_HAPPEN = (
    "television: bytes right",
    "hls: segments right",
    "film: bytes right",
    "past: bytes right",
    "xtream: lists right",
    "tuner: lineups",
    "pages",
    "sources cut",
)
#: Viewings of HLS end 18 s after the last request, and a paused film's connection after 30 s.
_DRAIN_S = 90.0
#: Until everybody has left: nobody waits longer than half a minute for an answer.
_LEAVE_S = 120.0
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
    # So that whoever ends us early leaves no house behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        sys.exit(0 if soak(Path(folder), given.minutes * 60, given.relays) else 1)


def soak(folder: Path, seconds: float, relays: int) -> bool:
    """True when it ended as it began and nobody received anything wrong."""
    with staged(folder, relays) as stage:
        over, tally = threading.Event(), Tally()
        process = everybody(stage)
        actors = _actors(stage, over, tally)
        for actor in actors:
            actor.start()
        samples = _watch(process, seconds, tally)
        over.set()
        until = time.monotonic() + _LEAVE_S
        for actor in actors:
            actor.join(max(0.0, until - time.monotonic()))
        busy = [actor.name for actor in actors if actor.is_alive()]
        left = _drain(stage)
        time.sleep(3)
        samples.append(_sample(process))
        _show("drained", samples[-1])
        slates = [path.read_bytes() for path in (stage.house.data / "slates").rglob("*.ts")]
    peaks = {name: max(stage.live.peak[name], stage.files.peak[name]) for name in LIMITS}
    strangers = stage.stock.strangers(slates)
    print("\n" + ", ".join(f"{name} {count}" for name, count in sorted(tally.counts.items())))
    print("providers: " + ", ".join(f"{name} at most {peaks[name]} of {LIMITS[name]} at once" for name in LIMITS))
    failures = {
        "received wrong": tally.wrong,
        "packets no provider sent": strangers and [f"{strangers} kinds"],
        "never happened": [what for what in _MUST_HAPPEN if not tally.counts[what]],
        "more connections than allowed": stage.violations(),
        "left": [f"{what}: {much}" for what, much in left.items()],
        "never ended": busy,
        "grown": _grown(samples),
    }
    for what, found in failures.items():
        print(f"{what}: {'; '.join(found[:10]) if found else 'nothing'}")
    return not any(failures.values())


def _actors(stage: Stage, over: threading.Event, tally: Tally) -> list[Actor]:
    anna, solo = (stage.viewers[name] for name in ("anna", "solo"))
    streams, alone = (_channels(stage, viewer["playlist"]) for viewer in (anna, solo))
    archived = _addresses(anna["playlist"])
    past = {name: _past(stage, anna, address) for name, address in archived.items() if name in stage.films}
    films = _addresses(f"{stage.house.base}/movies?token={anna['token']}")
    films |= _addresses(f"{stage.house.base}/series?token={anna['token']}")
    hls = {name: re.sub(r"/stream/(\d+)(\.ts)?", r"/hls/\1/index.m3u8", address) for name, address in streams.items()}
    password = re.split(r"\s+", stage.house.wait_for("Password", 5).strip())[1]
    sources = [f"c{number}" for number in range(len(streams))]
    roles: list[tuple[str, int, Callable[..., None]]] = [
        ("zapping", 6, television(stage, streams, least_s=1, most_s=8)),
        ("steady", 5, television(stage, streams, least_s=60, most_s=600)),
        ("slow", 2, television(stage, streams, least_s=60, most_s=120, bytes_per_s=15_000)),
        ("alone", 1, zapper(stage, alone)),
        ("hls", 4, hls_player(stage, hls, Segments(stage.stock))),
        ("xtream", 3, xtream_player(stage, anna)),
        ("tuner", 1, tuner_client(stage, anna)),
        ("film", 3, film_viewer(stage, films)),
        ("past", 1, past_viewer(stage, past)),
        ("person", 2, person(stage.house.base, password, anna["playlist"])),
        ("provider", 1, bad_provider(stage.live, sources)),
        ("refresh", 1, now_and_then(20, lambda: stage.house.manage("portal", "refresh"), "refreshes")),
    ]
    return [Actor(f"{name}-{number}", act, over, tally) for name, count, act in roles for number in range(count)]


def _channels(stage: Stage, playlist: str) -> dict[str, str]:
    return {name: address for name, address in _addresses(playlist).items() if name in stage.channels}


def _past(stage: Stage, viewer: dict[str, Any], address: str) -> str:
    channel = address.partition("/stream/")[2].partition("?")[0]
    return f"{stage.house.base}/timeshift/{viewer['name']}/{viewer['token']}/30/{{start}}/{channel}.ts"


def _addresses(playlist: str) -> dict[str, str]:
    """Address by name."""
    lines = get(playlist, "soak").decode().splitlines()
    pairs = itertools.pairwise(lines)
    return {entry.rpartition(",")[2]: address for entry, address in pairs if entry.startswith("#EXTINF")}


def _watch(process: psutil.Process, seconds: float, tally: Tally) -> list[dict[str, Sample]]:
    """Samples until the time is over; the first when all is warm."""
    print(f"{'':>8}" + "".join(f"{role + ' MiB':>13}{'fds':>6}{'thr':>5}" for role in _ROLES) + f"{'GB':>8}")
    samples: list[dict[str, Sample]] = []
    began = time.monotonic()
    every_s = max(10.0, seconds / 20)
    while (passed_s := time.monotonic() - began) < seconds:
        time.sleep(min(every_s, seconds - passed_s + 0.1))
        samples.append(_sample(process))
        _show(f"{time.monotonic() - began:.0f} s", samples[-1], f"{tally.counts['bytes'] / 1e9:>8.2f}")
    return samples


def _sample(everybody: psutil.Process) -> dict[str, Sample]:
    found = {role: Sample(0.0, 0, 0) for role in _ROLES}
    for process in everybody.children(recursive=True):
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


def _drain(stage: Stage) -> dict[str, Any]:
    """What is left after a while: nothing, if all is well."""
    until = time.monotonic() + _DRAIN_S
    while (left := stage.left()) and time.monotonic() < until:
        time.sleep(1)
    return left


def _grown(samples: list[dict[str, Sample]]) -> list[str]:
    """What the drained processes hold more than the warm, busy ones did."""
    warm, last = samples[min(max(2, len(samples) // 4), len(samples) - 2)], samples[-1]
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
