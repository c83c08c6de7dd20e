"""The house of a soak and its providers: a channel list in two places, films in a third, each with few connections."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import redis

from bench.soak_judges import Stock, expect
from restreamer.lib import redis_keys
from tests.fakes.file_origin import Act, File, FileOrigin, content
from tests.fakes.material import Endless, ts
from tests.fakes.upstream import TsOrigin
from tests.house import ROOT, House

CHANNELS = 8
#: Connections at once. The first two have the same channels, one connection less than those need together.
LIMITS = {"one": 4, "two": 3, "films": 2}
_MOVIES, _EPISODES, _ARCHIVES = 4, 2, 2
_FILM_BYTES, _ARCHIVE_BYTES = 24_000_000, 6_000_000
#: Furnishes the house in one process: a command each would take as long as the soak on a busy machine.
_FURNISH = """
import io, json, sys
from django.conf import settings
from django.core.management import call_command
from channels.merging import refresh_proposals
from channels.models import Channel
def manage(*words):
    told = io.StringIO()
    call_command(*words, "--json", stdout=told)
    return json.loads(told.getvalue())
def portal(name, playlist, streams):
    manage("portal", "add", name, playlist, "--kind", "m3u", "--streams", streams, "--refresh", "--enable-all")
asked = json.load(sys.stdin)
for row in asked["channels"]:
    portal(*row)
merged = refresh_proposals(auto=True).merged
last = Channel.objects.get(name=asked["repacked"]).pk
call_command("channel", "deliver", "transcode", "--channel", last, "--profile", "Remux", stdout=io.StringIO())
portal(*asked["films"])
manage("vod", "enable", "--all")
manage("epg", "add", "guide", asked["guide"], "--refresh")
viewers = {name: manage("viewer", "add", name, "--connections", most) for name, most in asked["viewers"].items()}
print(json.dumps({"redis": settings.REDIS_URL, "merged": merged, "viewers": viewers}))
"""


@dataclass
class Stage:
    """Everything there is to watch, and who provides it."""

    house: House
    live: TsOrigin
    files: FileOrigin
    stock: Stock
    #: Name of a movie, episode or archive channel -> the file its provider has.
    films: dict[str, bytes]
    temporary: Path
    #: Name of a viewer -> what `viewer add` said.
    viewers: dict[str, Any] = field(default_factory=dict)
    redis_url: str = ""

    @property
    def channels(self) -> list[str]:
        """Names of the channels with a picture of their own."""
        return [_channel(number) for number in range(CHANNELS)]

    def violations(self) -> list[str]:
        """More connections at once than a provider allows."""
        return [*self.live.violations, *self.files.violations]

    def cut_file(self, name: str, after: int) -> None:
        """The next connection to this file breaks off after so many bytes."""
        self.files.script(_file_name(name), Act(cut_after=after))

    def left(self) -> dict[str, Any]:
        """What is not yet as it was before anybody came; empty when all has drained."""
        found = {
            **self._in_redis(),
            "connections to providers": self.live.open() + self.files.open(),
            "ffmpeg": len([one for one in everybody(self).children(recursive=True) if _is_ffmpeg(one)]),
            "temporary files": [str(path) for path in self.temporary.rglob("*") if path.is_file()],
            "segments": [str(path) for path in (self.house.data / "hls").glob("*/*")],
        }
        return {what: how_many for what, how_many in found.items() if how_many}

    def _in_redis(self) -> dict[str, Any]:
        now = time.time()
        kept = {"viewings": redis_keys.ALL_SESSIONS, "relays": redis_keys.ALL_RELAYS, "leases": redis_keys.ALL_LEASES}
        with redis.Redis.from_url(self.redis_url) as client:
            found: dict[str, Any] = {what: client.zcount(key, now, "+inf") for what, key in kept.items()}
            found["claims"] = [key.decode() for key in client.scan_iter(redis_keys.claim("*"))]
        return found


@contextmanager
def staged(folder: Path, relays: int) -> Iterator[Stage]:
    """The house with all of it, ready; ended at the end."""
    live, files = TsOrigin(), FileOrigin()
    live.limits.update(LIMITS)
    files.limits.update(LIMITS)
    temporary = folder / "tmp"
    temporary.mkdir()
    try:
        # Longer than the soak waits in the end: a lease that is not given back does not go by itself meanwhile.
        lasting = {"RESTREAMER_RELAYS": str(relays), "RESTREAMER_LINGER_S": "3", "RESTREAMER_LEASE_LIFETIME_S": "300"}
        with House(folder / "data", TMPDIR=str(temporary), **lasting) as house:
            stage = Stage(house, live, files, Stock(), {}, temporary)
            _furnish(stage)
            yield stage
    finally:
        live.close()
        files.close()


def everybody(stage: Stage) -> psutil.Process:
    """The process all others descend from."""
    return psutil.Process(psutil.Process(stage.house.processes("manage.py relay")[0]).ppid())


def _furnish(stage: Stage) -> None:
    house = stage.house
    (house.data / "playlists").mkdir(exist_ok=True)
    for number in range(CHANNELS):
        # The same picture coded otherwise: each channel's bytes are its own.
        material = ts(bitrate=f"{300 + number}k")
        stage.live.materials[f"c{number}"] = Endless(material)
        stage.stock.add(_channel(number), material)
    # This one goes through ffmpeg.
    stage.stock.repacked.add(_channel(CHANNELS - 1))
    guide = house.data / "guide" / "guide.xml"
    guide.parent.mkdir(exist_ok=True)
    guide.write_text(_guide())
    asked = {
        "channels": [_portal(house, name, _channel_list(stage.live, name)) for name in ("one", "two")],
        "films": _portal(house, "films", _film_list(stage)),
        "guide": str(guide),
        "repacked": _channel(CHANNELS - 1),
        "viewers": {"anna": 0, "solo": 1},
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", _FURNISH],
        cwd=ROOT, env=house.environment, input=json.dumps(asked), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"the house was not furnished: {done.stdout}{done.stderr}")
    told = json.loads(done.stdout.splitlines()[-1])
    expect("channels with two sources", told["merged"], CHANNELS)
    stage.viewers, stage.redis_url = told["viewers"], told["redis"]


def _portal(house: House, name: str, entries: str) -> tuple[str, str, str]:
    """Name, playlist and connections of a portal; its playlist is written."""
    playlist = house.data / "playlists" / f"{name}.m3u"
    playlist.write_text("#EXTM3U\n" + entries)
    return name, str(playlist), str(LIMITS[name])


def _is_ffmpeg(process: psutil.Process) -> bool:
    try:
        return str(process.name()).startswith("ffmpeg")
    except psutil.NoSuchProcess:
        return False


def _channel(number: int) -> str:
    return f"Channel {number + 1}"


def _channel_list(live: TsOrigin, key: str) -> str:
    return "".join(
        f'#EXTINF:-1 tvg-id="soak{number}.example",{_channel(number)}\n{live.url(f"c{number}", key)}\n'
        for number in range(CHANNELS)
    )


def _film_list(stage: Stage) -> str:
    """Movies and episodes, and channels of which only the past is watched."""
    lines = []
    names = [f"Movie {'ABCDEFGH'[number]} (1988)" for number in range(_MOVIES)]
    names += [f"The Series S01E{number + 1:02}" for number in range(_EPISODES)]
    for seed, name in enumerate(names):
        stage.films[name] = content(_FILM_BYTES, seed)
        file = _file_name(name)
        stage.files.files[file] = File(stage.films[name], etag=f'"{seed}"')
        lines.append(f"#EXTINF:-1,{name}\n{stage.files.url(file, 'films')}\n")
    for number in range(_ARCHIVES):
        name, file = f"Archive {'XYZ'[number]}", f"archive{number}"
        endless = Endless(ts(bitrate=f"{300 + number}k"))
        stage.films[name] = endless.read(0, _ARCHIVE_BYTES // 188 * 188)
        stage.files.files[file] = File(stage.films[name], etag=f'"a{number}"', content_type="video/mp2t")
        past = stage.files.url(file, "films", "{utc}")
        lines.append(
            f'#EXTINF:-1 tvg-type="live" catchup="default" catchup-days="3" catchup-source="{past}",{name}\n'
            f"{stage.live.url(file, 'films')}\n"
        )
    return "".join(lines)


def _file_name(name: str) -> str:
    return name.replace(" ", "").replace("(1988)", "") + ".mkv"


def _guide() -> str:
    """Two hours each, from yesterday to tomorrow."""
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    told = []
    for number in range(CHANNELS):
        told.append(f'<channel id="soak{number}.example"><display-name>{_channel(number)}</display-name></channel>')
    for number in range(CHANNELS):
        for turn in range(24):
            start = first + timedelta(hours=2 * turn)
            times = f'start="{start:%Y%m%d%H%M%S} +0000" stop="{start + timedelta(hours=2):%Y%m%d%H%M%S} +0000"'
            title = f"<title>{programme(_channel(number))} {turn}</title>"
            told.append(f'<programme {times} channel="soak{number}.example">{title}</programme>')
    return f'<?xml version="1.0" encoding="utf-8"?><tv>{"".join(told)}</tv>'


def programme(channel: str) -> str:
    """How the titles of a channel's broadcasts begin."""
    return f"On {channel}:"
