"""The HTTP door: bounded in time and size whatever the other side does."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from restreamer.lib import http
from restreamer.lib.http import MIB, Bounds, HttpDoor
from tests.fakes.portal_wire import Reply, cut_off, drip, gzip_bomb, hang, raw
from tests.fakes.web import FakeWeb

SHORT = Bounds(connect_s=1, silence_s=5, total_s=0.4)


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with FakeWeb() as server:
        yield server


@pytest.fixture
def door() -> Iterator[HttpDoor]:
    with HttpDoor() as made:
        yield made


def took_less_than(seconds: float, start: float) -> bool:
    return time.monotonic() - start < seconds


def moved(to: str, status: int = 302) -> Reply:
    return Reply(status=status, headers={"Location": to})


def test_a_whole_answer_comes_back_with_status_and_headers(web, door):
    web.routes["/a"] = Reply(b"hello", 201, "text/plain", {"X-Thing": "1"})
    answer = door.get(f"{web.origin}/a")
    assert (answer.status, answer.body, answer.header("x-thing")) == (201, b"hello", "1")


def test_gzip_is_unpacked(web, door):
    web.routes["/a"] = Reply(b"x" * 5000)
    assert door.get(f"{web.origin}/a").body == b"x" * 5000
    assert web.requests[0].headers["Accept-Encoding"] == "gzip"


# --- time


@pytest.mark.parametrize("in_headers", [True, False])
def test_a_slow_loris_is_ended_at_the_deadline(web, door, in_headers):
    web.routes["/a"] = drip(0.02, in_headers=in_headers)
    start = time.monotonic()
    with pytest.raises(http.TimedOut):
        door.get(f"{web.origin}/a", bounds=SHORT)
    assert took_less_than(1.5, start)


def test_a_slow_loris_is_ended_on_a_reused_connection_too(web, door):
    web.routes["/quick"] = Reply(b"ok")
    web.routes["/slow"] = drip(0.02, in_headers=True)
    door.get(f"{web.origin}/quick")
    start = time.monotonic()
    with pytest.raises(http.TimedOut):
        door.get(f"{web.origin}/slow", bounds=SHORT)
    assert took_less_than(1.5, start)


def test_a_server_that_says_nothing_is_given_up_after_the_silence(web, door):
    web.routes["/a"] = hang(5)
    start = time.monotonic()
    with pytest.raises(http.TimedOut, match="stopped answering"):
        door.get(f"{web.origin}/a", bounds=Bounds(silence_s=0.3, total_s=4))
    assert took_less_than(1.5, start)


def test_a_body_cut_at_the_deadline_never_looks_like_its_end(web, door):
    def endless(handler):
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            handler.wfile.write(b"x" * 1000)
            time.sleep(0.01)

    web.routes["/a"] = endless
    with pytest.raises(http.TimedOut):
        door.get(f"{web.origin}/a", bounds=SHORT)


def test_redirects_share_one_deadline(web, door):
    def slow_redirect(handler):
        time.sleep(0.15)
        moved("/a").send(handler)

    web.routes["/a"] = slow_redirect
    start = time.monotonic()
    with pytest.raises(http.TimedOut):
        door.get(f"{web.origin}/a", bounds=SHORT)
    assert took_less_than(1.5, start)


def test_a_tls_handshake_that_never_ends_is_ended_at_the_deadline(door):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(http.TimedOut):
            door.get(f"https://127.0.0.1:{silent.getsockname()[1]}/", bounds=SHORT)
        assert took_less_than(1.5, start)


def test_no_timer_thread_outlives_its_request(web, door):
    web.routes["/a"] = Reply(b"ok")
    before = threading.active_count()
    for _ in range(5):
        door.get(f"{web.origin}/a", bounds=Bounds(total_s=300))
    # A cancelled timer needs a moment to end; the server keeps one thread for our one kept connection.
    end = time.monotonic() + 5
    while threading.active_count() > before + 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before + 1


# --- size


def test_an_announced_size_beyond_the_cap_is_refused_unread(web, door):
    web.routes["/a"] = cut_off(b"x", announced=5 * MIB)
    with pytest.raises(http.TooLarge, match="more than the 1 MiB"):
        door.get(f"{web.origin}/a", bounds=Bounds(max_bytes=MIB))


def test_a_gzip_bomb_stops_at_the_cap(web, door):
    web.routes["/a"] = gzip_bomb(64)
    with pytest.raises(http.TooLarge):
        door.get(f"{web.origin}/a", bounds=Bounds(max_bytes=MIB))


def test_a_gzip_bomb_never_hands_out_a_huge_piece(web, door):
    web.routes["/a"] = gzip_bomb(32)
    with door.open(f"{web.origin}/a", bounds=Bounds(max_bytes=64 * MIB)) as answer:
        assert max(len(piece) for piece in answer.chunks()) <= MIB


def test_damaged_compression_is_named(web, door):
    web.routes["/a"] = raw(b"\x1f\x8bnonsense" * 20, Content_Encoding="gzip")
    with pytest.raises(http.BrokenAnswer, match="compressed answer"):
        door.get(f"{web.origin}/a")


def test_fewer_bytes_than_announced_is_no_answer(web, door):
    web.routes["/a"] = cut_off(b"half")
    with pytest.raises(http.BrokenAnswer, match="broke the connection off"):
        door.get(f"{web.origin}/a")


def test_something_that_is_no_http_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            client, _ = server.accept()
            client.recv(1000)
            client.sendall(b"220 smtp ready\r\n")
            client.close()

        threading.Thread(target=speak, daemon=True).start()
        with pytest.raises(http.BrokenAnswer):
            HttpDoor().get(f"http://127.0.0.1:{server.getsockname()[1]}/")


# --- redirects


def test_redirects_are_followed_to_the_final_address(web, door):
    web.routes["/a"] = moved("/b", 301)
    web.routes["/b"] = moved("c/d", 307)
    web.routes["/c/d"] = Reply(b"here")
    answer = door.get(f"{web.origin}/a")
    assert (answer.body, answer.url, answer.redirected) == (b"here", f"{web.origin}/c/d", True)


def test_the_body_of_a_redirect_is_not_read(web, door):
    def flood(handler):
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nConnection: close\r\n\r\n")
        while True:
            handler.wfile.write(b"x" * 65536)

    web.routes["/a"] = flood
    web.routes["/b"] = Reply(b"here")
    start = time.monotonic()
    assert door.get(f"{web.origin}/a", bounds=Bounds(total_s=5)).body == b"here"
    assert took_less_than(2, start)


def test_a_redirect_loop_ends(web, door):
    web.routes["/a"] = moved("/a")
    with pytest.raises(http.BadRedirect, match="more than 5 times"):
        door.get(f"{web.origin}/a")
    assert len(web.requests) == 6


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://[bad", "javascript:alert(1)"])
def test_a_redirect_to_anything_but_http_is_refused(web, door, target):
    web.routes["/a"] = moved(target)
    with pytest.raises(http.BadRedirect):
        door.get(f"{web.origin}/a")


def test_credentials_do_not_follow_to_another_host(web, door):
    with FakeWeb({"/b": Reply(b"ok")}) as other:
        web.routes["/a"] = moved(other.origin.replace("127.0.0.1", "localhost") + "/b")
        headers = {"Authorization": "Bearer t", "Cookie": "mac=1", "User-Agent": "MAG"}
        door.get(f"{web.origin}/a", headers=headers)
    sent = other.requests[0].headers
    assert "Authorization" not in sent
    assert "Cookie" not in sent
    assert sent["User-Agent"] == "MAG"


def test_credentials_follow_on_the_same_host(web, door):
    web.routes["/a"] = moved("/b")
    web.routes["/b"] = Reply(b"ok")
    door.get(f"{web.origin}/a", headers={"Authorization": "Bearer t", "Cookie": "mac=1"})
    assert web.requests[1].headers["Authorization"] == "Bearer t"
    assert web.requests[1].headers["Cookie"] == "mac=1"


def test_a_cookie_somebody_sets_is_not_kept(web, door):
    web.routes["/a"] = Reply(b"ok", headers={"Set-Cookie": "PHPSESSID=1; Path=/"})
    door.get(f"{web.origin}/a")
    door.get(f"{web.origin}/a")
    assert "Cookie" not in web.requests[1].headers


# --- not getting there


def test_a_refused_connection_is_named(door):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(http.Unreachable, match="refuses the connection") as caught:
        door.get(f"http://127.0.0.1:{port}/")
    assert caught.value.reason == "refused"


def test_an_unknown_host_is_named(door, monkeypatch):
    def no_such_host(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    with pytest.raises(http.Unreachable, match=r"no host named no\.such") as caught:
        door.get("http://no.such/")
    assert caught.value.reason == "dns"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "no address",
        "ftp://h/x",
        "http://",
        "http:///x",
        "http://h:99999/",
        "http://[::1",
        "http://exa mple/",
        "http://..",
    ],
)
def test_what_is_no_address_is_named(door, address):
    with pytest.raises(http.HttpError) as caught:
        door.get(address, bounds=Bounds(connect_s=0.5, total_s=2))
    assert isinstance(caught.value, http.BadAddress | http.Unreachable)


def test_a_proxy_carries_the_request(door):
    with FakeWeb() as proxy:
        proxy.routes["http://portal.invalid/x"] = Reply(b"by proxy")
        answer = HttpDoor(proxy_url=proxy.origin).get("http://portal.invalid/x")
    assert answer.body == b"by proxy"


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_dead_proxy_is_named_not_the_host(scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(http.Unreachable) as caught:
        HttpDoor(proxy_url=f"{scheme}://127.0.0.1:{port}").get("http://portal.invalid/x")
    assert caught.value.reason == "proxy"


def test_a_nonsense_proxy_is_named():
    with pytest.raises(http.BadAddress, match="proxy address"):
        HttpDoor(proxy_url="gopher://127.0.0.1:1").get("http://portal.invalid/x")


def test_the_environments_proxy_and_netrc_are_ignored(web, door, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    web.routes["/a"] = Reply(b"ok")
    door.get(f"{web.origin}/a")
    assert "Authorization" not in web.requests[0].headers


def test_credentials_in_the_address_are_sent_unless_the_caller_brings_its_own(web, door):
    web.routes["/a"] = Reply(b"ok")
    address = web.origin.replace("://", "://user:secret@") + "/a"
    door.get(address)
    door.get(address, headers={"Authorization": "Bearer t"})
    assert [r.headers["Authorization"] for r in web.requests] == ["Basic dXNlcjpzZWNyZXQ=", "Bearer t"]


def test_messages_hold_no_secret_of_the_address(door):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(http.HttpError) as caught:
        door.get(f"http://user:hunter2@127.0.0.1:{port}/play/tok3n?password=hunter2")
    assert "hunter2" not in str(caught.value)
    assert "tok3n" not in str(caught.value)


# --- TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "both.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {made} -out {folder}/c.pem"
    )
    try:
        subprocess.run(command.split(), check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    made.write_text(made.read_text() + (folder / "c.pem").read_text())
    return made


def test_a_wrong_certificate_is_refused(certificate, door):
    server = FakeWeb({"/a": Reply(b"ok")}, certificate=certificate)
    with server, pytest.raises(http.Unreachable, match="TLS certificate") as caught:
        door.get(f"{server.origin}/a")
    assert caught.value.reason == "tls"


def test_a_wrong_certificate_is_accepted_when_the_owner_says_so(certificate):
    with FakeWeb({"/a": Reply(b"ok")}, certificate=certificate) as server:
        assert HttpDoor(verify_tls=False).get(f"{server.origin}/a").body == b"ok"


def test_a_slow_loris_is_ended_inside_tls_too(certificate):
    with FakeWeb({"/a": drip(0.02)}, certificate=certificate) as server:
        start = time.monotonic()
        with pytest.raises(http.TimedOut):
            HttpDoor(verify_tls=False).get(f"{server.origin}/a", bounds=SHORT)
    assert took_less_than(1.5, start)
