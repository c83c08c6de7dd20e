"""A provider on the internet leads no stream into the house, by whatever it names."""

from __future__ import annotations

import contextlib
import socket

import pytest

from portals.providers.records import PlayUrl
from restreamer.lib.fence import Fence, networks_of
from streaming.faults import Fault, UpstreamError
from streaming.hls.fetch import Fetcher
from streaming.passthrough.upstream import RangedSource
from streaming.sources.ffmpeg import input_of
from streaming.sources.http import HttpSource
from tests.fakes.names import Names
from tests.fakes.portal_wire import Reply
from tests.fakes.web import FakeWeb

OPENED = Fence(networks_of(["127.0.0.0/8"]))
#: The provider's own server, as far as these tests have one.
ONE = Fence(networks_of(["127.0.0.1"]))
PACKETS = (b"\x47" + b"\0" * 187) * 50


@pytest.fixture
def web():
    with FakeWeb() as server:
        server.routes["/go"] = Reply(status=302, headers={"Location": f"http://127.0.0.2:{server.port}/key"})
        server.routes["/key"] = Reply(b"0123456789abcdef")
        server.routes["/live.ts"] = Reply(PACKETS, content_type="video/mp2t")
        yield server


@pytest.fixture
def names(monkeypatch):
    return Names(monkeypatch)


@pytest.fixture
def house():
    """A service at 127.0.0.2 that must never meet anybody."""
    with socket.create_server(("127.0.0.2", 0)) as listener:
        yield listener.getsockname()[1]
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def refused(act) -> None:
    with pytest.raises(UpstreamError, match="private network") as caught:
        act()
    assert caught.value.fault is Fault.REFUSED


def as_stream(play):
    with contextlib.closing(HttpSource(play)) as source:
        source.open()
        return source.head


def as_file(play):
    with contextlib.closing(RangedSource(play, "bytes=0-")) as source:
        source.open()
        return source.head


def as_piece(play):
    with contextlib.closing(Fetcher(play)) as fetcher:
        return b"".join(fetcher.body(play.url, "a segment"))


WAYS = pytest.mark.parametrize("fetch", [as_stream, as_file, as_piece])


@WAYS
def test_a_stream_is_not_opened_in_the_house_nor_followed_there(web, fetch):
    refused(lambda: fetch(PlayUrl(f"{web.origin}/key", fence=Fence())))
    assert web.requests == []
    refused(lambda: fetch(PlayUrl(f"{web.origin}/go", fence=ONE)))
    assert [one.path for one in web.requests] == ["/go"]


@WAYS
def test_a_name_is_looked_up_once_and_just_that_is_connected_to(web, names, fetch):
    names.says["rebinding.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    assert fetch(PlayUrl(f"http://rebinding.example:{web.port}/live.ts", fence=ONE))
    assert names.asked == ["rebinding.example"]
    assert web.requests[0].headers["Host"] == f"rebinding.example:{web.port}"


@WAYS
def test_a_name_that_turns_private_leads_nowhere(names, house, fetch):
    names.says["rebinding.example"] = [["127.0.0.2"]]
    refused(lambda: fetch(PlayUrl(f"http://rebinding.example:{house}/live.ts", fence=ONE)))
    names.says["two-faced.example"] = [["127.0.0.1", "127.0.0.2"]]
    refused(lambda: fetch(PlayUrl(f"http://two-faced.example:{house}/live.ts", fence=ONE)))


@WAYS
def test_a_redirect_is_judged_by_what_its_name_means_then(web, names, house, fetch):
    web.routes["/there"] = Reply(status=302, headers={"Location": f"http://rebinding.example:{house}/x"})
    names.says["rebinding.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    names.says["first.example"] = [["127.0.0.1"]]
    socket.getaddrinfo("rebinding.example", 80)
    refused(lambda: fetch(PlayUrl(f"http://first.example:{web.port}/there", fence=ONE)))


def test_each_connection_of_a_list_is_judged_anew(web, names):
    names.says["rebinding.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    with contextlib.closing(Fetcher(PlayUrl(f"http://rebinding.example:{web.port}/key", fence=ONE))) as fetcher:
        where = f"http://rebinding.example:{web.port}/key"
        assert fetcher.page(where, "the key", max_bytes=100).body == b"0123456789abcdef"
        fetcher.hang_up()
        refused(lambda: fetcher.page(where, "the key", max_bytes=100))
    assert len(web.requests) == 1


def test_an_opened_network_may_be_played_from(web):
    assert as_piece(PlayUrl(f"{web.origin}/key", fence=OPENED)) == b"0123456789abcdef"


@WAYS
@pytest.mark.parametrize("host", ["192.168.1.1", "0xc0.168.257", "3232235777", "[::ffff:192.168.1.1]", "nas.lan"])
def test_through_a_proxy_what_is_written_is_judged(fetch, host):
    refused(lambda: fetch(PlayUrl(f"http://{host}/x", proxy_url="http://127.0.0.1:9", fence=Fence())))


# --- what ffmpeg opens itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["rtsp://192.168.1.1/cam", "udp://@239.0.0.1:1234", "srt://127.1:9000", "rtmp://[::1]/live/x", "http://10.0.0.1/",
     "rtsp://0300.0250.1.1/cam", "rtsps://nas.lan/x"],
)  # fmt: skip
def test_ffmpeg_is_not_sent_there_either(url):
    with pytest.raises(UpstreamError):
        input_of(PlayUrl(url, fence=Fence()))


def test_ffmpeg_is_handed_the_address_that_was_judged(names):
    names.says["cam.example"] = [["1.1.1.1", "2606:4700::1"]]
    names.says["six.example"] = [["2606:4700::1"]]
    given = {
        "rtsp://me:secret@cam.example:8554/a?b=c": "rtsp://me:secret@1.1.1.1:8554/a?b=c",
        "srt://six.example:9000?mode=caller": "srt://[2606:4700::1]:9000?mode=caller",
        # These servers are told the name, or have it in their certificate.
        "https://cam.example/a": "https://cam.example/a",
        "rtsps://cam.example/a": "rtsps://cam.example/a",
    }
    for url, handed in given.items():
        assert input_of(PlayUrl(url, fence=Fence())).url == handed
        assert input_of(PlayUrl(url)).url == url
    names.says["cam.example"] = [["192.168.1.1"]]
    refused(lambda: input_of(PlayUrl("rtsp://cam.example/a", fence=Fence())))


def test_what_ffmpeg_cannot_be_handed_is_refused():
    for url in ("rtsp://no-such-host.invalid/a", "rtsp://[bad/a", "rtsp:///a"):
        with pytest.raises(UpstreamError):
            input_of(PlayUrl(url, fence=Fence()))
