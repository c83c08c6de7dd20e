"""A provider on the internet leads no stream into the house, by whatever it names."""

from __future__ import annotations

import pytest

from portals.providers.records import PlayUrl
from restreamer.lib.fence import Fence, networks_of
from streaming.faults import Fault, UpstreamError
from streaming.hls.fetch import Fetcher
from streaming.sources.ffmpeg import input_of
from streaming.sources.http import HttpSource
from tests.fakes.portal_wire import Reply
from tests.fakes.web import FakeWeb

OPENED = Fence(networks=networks_of(["127.0.0.0/8"]))


@pytest.fixture
def web():
    with FakeWeb() as server:
        server.routes["/go"] = Reply(status=302, headers={"Location": f"http://127.0.0.2:{server.port}/key"})
        server.routes["/key"] = Reply(b"0123456789abcdef")
        yield server


def refused(act) -> None:
    with pytest.raises(UpstreamError, match="private network") as caught:
        act()
    assert caught.value.fault is Fault.REFUSED


def test_a_stream_is_not_opened_in_the_house_nor_followed_there(web):
    refused(HttpSource(PlayUrl(f"{web.origin}/key", fence=Fence())).open)
    assert web.requests == []
    refused(HttpSource(PlayUrl(f"{web.origin}/go", fence=Fence(frozenset({"127.0.0.1"})))).open)
    assert [one.path for one in web.requests] == ["/go"]


def test_keys_and_segments_are_not_fetched_in_the_house(web):
    fetcher = Fetcher(PlayUrl("http://portal.example/list.m3u8", fence=Fence()))
    refused(lambda: fetcher.page(f"{web.origin}/key", "the key", max_bytes=100))
    fetcher.close()
    assert web.requests == []


def test_ffmpeg_is_not_sent_there_either():
    refused(lambda: input_of(PlayUrl("rtsp://192.168.1.1/cam", fence=Fence())))


def test_an_opened_network_may_be_played_from(web):
    fetcher = Fetcher(PlayUrl(f"{web.origin}/list.m3u8", fence=OPENED))
    assert fetcher.page(f"{web.origin}/key", "the key", max_bytes=100).body == b"0123456789abcdef"
    fetcher.close()


def test_through_a_proxy_what_is_written_is_judged():
    play = PlayUrl("http://192.168.1.1/x", proxy_url="http://127.0.0.1:9", fence=Fence())
    refused(HttpSource(play).open)
