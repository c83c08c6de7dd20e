"""HLS of one channel for minutes, its source failing again and again: every rule of the format at every load.

python -m bench.hls_run [--minutes 10] [--fail-every 45] [--browser]

A whole house, a portal whose channel has two sources of different pictures, a player that loads the list every second
and each segment once, ffmpeg, and hls.js in Chromium (needs TEST_NODE_MODULES). Ends with 1 when a rule was broken.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tests.clients.programs import Chromium, Ffmpeg, Program, missing
from tests.clients.stage import MACS, OTHER, hls_address, pages, television
from tests.fakes import material
from tests.fakes.portal import FakePortal
from tests.fakes.upstream import TsOrigin
from tests.house import House
from tests.mpegts.analyser import analyse
from tests.streaming.hls.rules import Watch


@contextmanager
def channel(folder: Path) -> Iterator[tuple[House, str, list[TsOrigin]]]:
    """A running house, the address of a channel as HLS, and the two origins it goes to and fro between."""
    origins = [
        TsOrigin(material.ts(size="640x360", bitrate="500k")),
        TsOrigin(material.ts(size="512x288", gop_s=0.8, bitrate="500k", extra=OTHER)),
    ]
    turns = itertools.count()

    def media_url(_mac: str, _channel: int, _token: str) -> str:
        return origins[next(turns) % 2].url("one")

    with (
        FakePortal("panel", macs=MACS, channels=20, media_url=media_url) as portal,
        House(folder / "data", RESTREAMER_LINGER_S="1") as house,
    ):
        arguments = ("--mac", ",".join(MACS), "--refresh", "--enable-all")
        house.manage("portal", "add", "Sofa", portal.address, *arguments)
        playlist = house.manage("viewer", "add", "everybody", "--connections", "0")["playlist"]
        yield house, hls_address(television(playlist)[0]), origins
    for origin in origins:
        origin.close()


class Follower:
    """A player that loads everything and keeps what it takes to judge it."""

    def __init__(self, address: str) -> None:
        self.watch = Watch()
        self.segments: dict[str, bytes] = {}
        self.refused: list[str] = []
        self.discontinuities = 0
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=15)
        self._list = urljoin(address, self._lines(address)[-1])

    def look(self, at_s: float) -> None:
        """Load the list, and what is new in it."""
        text = self._get(self._list).decode()
        bare = "\n".join(line.partition("?")[0] for line in text.split("\n"))
        self.watch.see(at_s, bare)
        for line in text.split("\n"):
            if line and not line.startswith("#") and line not in self.segments:
                self.segments[line] = self._get(urljoin(self._list, line))
        self.discontinuities = max(self.discontinuities, bare.count("#EXT-X-DISCONTINUITY\n"))

    def _lines(self, address: str) -> list[str]:
        return self._get(address).decode().split()

    def _get(self, address: str) -> bytes:
        where = urlsplit(address)
        self._connection.request("GET", f"{where.path}?{where.query}", headers={"User-Agent": "follower"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            self.refused.append(f"{answer.status} {where.path} {body[:80]!r}")
        return body


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fail-every", type=float, default=45.0, help="seconds")
    parser.add_argument("--browser", action="store_true")
    given = parser.parse_args()
    players: dict[str, Program] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _, address, origins = stack.enter_context(channel(folder))
        if given.browser:
            if lack := missing("hls.js"):
                sys.exit(lack)
            web = stack.enter_context(pages())
            players["hls.js"] = stack.enter_context(Chromium(address, web, "hls.html").started())
        players["ffmpeg"] = stack.enter_context(Ffmpeg(address))
        for player in players.values():
            player.open()
        follower, began, failures = Follower(address), time.monotonic(), 0
        while (at_s := time.monotonic() - began) < 60 * given.minutes:
            follower.look(at_s)
            if at_s > given.fail_every * (failures + 1):
                failures += sum(origin.drop() for origin in origins)
            time.sleep(1.0)
        ended_at = time.monotonic()
        opened = sum(origin.opened["all"] for origin in origins)
    sys.exit(report(follower, players, failures, opened, ended_at - began))


def report(follower: Follower, players: dict[str, Program], failures: int, opened: int, lasted_s: float) -> int:
    """Print what was found; 1 when anything was wrong."""
    whole = analyse(b"".join(follower.segments.values()))
    print(
        f"{follower.watch.loads} loads of the list, {len(follower.segments)} segments, {failures} failures of a source"
    )
    print(f"{opened} connections to the sources; {follower.discontinuities} discontinuities in one list at most")
    for title, found in (("broken", follower.watch.broken), ("refused", follower.refused), ("media", whole.problems)):
        print(f"{title}: {len(found)}")
        for line in found[:10]:
            print(f"    {line}")
    wrong = [follower.watch.broken, follower.refused, whole.problems]
    for name, player in players.items():
        showing = player.showing
        still_s = showing.longest_still_s()
        print(
            f"{name}: shown {showing.shown_s:.0f} of {lasted_s:.0f} s, longest still {still_s:.1f} s, "
            f"widths {showing.widths}, complaints {len(showing.complaints)} {showing.complaints[:4]}"
        )
        wrong.append(showing.complaints if name == "hls.js" else [])
    return int(any(wrong) or opened != failures + 1)


if __name__ == "__main__":
    main()
