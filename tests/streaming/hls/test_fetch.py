"""Fetching: one connection at a time, none after close, and every way an answer can go wrong has its fault."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portals.providers.records import PlayUrl
from streaming.faults import Fault, UpstreamError
from streaming.hls.fetch import Fetcher
from streaming.hls.playlist import Range
from tests.fakes.hls_origin import Answer, HlsOrigin


@pytest.fixture
def origin():
    with HlsOrigin() as origin:
        yield origin
        assert origin.violations == []


@pytest.fixture
def fetcher(origin):
    fetcher = Fetcher(PlayUrl(origin.url("/x")), connect_timeout_s=1, silence_s=0.5)
    yield fetcher
    fetcher.close()
    assert origin.open_connections() == 0


def page(fetcher, url, **kwargs):
    return fetcher.page(url, "the playlist", max_bytes=100_000, **kwargs)


def fault_of(fetcher, url, **kwargs):
    with pytest.raises(UpstreamError) as caught:
        b"".join(fetcher.body(url, "a segment", **kwargs))
    return caught.value


def test_one_connection_serves_all_requests_to_a_host(origin, fetcher):
    origin.serve("/a", b"1")

    for _ in range(5):
        assert page(fetcher, origin.url("/a")).body == b"1"

    assert origin.opened == fetcher.connections == 1


def test_the_connection_to_one_host_is_closed_before_another_host_is_asked(origin, fetcher):
    origin.serve("/a", b"1")

    for host in ("127.0.0.1", "localhost", "127.0.0.1"):
        page(fetcher, origin.url("/a", host))

    assert origin.opened == 3


def test_a_body_given_up_half_way_is_closed_before_the_next_request(origin, fetcher):
    origin.serve("/big", bytes(5_000_000))
    origin.serve("/a", b"1")
    body = fetcher.body(origin.url("/big"), "a segment")
    next(iter(body))

    body.close()

    assert page(fetcher, origin.url("/a")).body == b"1"


def test_a_body_given_up_half_way_leaves_no_open_connection_behind(origin, fetcher):
    origin.serve("/big", bytes(5_000_000))
    body = fetcher.body(origin.url("/big"), "a segment")
    next(iter(body))

    body.close()

    until(lambda: origin.open_connections() == 0)


def until(condition, timeout_s=5.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_redirects_are_followed_and_the_final_address_is_known(origin, fetcher):
    origin.serve("/a", Answer(b"moved", status=302, headers={"Location": "b/c?token=1"}))
    origin.serve("/b/c", Answer(status=307, headers={"Location": origin.url("/d", "localhost")}))
    origin.serve("/d", b"here")

    found = page(fetcher, origin.url("/a"))

    assert (found.url, found.body) == (origin.url("/d", "localhost"), b"here")


def test_redirects_do_not_go_on_for_ever(origin, fetcher):
    origin.serve("/a", Answer(status=302, headers={"Location": "/a"}))

    assert fault_of(fetcher, origin.url("/a")).fault is Fault.REFUSED
    assert len(origin.requests) == 6


def test_a_redirect_to_a_file_is_refused(origin, fetcher):
    origin.serve("/a", Answer(status=302, headers={"Location": "file:///etc/passwd"}))

    assert fault_of(fetcher, origin.url("/a")).fault is Fault.REFUSED


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "gopher://x/", "ftp://x/y", "//x", "", "http://", "http://[::1"]
)
def test_only_http_addresses_are_asked(fetcher, address):
    assert fault_of(fetcher, address).fault is Fault.REFUSED


def test_cookies_and_headers_of_the_play_url_are_sent_and_new_cookies_are_kept(origin):
    play = PlayUrl(origin.url("/a"), headers={"User-Agent": "MAG", "Cookie": "mac=00:1A"}, cookies={"lang": "en"})
    fetcher = Fetcher(play)
    origin.serve("/a", Answer(status=302, headers={"Location": "/b", "Set-Cookie": "session=7; path=/"}))
    origin.serve("/b", b"1")

    page(fetcher, origin.url("/a"))
    fetcher.close()

    _, sent = origin.requests[1]
    assert sent["user-agent"] == "MAG"
    assert {part.strip() for part in sent["cookie"].split(";")} == {"mac=00:1A", "lang=en", "session=7"}


def test_the_authorization_stays_with_its_host(origin):
    fetcher = Fetcher(PlayUrl(origin.url("/a"), headers={"Authorization": "Bearer 1"}))
    origin.serve("/a", Answer(status=302, headers={"Location": origin.url("/b", "localhost")}))
    origin.serve("/b", b"1")

    page(fetcher, origin.url("/a"))
    fetcher.close()

    assert ["authorization" in headers for _, headers in origin.requests] == [True, False]


def test_a_connection_the_server_closed_meanwhile_is_replaced_silently(origin, fetcher):
    origin.serve("/a", b"1")
    page(fetcher, origin.url("/a"))

    origin.break_connections()
    until(lambda: origin.open_connections() == 0)

    assert page(fetcher, origin.url("/a")).body == b"1"


def test_a_connection_that_dies_unanswered_when_reused_is_tried_once_more(origin, fetcher):
    answers = iter([Answer(b"1"), Answer(drop=True), Answer(b"2")])
    origin.serve("/a", lambda target, headers: next(answers))
    page(fetcher, origin.url("/a"))

    assert page(fetcher, origin.url("/a")).body == b"2"


# Ranges -----------------------------------------------------------------------------------------------------------


def test_a_range_is_asked_for_and_the_connection_is_kept(origin, fetcher):
    origin.serve("/a", bytes(range(100)))

    for at in (10, 50):
        body = fetcher.body(origin.url("/a"), "a segment", byte_range=Range(at, 5))
        assert b"".join(body) == bytes(range(at, at + 5))

    assert origin.requests[0][1]["range"] == "bytes=10-14"
    assert origin.opened == 1


def test_a_server_that_ignores_ranges_is_read_past_what_is_not_wanted(origin, fetcher):
    origin.serve("/a", Answer(bytes(range(100)) * 5000, ignores_range=True))

    body = fetcher.body(origin.url("/a"), "a segment", byte_range=Range(200_010, 5))

    assert b"".join(body) == bytes(range(10, 15))


def test_a_server_that_sends_another_range_is_refused(origin, fetcher):
    origin.serve("/a", Answer(b"x" * 10, status=206, headers={"Content-Range": "bytes 90-99/100"}))

    assert fault_of(fetcher, origin.url("/a"), byte_range=Range(10, 10)).fault is Fault.REFUSED


def test_a_range_that_is_cut_short_is_a_broken_connection(origin, fetcher):
    origin.serve("/a", bytes(12))

    assert fault_of(fetcher, origin.url("/a"), byte_range=Range(10, 10)).fault is Fault.RESET


# Faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, Fault.REFUSED),
        (403, Fault.REFUSED),
        (404, Fault.NOT_FOUND),
        (410, Fault.NOT_FOUND),
        (429, Fault.SLOT_BUSY),
        (456, Fault.REFUSED),
        (458, Fault.SLOT_BUSY),
        (500, Fault.REFUSED),
        (504, Fault.TIMED_OUT),
        (302, Fault.REFUSED),
    ],
)
def test_each_refusal_has_its_fault_and_keeps_its_status(origin, fetcher, status, fault):
    origin.serve("/a", Answer(b"<html>", status=status, headers={"Retry-After": "7"}))

    err = fault_of(fetcher, origin.url("/a"))

    assert (err.fault, err.status_code, err.retry_after_s) == (fault, status, 7.0)
    assert str(status) in err.message


def test_a_refused_connection_is_a_refusal(fetcher):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        err = fault_of(fetcher, f"http://127.0.0.1:{port}/a")

    assert (err.fault, err.status_code) == (Fault.REFUSED, None)
    assert "refuses connections" in err.message


def test_a_host_that_does_not_exist_is_named_as_such(fetcher):
    assert "does not exist" in fault_of(fetcher, "http://nobody.invalid/a").message


def slow(target, headers):
    time.sleep(1)
    return Answer(b"late")


def test_a_server_that_does_not_answer_is_timed_out(origin, fetcher):
    origin.serve("/a", slow)

    assert fault_of(fetcher, origin.url("/a")).fault is Fault.TIMED_OUT


def test_a_body_that_stops_is_silent(origin, fetcher):
    origin.serve("/a", Answer(bytes(1000), pause=threading.Event(), pause_after=500))

    assert fault_of(fetcher, origin.url("/a")).fault is Fault.SILENT


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_breaks_off_is_reset(origin, fetcher, chunked):
    origin.serve("/a", Answer(bytes(1000), announced=None if chunked else 5000, chunked=chunked, close=True))
    if chunked:
        origin.serve("/a", Answer(bytes(90_000), chunked=True, pause=threading.Event(), pause_after=500))
        threading.Timer(0.1, origin.break_connections).start()

    assert fault_of(fetcher, origin.url("/a")).fault is Fault.RESET


def test_a_connection_dropped_without_an_answer_is_reset(origin, fetcher):
    origin.serve("/a", Answer(drop=True))

    assert fault_of(fetcher, origin.url("/a")).fault is Fault.RESET


def test_a_body_that_drips_is_starved(origin):
    class Clock:
        now = 0.0

        def __call__(self):
            self.now += 1.0
            return self.now

    fetcher = Fetcher(PlayUrl(origin.url("/a")), clock=Clock())
    origin.serve("/a", bytes(5_000_000))

    assert fault_of(fetcher, origin.url("/a"), total_s=5).fault is Fault.STARVED
    fetcher.close()


def test_a_chunked_body_arrives_whole(origin, fetcher):
    origin.serve("/a", Answer(bytes(range(256)) * 1000, chunked=True))

    assert b"".join(fetcher.body(origin.url("/a"), "a segment")) == bytes(range(256)) * 1000


def test_a_packed_playlist_is_unpacked(origin, fetcher):
    origin.serve("/a", Answer(gzip.compress(b"#EXTM3U"), headers={"Content-Encoding": "gzip"}))

    assert page(fetcher, origin.url("/a")).body == b"#EXTM3U"


def test_a_packed_bomb_ends_at_the_limit(origin, fetcher):
    origin.serve("/a", Answer(gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"}))

    with pytest.raises(UpstreamError, match="too much"):
        page(fetcher, origin.url("/a"))


def test_damaged_packing_is_a_broken_answer(origin, fetcher):
    origin.serve("/a", Answer(b"not gzip at all", headers={"Content-Encoding": "gzip"}))

    assert fault_of(fetcher, origin.url("/a")).fault is Fault.RESET


def test_television_in_place_of_a_playlist_is_noticed_at_once(origin, fetcher):
    origin.serve("/a", Answer((b"\x47" + bytes(187)) * 400, pause=threading.Event(), pause_after=188 * 10))

    with pytest.raises(UpstreamError) as caught:
        page(fetcher, origin.url("/a"))

    assert caught.value.fault is Fault.NOT_TS


def test_a_proxy_that_is_not_there_is_named(origin):
    fetcher = Fetcher(PlayUrl(origin.url("/a"), proxy_url="http://127.0.0.1:1"))

    assert "proxy" in fault_of(fetcher, origin.url("/a")).message
    fetcher.close()


def test_requests_through_a_proxy_use_one_connection_too(origin):
    fetcher = Fetcher(PlayUrl("http://tv.example/a", proxy_url=origin.url("")))
    origin.serve("http://tv.example/a", b"1")
    origin.serve("http://other.example/a", b"2")

    assert page(fetcher, "http://tv.example/a").body == b"1"
    assert page(fetcher, "http://other.example/a").body == b"2"
    fetcher.close()

    assert origin.opened == 1


@pytest.fixture
def tls(tmp_path):
    """A server's context with a certificate nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
    cert = builder.sign(key, hashes.SHA256())
    (tmp_path / "pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + cert.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    return context


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_certificate_nobody_signed_is_accepted_only_when_the_owner_says_so(tls):
    with HlsOrigin(tls=tls) as origin:
        origin.serve("/a", b"1")
        strict = Fetcher(PlayUrl(origin.url("/a")))
        lenient = Fetcher(PlayUrl(origin.url("/a"), verify_tls=False))

        assert "certificate" in fault_of(strict, origin.url("/a")).message
        strict.close()
        assert page(lenient, origin.url("/a")).body == b"1"
        lenient.close()

        until(lambda: origin.open_connections() == 0)


class Socks:
    """A SOCKS5 proxy that sends everybody to one port of this machine, whatever host they name."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"socks5h://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        client.recv(2 + client.recv(2)[1] - 2)
        client.sendall(b"\x05\x00")
        length = client.recv(5)[4]
        self.asked.append(client.recv(length + 2)[:-2].decode())
        client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        there = socket.create_connection(("127.0.0.1", self.port))
        back = threading.Thread(target=self.copy, args=(there, client), daemon=True)
        back.start()
        self.copy(client, there)
        back.join(2)
        client.close()
        there.close()

    @staticmethod
    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def test_a_socks_proxy_is_used_and_ended_like_any_connection(origin):
    socks = Socks(origin.port)
    fetcher = Fetcher(PlayUrl("http://tv.example/a", proxy_url=socks.url))
    origin.serve("/a", b"1")

    assert page(fetcher, "http://tv.example/a").body == b"1"
    assert page(fetcher, "http://other.example/a").body == b"1"
    fetcher.close()

    assert socks.asked == ["tv.example", "other.example"]
    until(lambda: origin.open_connections() == 0)
    # Ours was closed before the next was opened; the proxy's own to the origin ends a moment later.
    origin.violations.clear()
    socks.server.close()


# Closing ----------------------------------------------------------------------------------------------------------


def test_close_wakes_a_reader_that_waits(origin, fetcher):
    origin.serve("/a", Answer(bytes(1000), pause=threading.Event(), pause_after=500))
    patient = Fetcher(PlayUrl(origin.url("/a")), silence_s=30)
    ended = []
    reader = threading.Thread(target=lambda: ended.append(fault_of(patient, origin.url("/a"))))
    reader.start()
    origin.wait_for("/a")

    patient.close()
    reader.join(5)

    assert ended[0].fault is Fault.ENDED
    assert origin.open_connections() == 0


def test_close_wakes_one_who_waits_for_an_answer(origin):
    gate = threading.Event()
    origin.serve("/a", lambda target, headers: Answer(str(gate.wait(10)).encode()))
    patient = Fetcher(PlayUrl(origin.url("/a")), silence_s=30)
    ended = []
    reader = threading.Thread(target=lambda: ended.append(fault_of(patient, origin.url("/a"))))
    reader.start()
    origin.wait_for("/a")

    patient.close()
    reader.join(5)
    gate.set()

    assert ended[0].fault is Fault.ENDED


def test_after_close_no_connection_is_made(origin, fetcher):
    fetcher.close()
    fetcher.close()

    assert fault_of(fetcher, origin.url("/a")).fault is Fault.ENDED
    assert origin.opened == 0
