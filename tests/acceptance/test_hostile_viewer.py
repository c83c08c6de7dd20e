"""A viewer who means no good, at a whole running house: bytes no client library would send."""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.fakes.file_origin import File, FileOrigin, content
from tests.fakes.portal_wire import Reply
from tests.fakes.upstream import TsOrigin
from tests.fakes.web import FakeWeb
from tests.house import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MOVIE = content(3_000_000)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 3000
PASSWORD = "s3cretPassw0rd"
PROVIDER_PASSWORD = "pr0viderS3cret"
#: What a name must not be able to do: leave its line, its quotes, its element.
NAME = 'Evil\\r\\nSet-Cookie: a=b "quoted" <script>alert(1)</script> ]]> ; filename=x %0d%0aX-A: b'


@dataclass(frozen=True)
class Ground:
    """The house, what its one viewer has, and the paths of media."""

    house: House
    token: str
    live: str
    movie: str
    logo: str

    @property
    def media(self) -> list[str]:
        """Each address that plays."""
        login = f"kitchen/{PASSWORD}"
        return [
            f"/stream/{self.live}?token={self.token}",
            f"/t/{self.token}/stream/{self.live}",
            f"/live/{login}/{self.live}.ts",
            f"/live/{login}/{self.live}.m3u8",
            f"/{login}/{self.live}",
            f"/hls/{self.live}/index.m3u8?token={self.token}",
            f"/hdhr/{self.token}/auto/v1",
            f"/vod/movie/{self.movie}.mkv?token={self.token}",
            f"/movie/{login}/{self.movie}.mkv",
            f"/timeshift/{login}/60/2026-01-01:10-00/{self.live}.ts",
            f"{self.logo}",
        ]

    def ask(self, said: bytes, *, most: int = 200_000, timeout_s: float = 20) -> bytes:
        """All that comes for these bytes; the beginning of what never ends."""
        with socket.create_connection(("127.0.0.1", self.house.port), timeout_s) as sock:
            with contextlib.suppress(OSError):
                sock.sendall(said)
                if not said.startswith((b"GET", b"HEAD")):
                    # A body that will never be whole.
                    sock.shutdown(socket.SHUT_WR)
            got = b""
            with contextlib.suppress(ConnectionResetError):
                while len(got) < most and (piece := sock.recv(65536)):
                    got += piece
            return got

    def request(self, method: str, target: str | bytes, *headers: str) -> bytes:
        """One request as it stands, not made decent by anybody."""
        raw = target if isinstance(target, bytes) else target.encode()
        lines = "".join(f"{one}\r\n" for one in ("Host: h", "User-Agent: VLC/3.0.18", *headers, "Connection: close"))
        return self.ask(method.encode() + b" " + raw + b" HTTP/1.1\r\n" + lines.encode() + b"\r\n")

    def is_well(self) -> None:
        """It plays, answers pages, and nothing of it has fallen."""
        assert status(self.request("GET", "/readyz")) == 200
        played = self.request("GET", self.media[0])
        assert status(played) == 200
        assert b"\r\n\r\n\x47\x40\x00" in played


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer[:200]
    return int(found[1])


def parts(answer: bytes) -> tuple[dict[str, str], bytes]:
    """Headers in small letters, and the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    pairs = [line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:]]
    return {name.lower(): value.strip() for name, _, value in pairs}, body


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    origin, files = TsOrigin(), FileOrigin()
    files.files["one"] = File(MOVIE)
    data = tmp_path_factory.mktemp("hostile") / "data"
    with contextlib.ExitStack() as stack:
        stack.callback(origin.close)
        stack.callback(files.close)
        web = stack.enter_context(FakeWeb({"/logo.png": Reply(PNG)}))
        media = origin.url("one", PROVIDER_PASSWORD)
        entries = [
            f'#EXTINF:-1 tvg-chno="1" tvg-logo="{web.origin}/logo.png" group-title="A",{NAME}\n{media}',
            f'#EXTINF:-1 group-title="Movies",Heat\n{files.url("one")}&x=/movie/me/{PROVIDER_PASSWORD}/1.mkv',
        ]
        web.routes["/list.m3u"] = Reply(("#EXTM3U\n" + "\n".join(entries) + "\n").encode())
        house = stack.enter_context(House(data, RESTREAMER_LINGER_S="1"))
        address = f"{web.origin}/list.m3u?password={PROVIDER_PASSWORD}"
        house.manage("portal", "add", "Home", address, "--kind", "m3u", "--streams", "0", "--refresh", "--enable-all")
        house.manage("vod", "refresh", "--wait")
        house.manage("vod", "enable", "--all")
        viewer = house.manage("viewer", "add", "kitchen", "--password", PASSWORD, "--connections", "0")
        bare = Ground(house, viewer["token"], "", "", "")
        listed = bare.request("GET", f"/playlist?token={viewer['token']}").decode(errors="replace")
        movies = bare.request("GET", f"/movies?token={viewer['token']}").decode(errors="replace")
        live, movie = re.search(r"/stream/(\d+)", listed), re.search(r"/movie/kitchen/[^/]+/(\d+)", movies)
        logo = re.search(r"http://[^/]+(/logo/[^\"\s]+)", listed)
        assert live, listed
        assert movie, movies
        assert logo, listed
        yield Ground(house, viewer["token"], live[1], movie[1], logo[1])
        logged = "\n".join(house.lines)
        for secret in (viewer["token"], PASSWORD, PROVIDER_PASSWORD):
            assert secret not in logged, [line for line in house.lines if secret in line]
        assert "Traceback" not in logged, logged[logged.index("Traceback") - 300 :][:6000]


RANGES = [
    "bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-2", "bytes=0-0,5-9,7-", "bytes=99999999999999999999-",
    "bytes=-99999999999999999999", "bytes=abc", "bytes", "items=0-5", "bytes=0-18446744073709551616", "bytes=--1",
    "bytes = 1 - 2", "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)), "bytes=\u0661-\u0662",
]  # fmt: skip


def test_odd_ranges_at_every_address_that_plays(ground):
    for path, said in itertools.product(ground.media, RANGES):
        answer = ground.request("GET", path, f"Range: {said}")
        # What cannot be honoured is ignored; 416 only for files, and only behind their end.
        assert status(answer) in (200, 206, 400, 404, 416, 503), (path, said)
        headers, body = parts(answer)
        if status(answer) == 206:
            assert path.startswith(("/vod", "/movie", "/logo")), (path, said)
            assert re.fullmatch(r"bytes \d+-\d+/\d+", headers["content-range"])
            assert len(body) >= min(int(headers["content-length"]), 200_000)
        if status(answer) == 416:
            assert "/vod" in path or "/movie" in path or "/logo" in path
    ground.is_well()


def test_head_has_no_body_and_starts_nothing(ground):
    for path, more in itertools.product(ground.media, ((), ("Range: bytes=5-2",), ("Range: bytes=0-5",))):
        answer = ground.request("HEAD", path, *more)
        assert status(answer) in (200, 206, 404, 416), path
        headers, body = parts(answer)
        assert body == b"", path
        assert headers["referrer-policy"] in ("no-referrer", "same-origin"), path
    ground.is_well()


def test_a_second_request_behind_a_stream_gets_no_answer_of_its_own(ground):
    # The socket is the relay's by then: what a proxy might take for a second answer must not come.
    first = f"GET {ground.media[0]} HTTP/1.1\r\nHost: h\r\n\r\n"
    second = f"GET /player_api.php?username=kitchen&password={PASSWORD} HTTP/1.1\r\nHost: h\r\n\r\n"
    got = ground.ask((first + second).encode(), most=1_000_000)
    assert got.count(b"HTTP/1.1") == 1
    assert b"user_info" not in got


ESCAPES = [
    "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/../../../../etc/passwd", "/static/../../secret_key",
    "/static/%2e%2e/secret_key",
    "/static/..%2f..%2fsecret_key", "/static/..%5c..%5csecret_key", "/static//etc/passwd", "/static/%00", "/media/x",
    "/hls/{live}/..%2f..%2f..%2fsecret_key?token={token}", "/hls/{live}/%2e%2e/%2e%2e/secret_key?token={token}",
    "/hls/{live}/....//secret_key?token={token}", "/logo/channel/{live}/..%2f..%2f..%2fsecret_key?token={token}",
    "/stream/{live}%00?token={token}", "/stream/{live}%0d%0aX-A:b?token={token}", "//stream//{live}?token={token}",
    "/./stream/{live}?token={token}", "/stream/%2e%2e/stream/{live}?token={token}", "\\stream\\{live}?token={token}",
    "//evil.example", "//evil.example/%2e%2e", "///evil.example/%2f..", "/\\evil.example", "/%5cevil.example/me",
    "/me/..//evil.example", "http://evil.example/me", "http://evil.example/stream/{live}?token={token}", "*", "h:80",
    "/admin//evil.example", "/admin/login/?next=//evil.example", "/login/?next=https://evil.example",
    "/stream/{live}?token={token}&next=//evil.example", "/playlist?token={token}&url=http://127.0.0.1/",
    "/{long}", "/stream/{live}?token={token}&{long}", "/playlist?{many}&token={token}", "/%ff%fe?token=%ff", "/%u0000",
    "/stream/{live};a=b?token={token}", "/stream/{live}?token={token}%00", "/stream/{live}?token[]={token}",
    "/static/admin/css/base.css%00.png", "/proc/self/environ", "/.env", "/.git/config", "/debug/default/view",
]  # fmt: skip


@pytest.mark.parametrize("trick", ESCAPES)
def test_no_path_leads_out_of_the_house(ground, trick):
    words = {
        "{live}": ground.live,
        "{token}": ground.token,
        "{long}": "a" * 3900,
        "{many}": "&".join("a=1" for _ in range(900)),
    }
    for word, value in words.items():
        trick = trick.replace(word, value)
    secret_key = next(ground.house.data.glob("secret_key")).read_text().strip()
    for method in ("GET", "HEAD", "POST"):
        answer = ground.request(method, trick, *(("Content-Length: 0",) if method == "POST" else ()))
        headers, body = parts(answer)
        assert status(answer) < 500 or status(answer) == 503, (method, trick[:80])
        assert secret_key.encode() not in body
        assert b"root:" not in body
        assert "x-a" not in headers
        assert "set-cookie" not in headers or "/login" in trick or "/admin" in trick
        there = headers.get("location", "/")
        assert not re.match(r"(?i)(\w+:|[/\\]{2}|\\)", there), there
        assert not re.search(r"evil\.example(?!.*next)", there.partition("?")[0].partition("/")[0])


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1@evil.example", "a b", '"><script>', ""])
def test_no_made_up_host_gets_into_what_players_keep(ground, host):
    paths = (f"/playlist?token={ground.token}", f"/player_api.php?username=kitchen&password={PASSWORD}",
             f"/hdhr/{ground.token}/discover.json", f"/epg.xml?token={ground.token}", "/me/", "/admin/")  # fmt: skip
    for path in paths:
        said = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n"
        answer = ground.ask(said.encode())
        assert status(answer) < 500, path
        assert b"evil.example" not in answer, path
        assert b"<script>" not in answer.partition(b"\r\n\r\n")[0]


def test_a_name_breaks_out_of_no_header_and_no_page(ground):
    paths = [*ground.media, f"/playlist?token={ground.token}", f"/epg.xml?token={ground.token}",
             f"/hdhr/{ground.token}/lineup.json", f"/player/?token={ground.token}",
             f"/player/{ground.live}?token={ground.token}"]  # fmt: skip
    for path in paths:
        answer = ground.request("GET", path)
        headers, body = parts(answer)
        assert "set-cookie" not in headers, path
        assert "x-a" not in headers, path
        if headers.get("content-type", "").startswith("text/html"):
            assert b"<script>alert" not in body, path
        if "content-disposition" in headers:
            assert headers["content-disposition"].count('"') in (0, 2), path


def test_pages_that_hold_a_token_tell_it_to_nobody(ground):
    for path in (f"/player/?token={ground.token}", f"/player/{ground.live}?token={ground.token}"):
        headers, _ = parts(ground.request("GET", path))
        assert headers["referrer-policy"] == "no-referrer", path
    for path in ("/login/", "/me/", "/admin/login/"):
        headers, _ = parts(ground.request("GET", path))
        assert headers["referrer-policy"] in ("same-origin", "no-referrer"), path


BROKEN = [
    b"GET /stream/1?token=%b HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /stream/1?token=%b HTTP/9.9\r\nHost: h\r\n\r\n",
    b"G\0T /stream/1?token=%b HTTP/1.1\r\nHost: h\r\n\r\n",
    b"get /live/kitchen/%b/1.ts HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /live/kitchen/%b/1.ts\r\n\r\n",
    b"GET  /live/kitchen/%b/1.ts  HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /stream/1?token=%b HTTP/1.1\r\nHost: h\r\nX y: z\r\n\r\n",
    b"GET /stream/1?token=%b HTTP/1.1\r\nHost: h\r\nX-A: \0\r\n\r\n",
    b"GET /stream/1?token=%b HTTP/1.1\r\nHost: h\r\nRange: bytes=\xff\r\n\r\n",
    b"GET /\xff\xfe/%b HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /player_api.php HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\nusername=kitchen&password=%b",
    b"POST /player_api.php HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999999\r\n\r\nusername=kitchen&password=%b",
    b"POST /login/ HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=\xff\r\nContent-Length: 20\r\n"
    b"\r\npassword=%b",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /stream/1?token=%b HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
    b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
    b"GET http://127.0.0.1:22/?token=%b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    b"GET /x?token=%b&" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /live/kitchen/%b/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %b\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_broken_requests_are_refused_and_leave_no_secret_behind(ground, number):
    for secret in (ground.token, PASSWORD):
        answer = ground.ask(BROKEN[number].replace(b"%b", secret.encode()), timeout_s=90)
        assert not answer.startswith(b"HTTP/1.1 101")
        assert secret.encode() not in answer
        if answer:
            assert status(answer) < 500


ODD_PLACES = [
    "/LIVE/kitchen/{password}/1.ts", "//live/kitchen/{password}/1.ts", "/x/live/kitchen/{password}/1.ts",
    "/live/kitchen/{password}", "/live//kitchen//{password}//1.ts", "/live/kitchen%2f{password}%2f1.ts",
    "/kitchen/{password}/1/2/3", "/kitchen/{password}/", "/kitchen/{password}/1.ts/x", "/stream/x?token={token}",
    "/stream/1?TOKEN={token}", "/stream/1?%74oken={token}", "/stream/1?token%3D{token}", "/stream/1#token={token}",
    "/t/{token}", "/t/{token}/", "/t/{token}/nothing", "/hdhr/{token}", "/hdhr/{token}/x", "/hdhr/{token}/auto/x",
    "/T/{token}/stream/1", "/xmltv.php?username=kitchen&password={password}&x=%ff", "/get.php?password={password}",
    "/player_api.php?username=kitchen&password={password}&action=nothing", "/panel_api.php?password={password}",
    "/timeshift/kitchen/{password}/x/y/z.ts", "/streaming/timeshift.php?username=kitchen&password={password}&stream=1",
    "/series/kitchen/{password}/99999999999999.mkv", "/movie/kitchen/{password}/abc.mkv",
]  # fmt: skip


def test_secrets_in_odd_places_reach_no_log(ground):
    """What the log holds is looked at when all is over; here it is given its chances."""
    for place in ODD_PLACES:
        path = place.replace("{password}", PASSWORD).replace("{token}", ground.token)
        for method, more in (
            ("GET", ()),
            ("HEAD", ()),
            ("POST", ("Content-Length: 0",)),
            ("PUT", ("Content-Length: 0",)),
        ):
            assert status(ground.request(method, path, *more)) < 500, (method, place)
        ground.request("GET", path, f"Referer: http://h{path}", f"Cookie: sessionid={ground.token}")
    ground.is_well()


def test_who_says_nothing_half_or_reads_nothing_holds_nobody_up(ground):
    """More slow clients than the house has threads, of each kind, and everybody else is answered."""
    with contextlib.ExitStack() as stack:
        for n in range(90):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", ground.house.port), 20))
            slow.sendall([b"", b"GET /stre", b"GET / HTTP/1.1\r\nHost: h\r\nX-A:"][n % 3])
        for _ in range(20):
            # Takes the head of a stream and reads no more of it.
            stopped = stack.enter_context(socket.socket())
            stopped.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stopped.connect(("127.0.0.1", ground.house.port))
            stopped.sendall(f"GET {ground.media[0]} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        ground.is_well()
        deadline = time.monotonic() + 60
        played = b""
        with socket.create_connection(("127.0.0.1", ground.house.port), 20) as sock:
            sock.sendall(f"GET {ground.media[0]} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            while len(played) < 300_000 and time.monotonic() < deadline:
                played += sock.recv(65536)
        assert len(played) >= 300_000, "a stream goes on beside those who do not read"


def test_what_lies_on_disk_for_others_to_read_holds_no_secret(ground):
    for path in ground.house.data.rglob("*"):
        assert not path.is_symlink() or path.exists()
        if path.is_file() and path.suffix in (".log", ".txt"):
            assert ground.token not in path.read_text(errors="replace"), path
    assert ground.house.data.stat().st_mode & 0o077 == 0
