"""A whole house with one portal whose channels have two sources each, and a page for browsers."""

from __future__ import annotations

import http.client
import http.server
import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from streaming.faults import SENTENCES
from tests.clients.faults import Failure, whole_packets
from tests.clients.programs import HERE, Chromium, Ffmpeg, Mpv, Program, Vlc, node_modules
from tests.fakes import material
from tests.fakes.material import PACKET
from tests.fakes.portal import FakePortal
from tests.fakes.upstream import Script, TsOrigin
from tests.house import House

MACS = tuple(f"00:1A:79:00:00:0{n}" for n in range(1, 5))
#: The second source differs in all that may differ: PIDs, programme, size, keyframes, and its clock.
OTHER = ("-mpegts_start_pid", "0x200", "-mpegts_pmt_start_pid", "0x1100", "-mpegts_service_id", "9")
OTHER_START = 12_345 * PACKET


@dataclass(frozen=True)
class Moments:
    """The course of a play, seconds."""

    #: The channel runs so long before the players join it, as it mostly does.
    alone_s: float = 6.0
    before_s: float = 9.0
    #: After the fault.
    after_s: float = 15.0


class Recorder:
    """A viewer that keeps every byte and when it came."""

    def __init__(self, address: str) -> None:
        self.data = bytearray()
        #: Clock and size of what came, null packets not counted.
        self.arrivals: list[tuple[float, int]] = []
        self.ended = False
        host, _, path = address.removeprefix("http://").partition("/")
        self._connection = http.client.HTTPConnection(host, timeout=30)
        self._connection.request("GET", f"/{path}", headers={"User-Agent": "recorder"})
        self.answer = self._connection.getresponse()
        self._stopping = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while piece := self.answer.read1(1 << 16):
                now = time.monotonic()
                whole = len(self.data) // PACKET * PACKET
                self.data += piece
                fresh = bytes(self.data[whole : len(self.data) // PACKET * PACKET])
                pids = zip(fresh[1::PACKET], fresh[2::PACKET], strict=True)
                count = sum((high & 0x1F) << 8 | low != 0x1FFF for high, low in pids)
                if count:
                    self.arrivals.append((now, count * PACKET))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.ended = not self._stopping

    def close(self) -> None:
        """Hang up."""
        self._stopping = True
        if self._connection.sock is not None:
            self._connection.sock.close()
        self.answer.close()
        self._thread.join(5)

    @property
    def largest_gap_s(self) -> float:
        """The longest time without television."""
        times = [at for at, _ in self.arrivals]
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)


@dataclass
class Play:
    """One channel whose source failed, watched by some players."""

    recorder: Recorder
    players: dict[str, Program]
    ended_at: float
    noticed: list[str]
    #: Connections to the first and to the second source.
    opened: tuple[int, int]
    address: str = field(repr=False, default="")


class Stage:
    """Use `play` for one fault after the other, each on a channel of its own."""

    def __init__(self, house: House, first: TsOrigin, second: TsOrigin, addresses: list[str], page: str) -> None:
        self.house, self._first, self._second = house, first, second
        self._addresses = addresses
        self._page = page
        self._turn = 0

    def play(self, failure: Failure, clients: list[str], moments: Moments) -> Play:
        """Let the players watch a channel whose first source fails after a while."""
        address, channel = self._addresses[self._turn], str(self._turn)
        self._turn += 1
        rate = self._first.default.bytes_per_s
        self._first.always(NAMES[0], failure.script(whole_packets((moments.alone_s + moments.before_s) * rate)))
        self._first.opened.clear()
        self._second.opened.clear()
        turns.clear()
        lines = len(self.house.lines)
        players: dict[str, Program] = {}
        recorder = None
        try:
            # Browsers take seconds to start.
            if "chromium" in clients:
                players["chromium"] = Chromium(address, self._page).started()
            if "hls.js" in clients:
                players["hls.js"] = Chromium(hls_address(address), self._page, "hls.html").started()
            recorder = Recorder(address)
            began = time.monotonic()
            time.sleep(moments.alone_s)
            players |= {name: PLAYERS[name](address) for name in clients if name in PLAYERS}
            for player in players.values():
                player.open()
            until = began + moments.alone_s + moments.before_s + moments.after_s
            time.sleep(max(0.0, until - time.monotonic()))
            ended_at = time.monotonic()
        finally:
            for player in players.values():
                player.__exit__(None, None, None)
            if recorder is not None:
                recorder.close()
        noticed = [
            fault.value
            for line in self.house.lines[lines:]
            for fault, sentence in SENTENCES.items()
            if line.endswith(f"{sentence}: {fault.value}")
        ]
        opened = self._first.opened["all"], self._second.opened["all"]
        self._first.wait_open(0)
        self._second.wait_open(0)
        return Play(recorder, players, ended_at, noticed, opened, channel)


def hls_address(address: str) -> str:
    """The same channel as HLS."""
    return re.sub(r"/stream/(\d+)", r"/hls/\1/index.m3u8", address)


PLAYERS: dict[str, Callable[[str], Program]] = {
    "ffmpeg": Ffmpeg,
    "mpv": Mpv,
    "vlc": Vlc,
    "ffmpeg-hls": lambda address: Ffmpeg(hls_address(address)),
}
NAMES = ("first", "second")
PAGES = {"hls.html": "hls.html"}
#: How often each channel's address was asked for.
turns: Counter[int] = Counter()


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Everything, started and ended."""
    first = TsOrigin(material.ts(size="640x360", bitrate="500k"))
    second = TsOrigin(material.ts(size="512x288", gop_s=0.8, bitrate="500k", extra=OTHER))
    second.always(NAMES[1], Script(start_at=OTHER_START))

    def media_url(_mac: str, channel: int, _token: str) -> str:
        turns[channel] += 1
        return first.url(NAMES[0]) if turns[channel] == 1 else second.url(NAMES[1])

    with (
        pages() as page,
        FakePortal("panel", macs=MACS, channels=20, media_url=media_url) as portal,
        House(folder / "data", RESTREAMER_LINGER_S="1") as house,
    ):
        arguments = ("--mac", ",".join(MACS), "--refresh", "--enable-all")
        house.manage("portal", "add", "Sofa", portal.address, *arguments)
        playlist = house.manage("viewer", "add", "everybody", "--connections", "0")["playlist"]
        yield Stage(house, first, second, television(playlist), page)
    first.close()
    second.close()


def television(playlist: str) -> list[str]:
    host, _, path = playlist.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=15)
    connection.request("GET", f"/{path}")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return [address for entry, address in itertools.pairwise(lines) if "#EXTINF" in entry and "radio=" not in entry]


@contextmanager
def pages() -> Iterator[str]:
    """A server of the pages, of mpegts.js and hls.js: another origin than the house's, as with a web player."""
    modules = node_modules()

    class Files(http.server.BaseHTTPRequestHandler):
        #: A small answer goes out at once; else each waits 40 ms for the client to acknowledge its headers.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            name = self.path.lstrip("/").partition("?")[0]
            script = name in ("mpegts.js", "hls.js") and modules is not None
            # Nothing else is served, whatever is asked for.
            path = modules / name / "dist" / name if script and modules else HERE / PAGES.get(name, "player.html")
            body = path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)
