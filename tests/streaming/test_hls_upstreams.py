"""Every media list of the samples, and a live one with all that may go wrong, through `/play` of running processes.

A strict origin per list: one connection at a time. Segments are real television, as long as the list says they are, on
another clock and other PIDs behind a discontinuity.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from redis import Redis

from portals.models import Portal, PortalKind
from streaming.hls.playlist import MasterPlaylist, Segment, parse
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes.hls_origin import Answer, HlsOrigin, playlist
from tests.mpegts.analyser import Limits, analyse
from tests.mpegts.material import AAC, H264, picture, tone
from tests.streaming.children import RelayChild, WebChild
from tests.streaming.hls.material import Cut, cut, verdict

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg, pytest.mark.slow]

SAMPLES = Path(__file__).parents[1] / "samples" / "hls"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())
NAMES = sorted(name for name, facts in EXPECTED.items() if facts["kind"] != "multivariant")
PACKET = 188
KEY = bytes(range(16))

#: Lists without anything to play, and the sentence their channel ends with.
NAMED = {
    "eyevinn_bad-media-playlist-with-gap.m3u8": "The provider's playlist holds nothing that can be played.",
    "eyevinn_media-playlist-with-iframes-only-and-map.m3u8": "holds single pictures for searching only",
    "eyevinn_media-playlist-with-multiple-dateranges.m3u8": "encrypted",
}
#: How long each is watched, and how much of it must be seen by then.
WATCHED_S = 6.0
LEAST_FRAMES = 100
#: The rough list's first segment behind its discontinuity, in the clear.
CLEAR_FROM = 6


def long_television(*more: str, form: str = "mpegts") -> Cut:
    """Eighty seconds in segments of one."""
    return cut(*picture("160x90", 80), *tone(80), *H264, "-b:v", "200k", *AAC, *more, form=form)


def behind_a_cut() -> Cut:
    """Another programme with other PIDs and another clock."""
    return long_television("-mpegts_start_pid", "0x300", "-mpegts_pmt_start_pid", "0x1f0", "-output_ts_offset", "5000")


def encrypted(clear: bytes, sequence: int) -> bytes:
    padding = 16 - len(clear) % 16
    cipher = Cipher(algorithms.AES(KEY), modes.CBC(sequence.to_bytes(16, "big"))).encryptor()
    return cipher.update(clear + bytes([padding]) * padding) + cipher.finalize()


class Listed(HlsOrigin):
    """Serves one sample as it is, hosts excepted, and what it names."""

    def __init__(self, name: str) -> None:
        super().__init__()
        here = self.url("").rstrip("/")
        self.text = re.sub(r"https?://[\w.-]+(:\d+)?(?=/)", here, (SAMPLES / name).read_text())
        found = parse(self.text, self.url("/sample.m3u8"))
        assert not isinstance(found, MasterPlaylist)
        self.fragmented = "#EXT-X-MAP" in self.text
        self.segments = {unquote(segment.url.removeprefix(here)): segment for segment in found.segments}
        self.given: dict[str, bytes] = {}
        self.second_s = [0, 0]
        self.cut = False

    def _answer(self, target: str, headers: dict[str, str]) -> Answer:
        path = unquote(target)
        if path == "/sample.m3u8":
            return Answer(self.text.encode())
        if "key.php" in path:
            return Answer(KEY)
        segment = self.segments.get(path)
        if segment is None:
            return Answer(long_television(form="fmp4").beginning)
        with self._lock:
            if path not in self.given:
                self.given[path] = self._media(segment)
            return Answer(self.given[path])

    def _media(self, segment: Segment) -> bytes:
        """The next seconds of television, as many as the list says."""
        self.cut = self.cut or segment.discontinuity
        number = int(self.cut and not self.fragmented)
        made = long_television(form="fmp4") if self.fragmented else (long_television, behind_a_cut)[number]()
        begin = self.second_s[number]
        self.second_s[number] = begin + max(round(segment.duration_s or 30), 1)
        data = b"".join(made.segments[begin : self.second_s[number]])
        return encrypted(data, segment.sequence) if segment.keys else data


class Rough(HlsOrigin):
    """A master list whose best variant is lost after some seconds; byte ranges, keys and a discontinuity in both."""

    def __init__(self) -> None:
        super().__init__()
        self.began = time.monotonic()
        self.lost_after_s = 2.0
        before, after = long_television().segments[:CLEAR_FROM], behind_a_cut().segments[:30]
        pieces = [*(encrypted(one, n) for n, one in enumerate(before)), *after]
        offsets = self.offsets = [sum(len(one) for one in pieces[:n]) for n in range(len(pieces))]
        self.serve("/master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=160x90\nhigh/live.m3u8\n"
                   "#EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=160x90\n/low/live.m3u8\n")  # fmt: skip
        self.serve("/key", KEY)
        for name in ("high", "low"):
            self.serve(f"/{name}/all.ts", b"".join(pieces))
            self.serve(f"/{name}/live.m3u8", self._window(name, pieces, offsets))

    def _window(self, name: str, pieces: list[bytes], offsets: list[int]):
        def live(target: str, headers: dict[str, str]) -> Answer:
            passed_s = time.monotonic() - self.began
            if name == "high" and passed_s > self.lost_after_s:
                return Answer(b"gone", status=404)
            first = min(int(passed_s), len(pieces) - 4)
            tags = {}
            for n in range(first, first + 4):
                key = '#EXT-X-KEY:METHOD=AES-128,URI="/key"' if n < CLEAR_FROM else "#EXT-X-KEY:METHOD=NONE"
                cut_here = ("#EXT-X-DISCONTINUITY",) if n == CLEAR_FROM else ()
                tags[n - first] = (*cut_here, key, f"#EXT-X-BYTERANGE:{len(pieces[n])}@{offsets[n]}")
            return Answer(playlist(["all.ts"] * 4, first=first, before=tags).encode())

        return live


class Viewing:
    """One player at `/play`, for so many seconds."""

    def __init__(self, port: int, path: str, seconds: float) -> None:
        self.status, self.body, self.said = 0, b"", b""
        self._thread = threading.Thread(target=self._watch, args=(port, path, seconds))
        self._thread.start()

    def _watch(self, port: int, path: str, seconds: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        self.status = answer.status
        if answer.status != 200:
            self.said = answer.read()
        else:
            pieces, until = [], time.monotonic() + seconds
            while time.monotonic() < until and (piece := answer.read1(65536)):
                pieces.append(piece)
            data = b"".join(pieces)
            self.body = data[: len(data) // PACKET * PACKET]
        connection.close()

    def join(self) -> None:
        self._thread.join(60)


@pytest.fixture
def house(tmp_path: Path, settings, redis: Redis) -> Iterator[tuple[RelayChild, WebChild]]:
    settings.RELAY_SOCKET = tmp_path / "run" / "relay.sock"
    with ExitStack() as stack:
        relay, web = RelayChild(tmp_path), WebChild(tmp_path, WEB_THREADS="64")
        for one in (relay, web):
            stack.callback(one.stop)
            one.start()
        yield relay, web


def whole(body: bytes) -> bytes:
    """Without the picture and the sound in the middle of which the player hung up."""
    packets = [body[at : at + PACKET] for at in range(0, len(body), PACKET)]
    begun = {(packet[1] & 0x1F) << 8 | packet[2]: n for n, packet in enumerate(packets) if packet[1] & 0x40}
    return b"".join(p for n, p in enumerate(packets) if n < begun.get((p[1] & 0x1F) << 8 | p[2], len(packets)))


def complaints(body: bytes) -> list[str]:
    """What an independent judge and ffmpeg say about an answer."""
    body = whole(body)
    report = analyse(body, Limits(video_gap_s=1.0, audio_gap_s=1.0))
    said = [*report.problems[:3]]
    said += [f"{report.cc_errors} continuity errors"] if report.cc_errors else []
    decoded = verdict(body)
    said += [decoded.complaints] if decoded.complaints else []
    return said + ([f"only {decoded.frames} pictures"] if decoded.frames < LEAST_FRAMES else [])


def listed(portal: Portal, name: str, url: str) -> str:
    """A channel with this address; returns its path."""
    LinkFactory(stream__portal=portal, stream__provider_id=name, stream__cmd=url)
    return f"/play/{portal.slug}/{name}"


def test_every_list_plays_through_running_processes_or_ends_with_its_reason(house: tuple[RelayChild, WebChild]) -> None:
    relay, web = house
    portal = PortalFactory(kind=PortalKind.M3U, address="http://127.0.0.1:9/list.m3u")
    SubscriptionFactory(portal=portal, mac="", streams=0)
    token = f"?token={ViewerFactory().token}"
    long_television(), behind_a_cut(), long_television(form="fmp4")
    with ExitStack() as stack:
        origins: dict[str, HlsOrigin] = {name: stack.enter_context(Listed(name)) for name in NAMES}
        paths = {name: listed(portal, name, one.url("/sample.m3u8")) for name, one in origins.items()}
        rough = stack.enter_context(Rough())
        origins["rough"] = rough
        paths["rough"] = listed(portal, "rough", rough.url("/master.m3u8"))
        rough.began = time.monotonic()
        viewings = {
            name: Viewing(web.port, path + token, WATCHED_S + 3 * (name == "rough")) for name, path in paths.items()
        }
        for one in viewings.values():
            one.join()
        violations = {name: one.violations for name, one in origins.items() if one.violations}
    found = {name: complaints(one.body) for name, one in viewings.items() if name not in NAMED}

    assert {name: said for name, said in found.items() if said} == {}
    assert violations == {}
    low = [headers["range"] for target, headers in rough.requests if target == "/low/all.ts"]
    assert low, "the best variant was lost"
    assert any(f"bytes={offset}-" in part for part in low for offset in rough.offsets[CLEAR_FROM:]), (
        "the cut was passed"
    )
    log = relay.log.read_text()
    for name, sentence in NAMED.items():
        assert viewings[name].status == 503
        assert viewings[name].said == b"The source of this channel does not work right now.\n"
        assert sentence in log
