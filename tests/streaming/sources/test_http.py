"""Opening, judging, reading and closing a transport stream over HTTP."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from portals.providers.records import PlayUrl
from streaming.faults import Fault, UpstreamError
from streaming.relay.feeds import DirectFeed, feed_for
from streaming.sources.firstbytes import PlaylistAnswer
from streaming.sources.http import HttpSource, Patience
from tests.fakes.upstream import Script, TsOrigin, self_signed

PATIENCE = Patience(connect_s=1, answer_s=0.6, open_s=1.5, silence_s=0.5)


@pytest.fixture
def opened(origin: TsOrigin) -> Iterator[list[HttpSource]]:
    sources: list[HttpSource] = []
    yield sources
    for source in sources:
        source.close()


def failure(origin: TsOrigin, *steps: Script, **play: Any) -> UpstreamError:
    origin.script("one", *steps)
    source = HttpSource(PlayUrl(origin.url(), **play), PATIENCE)
    with pytest.raises(UpstreamError) as caught:
        source.open()
    assert origin.wait_open(0)
    return caught.value


def read_direct(source: HttpSource, size: int) -> bytes:
    sock = source.direct_socket()
    assert sock is not None
    got = source.head
    while len(got) < size:
        got += sock.recv(65536)
    return got[:size]


def read_to_the_end(source: HttpSource) -> tuple[bytes, UpstreamError]:
    got = source.head
    while True:
        try:
            got += source.read()
        except UpstreamError as err:
            return got, err


def test_the_loop_gets_every_byte_from_the_first(origin: TsOrigin, opened: list[HttpSource]) -> None:
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    opened.append(source)
    source.open()
    assert read_direct(source, 200_000) == origin.default.read(0, 200_000)


@pytest.mark.parametrize("burst_s", [0.0, 0.05, 0.13, 2.0, 7.0])
def test_the_hand_over_is_exact_wherever_the_libraries_stopped_reading(
    origin: TsOrigin, opened: list[HttpSource], burst_s: float
) -> None:
    origin.script("one", Script(burst_s=burst_s, start_at=77, before_body_s=0.05))
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    opened.append(source)
    source.open()
    size = int(burst_s * 50_000) + 30_000
    assert read_direct(source, size) == origin.default.read(77, size)


@pytest.mark.parametrize("script", [Script(chunked=True), Script(content_length=10**9)])
@pytest.mark.parametrize("burst_s", [0.5, 3.0])
def test_a_framed_answer_is_read_without_loss(
    origin: TsOrigin, opened: list[HttpSource], script: Script, burst_s: float
) -> None:
    origin.script("one", replace(script, burst_s=burst_s))
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    opened.append(source)
    source.open()
    got = source.head
    while len(got) < 300_000:
        got += source.read()
    assert got == origin.default.read(0, len(got))


@pytest.mark.parametrize("script", [Script(chunked=True), Script(content_length=10**9)])
def test_a_framed_answer_is_handed_to_the_loop_with_its_framing(
    origin: TsOrigin, opened: list[HttpSource], script: Script
) -> None:
    origin.script("one", replace(script, burst_s=2))
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    opened.append(source)
    source.open()
    sock = source.direct_socket()
    assert sock is not None
    assert source.framing is not None
    got = source.head
    while len(got) < 200_000:
        got += b"".join(source.framing.pieces(sock.recv(7777)))
    assert got == origin.default.read(0, len(got))


# A chunked body says itself where it ends: one that just stops was cut.
@pytest.mark.parametrize(("chunked", "fault"), [(False, Fault.ENDED), (True, Fault.RESET)])
def test_tls_is_read_by_the_loop_record_by_record(nothing_left: None, chunked: bool, fault: Fault) -> None:
    origin = TsOrigin(tls=self_signed(), pace=20)
    origin.script("one", Script(chunked=chunked, end_after=1_000_000))
    source = HttpSource(PlayUrl(origin.url(), verify_tls=False), PATIENCE)
    source.open()
    feed = feed_for(source, memoryview(bytearray(100_000)))
    assert isinstance(feed, DirectFeed)
    got, ended_by = b"", None
    while ended_by is None:
        time.sleep(0.002)
        try:
            got += feed.pump()
        except UpstreamError as err:
            ended_by = err.fault
    feed.stop()
    source.close()
    assert origin.wait_open(0)
    origin.close()
    assert ended_by is fault
    assert len(got) > 999_000
    assert got == origin.default.read(0, len(got))


def test_a_certificate_nobody_trusts_is_named(nothing_left: None) -> None:
    origin = TsOrigin(tls=self_signed())
    with pytest.raises(UpstreamError, match="TLS certificate"):
        HttpSource(PlayUrl(origin.url()), PATIENCE).open()
    origin.close()


def test_a_compressed_answer_is_unpacked(origin: TsOrigin, opened: list[HttpSource]) -> None:
    packed = gzip.compress(origin.default.read(0, 400_000))
    origin.script("one", Script(body=packed, headers=(("Content-Encoding", "gzip"),)))
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    opened.append(source)
    source.open()
    assert source.direct_socket() is None
    got, _ = read_to_the_end(source)
    assert got == origin.default.read(0, 400_000)


def test_packets_of_192_and_204_bytes_are_television(origin: TsOrigin, opened: list[HttpSource]) -> None:
    origin.script("one", Script(packet_prefix=b"abcd"), Script(packet_suffix=b"p" * 16))
    for _ in range(2):
        source = HttpSource(PlayUrl(origin.url()), PATIENCE)
        opened.append(source)
        source.open()


def test_headers_and_cookies_are_sent(origin: TsOrigin, opened: list[HttpSource]) -> None:
    play = PlayUrl(origin.url(), headers={"User-Agent": "MAG254", "X-Odd": "1"}, cookies={"mac": "00:1A:79:00:00:01"})
    source = HttpSource(play, PATIENCE)
    opened.append(source)
    source.open()
    _, headers = origin.requests[-1]
    assert headers["user-agent"] == "MAG254"
    assert headers["x-odd"] == "1"
    assert headers["cookie"] == "mac=00:1A:79:00:00:01"
    assert headers["accept-encoding"] == "identity"


def test_redirects_keep_agent_and_cookies_but_not_authorization(origin: TsOrigin, opened: list[HttpSource]) -> None:
    other_host = origin.url("two").replace("127.0.0.1", "localhost")
    origin.script("one", Script(redirect_to="/live/there.ts"))
    origin.script("there", Script(redirect_to=other_host, headers=(("Set-Cookie", "cdn=7"),)))
    play = PlayUrl(origin.url(), headers={"User-Agent": "MAG", "Authorization": "Bearer s"}, cookies={"mac": "m"})
    source = HttpSource(play, PATIENCE)
    opened.append(source)
    source.open()
    (_, first), (_, second), (_, third) = origin.requests
    assert first["authorization"] == second["authorization"] == "Bearer s"
    assert "authorization" not in third
    assert third["user-agent"] == "MAG"
    assert "mac=m" in third["cookie"]
    assert origin.open() == 1


def test_endless_redirects_end(origin: TsOrigin) -> None:
    origin.always("one", Script(redirect_to=origin.url()))
    error = failure(origin)
    assert error.fault is Fault.REFUSED
    assert "redirected" in error.message
    assert origin.opened["one"] == 6


def test_a_redirect_to_a_file_is_refused(origin: TsOrigin) -> None:
    assert failure(origin, Script(redirect_to="file:///etc/passwd")).fault is Fault.PORTAL


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, Fault.REFUSED),
        (403, Fault.REFUSED),
        (404, Fault.NOT_FOUND),
        (429, Fault.SLOT_BUSY),
        (456, Fault.REFUSED),
        (458, Fault.SLOT_BUSY),
        (500, Fault.REFUSED),
        (503, Fault.REFUSED),
        (302, Fault.REFUSED),
        (204, Fault.REFUSED),
    ],
)
def test_a_status_becomes_a_fault(origin: TsOrigin, status: int, fault: Fault) -> None:
    error = failure(origin, Script(status=status, body=b"no"))
    assert (error.fault, error.status_code) == (fault, status)


def test_retry_after_is_kept(origin: TsOrigin) -> None:
    assert failure(origin, Script(status=429, headers=(("Retry-After", "7"),))).retry_after_s == 7


@pytest.mark.parametrize(
    ("body", "fault", "sentence"),
    [
        (b"<!DOCTYPE html><html>No</html>", Fault.NOT_TS, "web page"),
        (b'{"error":"no"}', Fault.NOT_TS, "JSON"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), Fault.NOT_TS, "picture"),
        (b"\xff\xd8\xff\xe0" + bytes(5000), Fault.NOT_TS, "picture"),
        (bytes(200_000), Fault.NOT_TS, "no transport stream"),
        (b"", Fault.ENDED, "without sending anything"),
        (b"\x47" + bytes(187), Fault.NOT_TS, "no transport stream"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_what_came_instead_is_named(origin: TsOrigin, body: bytes, fault: Fault, sentence: str, chunked: bool) -> None:
    error = failure(origin, Script(body=body, chunked=chunked))
    assert error.fault is fault
    assert sentence in error.message


def test_a_playlist_says_where_it_is(origin: TsOrigin) -> None:
    origin.script("one", Script(redirect_to=origin.url("list")))
    origin.script("list", Script(body=b"#EXTM3U\n#EXT-X-VERSION:3\n"))
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    with pytest.raises(PlaylistAnswer) as caught:
        source.open()
    assert caught.value.final_url == origin.url("list")


def test_nobody_listening_is_a_refusal() -> None:
    with pytest.raises(UpstreamError) as caught:
        HttpSource(PlayUrl("http://127.0.0.1:1/x"), PATIENCE).open()
    assert caught.value.fault is Fault.REFUSED
    assert "could not be reached" in caught.value.message


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://host/x", "http://[::1", "http://", "http://a b/", "//x"])
def test_an_unusable_address_is_the_portals_fault(url: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        HttpSource(PlayUrl(url), PATIENCE).open()
    assert caught.value.fault is Fault.PORTAL


def test_a_header_that_cannot_be_sent_is_the_portals_fault(origin: TsOrigin) -> None:
    assert failure(origin, headers={"X": "a\r\nInjected: 1"}).fault is Fault.PORTAL


def test_silence_before_the_head_times_out(origin: TsOrigin) -> None:
    assert failure(origin, Script(before_head_s=5)).fault is Fault.TIMED_OUT


def test_silence_before_the_body_times_out(origin: TsOrigin) -> None:
    assert failure(origin, Script(before_body_s=5)).fault is Fault.TIMED_OUT


def test_a_dribbling_head_cannot_hold_us(origin: TsOrigin) -> None:
    began = time.monotonic()
    assert failure(origin, Script(slow_head_s=0.2)).fault is Fault.TIMED_OUT
    assert time.monotonic() - began < 3


def test_a_proxy_that_is_not_there_is_named(origin: TsOrigin) -> None:
    error = failure(origin, proxy_url="http://127.0.0.1:1")
    assert "proxy" in error.message


def test_the_end_is_a_fault(origin: TsOrigin, opened: list[HttpSource]) -> None:
    origin.script("one", Script(chunked=True, end_after=50_000, burst_s=2))
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    opened.append(source)
    source.open()
    got, error = read_to_the_end(source)
    assert error.fault is Fault.ENDED
    assert got == origin.default.read(0, 50_000)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (Script(chunked=True, reset_after=60_000), Fault.RESET),
        (Script(chunked=True, silent_after=60_000), Fault.SILENT),
        (Script(content_length=10**6, end_after=60_000), Fault.RESET),
    ],
)
def test_how_a_framed_stream_broke_is_told_apart(
    origin: TsOrigin, opened: list[HttpSource], script: Script, fault: Fault
) -> None:
    origin.script("one", script)
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    opened.append(source)
    source.open()
    assert read_to_the_end(source)[1].fault is fault


def test_close_wakes_a_blocked_reader(origin: TsOrigin) -> None:
    origin.script("one", Script(chunked=True, silent_after=20_000))
    source = HttpSource(PlayUrl(origin.url()), Patience(silence_s=30))
    source.open()
    errors: list[UpstreamError] = []

    def read() -> None:
        try:
            while True:
                source.read()
        except UpstreamError as err:
            errors.append(err)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    source.close()
    thread.join(2)
    assert errors
    assert time.monotonic() - began < 0.5
    assert origin.open() == 0


def test_close_wakes_an_opening_that_waits_for_the_head(origin: TsOrigin) -> None:
    origin.script("one", Script(before_head_s=20))
    source = HttpSource(PlayUrl(origin.url()), Patience(answer_s=30, open_s=30))
    caught: list[UpstreamError] = []

    def opening() -> None:
        try:
            source.open()
        except UpstreamError as err:
            caught.append(err)

    thread = threading.Thread(target=opening)
    thread.start()
    assert origin.wait_open(1)
    source.close()
    thread.join(2)
    assert caught
    assert origin.open() == 0


def test_closing_twice_or_before_opening_is_harmless(origin: TsOrigin) -> None:
    source = HttpSource(PlayUrl(origin.url()), PATIENCE)
    source.close()
    source.close()
    with pytest.raises(UpstreamError):
        source.open()
    assert origin.open() == 0


def test_after_close_the_provider_counts_no_connection(origin: TsOrigin) -> None:
    origin.limits["m"] = 1
    for _ in range(20):
        source = HttpSource(PlayUrl(origin.url(key="m")), PATIENCE)
        source.open()
        source.close()
    assert origin.opened["m"] == 20
