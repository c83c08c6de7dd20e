"""Television at a playlist's address and a playlist at television's: both play, over one connection at a time."""

from __future__ import annotations

import pytest

from portals.providers.records import PlayUrl
from streaming.faults import Fault, UpstreamError
from streaming.sources.base import quiet_s
from streaming.sources.choose import looks_like_playlist, source_for
from streaming.sources.ffmpeg import FfmpegSource
from streaming.sources.http import HttpSource
from tests.fakes.hls_origin import Answer, HlsOrigin, playlist
from tests.streaming.hls.material import television

pytestmark = pytest.mark.ffmpeg

TV = television().segments[:4]
WHOLE = b"".join(TV)


@pytest.fixture
def origin():
    with HlsOrigin() as origin:
        for n, segment in enumerate(TV):
            origin.serve(f"/{n}.ts", segment)
        yield origin
        assert origin.violations == []
        assert origin.open_connections() == 0


LIST = playlist([f"{n}.ts" for n in range(4)], ended=True)


def played(play: PlayUrl) -> bytes:
    source = source_for(play)
    source.open()
    data = source.head
    try:
        while True:
            data += source.read()
    except UpstreamError:
        return data
    finally:
        source.close()


@pytest.mark.parametrize("path", ["/live.m3u8", "/live.ts", "/live"])
def test_a_playlist_is_played_whatever_its_address_looks_like(origin, path):
    origin.serve(path, LIST)

    assert played(PlayUrl(origin.url(path))) == WHOLE


@pytest.mark.parametrize("path", ["/live.m3u8", "/live.ts", "/live"])
def test_television_is_played_whatever_its_address_looks_like(origin, path):
    origin.serve(path, Answer(WHOLE, close=True))

    assert played(PlayUrl(origin.url(path))) == WHOLE


def test_a_playlist_found_behind_a_redirect_is_asked_for_where_it_was_found(origin):
    origin.serve("/play", Answer(status=302, headers={"Location": "/edge/live?token=1"}))
    origin.serve(
        "/edge/live", LIST.replace("0.ts", "/0.ts").replace("\n1", "\n/1").replace("\n2", "\n/2").replace("\n3", "\n/3")
    )

    assert played(PlayUrl(origin.url("/play"))) == WHOLE
    assert origin.paths().count("/play") == 1


def test_what_is_neither_is_no_television(origin):
    origin.serve("/live.m3u8", b"<html>login</html>")

    with pytest.raises(UpstreamError) as caught:
        source_for(PlayUrl(origin.url("/live.m3u8"))).open()

    assert caught.value.fault is Fault.NOT_TS


def test_a_closed_source_opens_nothing(origin):
    source = source_for(PlayUrl(origin.url("/live.ts")))
    source.close()

    with pytest.raises(UpstreamError):
        source.open()

    assert origin.opened == 0


def test_only_hls_may_be_quiet_for_long(origin):
    origin.serve("/live.m3u8", playlist([(f"{n}.ts", 10) for n in range(4)], target=10))
    source = source_for(PlayUrl(origin.url("/live.m3u8")))
    source.open()

    assert quiet_s(source) == 40
    assert quiet_s(HttpSource(PlayUrl(origin.url("/live.ts")))) == 0
    source.close()


def test_what_the_provider_says_about_the_form_wins_over_the_address():
    assert looks_like_playlist(PlayUrl("http://h/1.ts", form="hls"))
    assert not looks_like_playlist(PlayUrl("http://h/1.m3u8", form="ts"))
    assert not looks_like_playlist(PlayUrl("http://[::1/1.m3u8"))


@pytest.mark.parametrize("scheme", ["udp", "rtp", "rtsp", "rtmp", "srt"])
def test_what_is_no_http_is_read_by_ffmpeg(scheme: str) -> None:
    assert isinstance(source_for(PlayUrl(f"{scheme}://127.0.0.1:9/x")), FfmpegSource)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "concat:/etc/passwd", "pipe:0", "data:video/mp2t,x", "nothing"])
def test_an_address_that_reaches_into_this_machine_is_refused(url: str) -> None:
    with pytest.raises(UpstreamError) as refused:
        source_for(PlayUrl(url)).open()
    assert refused.value.fault is Fault.REFUSED
