"""A large portal is refreshed in the background while somebody watches and the owner clicks about.

Prints the viewer's largest gap between two reads, how long admin pages take, and what a second refresh changes.
Needs nothing running: it starts a house, a portal and an origin of its own on loopback.

    python bench/refresh_while_watching.py [channels]
"""

from __future__ import annotations

import http.cookiejar
import re
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.acceptance.test_first_channel import MACS, Player, http_get
from tests.fakes.portal import FakePortal
from tests.fakes.upstream import TsOrigin
from tests.house import House

PAGES = ("/admin/", "/admin/channels/channel/", "/admin/channels/stream/", "/admin/portals/portal/")


class Owner:
    """A browser that is logged in."""

    def __init__(self, house: House) -> None:
        self.base = house.base
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.browser = urllib.request.build_opener(jar)
        password = re.search(r"Password\s+(\S+)", house.wait_for("Password", 5))
        assert password is not None
        page = self.get("/admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        form = {"csrfmiddlewaretoken": token[1], "username": "admin", "password": password[1], "next": "/admin/"}
        self.browser.open(f"{self.base}/admin/login/", urllib.parse.urlencode(form).encode())

    def get(self, path: str) -> str:
        """A page."""
        with self.browser.open(self.base + path) as answer:
            return str(answer.read().decode())


def main(channels: int) -> None:
    origin = TsOrigin()
    portal = FakePortal("panel", macs=MACS, channels=channels, media_url=lambda m, c, t: origin.url(str(c), m))
    with portal, House(Path(tempfile.mkdtemp()) / "data") as house:
        portal_words = ("portal", "add", "Big", portal.address, "--mac", ",".join(MACS), "--enable-all")
        house.manage(*portal_words, "--refresh")
        viewer = house.manage("viewer", "add", "bench", "--connections", "0")
        with http_get(viewer["playlist"]) as answer:
            address = next(x for x in answer.read().decode().splitlines() if x.startswith("http"))
        player = Player(address)
        assert player.plays()
        owner = Owner(house)
        for page in PAGES:
            owner.get(page)  # warm
        player.largest_gap_s = 0.0
        took: list[float] = []
        stop = threading.Event()

        def click() -> None:
            while not stop.is_set():
                for page in PAGES:
                    began = time.monotonic()
                    owner.get(page)
                    took.append(time.monotonic() - began)
                time.sleep(0.05)

        clicker = threading.Thread(target=click)
        clicker.start()
        began = time.monotonic()
        counts = []
        for _ in range(2):
            counts.append(house.manage("portal", "refresh", "Big", "--wait")[0])
        stop.set()
        clicker.join()
        took.sort()
        print(f"channels {channels}, two refreshes in {time.monotonic() - began:.1f} s")
        for run in counts:
            print(f"  refresh: {run['seconds']:.1f} s, {run['counts']}")
        print(f"viewer: largest gap {player.largest_gap_s:.3f} s")
        print(
            f"admin: {len(took)} pages, median {took[len(took) // 2]:.3f} s, p95 {took[int(len(took) * 0.95)]:.3f} s, "
            f"worst {took[-1]:.3f} s"
        )
        player.close()
    origin.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
