"""What a portal's page says of headers, proxy and certificates holds for every way a stream is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from portals.models import PortalKind
from portals.providers.records import PlayUrl
from portals.providers.registry import provider_for
from restreamer import binaries
from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.profiles import REMUX, Kind, Profile
from streaming.sources.base import Source
from streaming.sources.choose import source_for, through_ffmpeg
from streaming.sources.ffmpeg import FfmpegSource
from tests.factories import PortalFactory, StreamFactory, SubscriptionFactory
from tests.fakes.hls_origin import Answer, HlsOrigin, playlist
from tests.fakes.leftovers import none_expected
from tests.fakes.proxy import Proxy
from tests.fakes.upstream import self_signed
from tests.streaming.hls import material

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]

WISHES = {"user-agent": "Box/7.3 (strict)", "referer": "http://portal.invalid/c/", "origin": "http://portal.invalid"}

#: How each kind of source reads, and at which address.
WAYS: dict[str, tuple[str, Callable[[PlayUrl], Source]]] = {
    "http": ("tv.ts", source_for),
    "hls": ("live.m3u8", source_for),
    "hls that ffmpeg repacks": ("fragmented.m3u8", source_for),
    "ffmpeg that we feed": ("tv.ts", lambda play: through_ffmpeg(play, REMUX, source_for)),
    "ffmpeg that opens the address": ("tv.ts", lambda play: FfmpegSource(REMUX, play, binary=binaries.ffmpeg())),
}
#: An own command carries what its placeholders say.
COMMAND = Profile(
    "own",
    Kind.CUSTOM,
    template="ffmpeg -v error -user_agent <user_agent> -http_proxy <proxy> -i <url> -c copy -f mpegts pipe:1",
)


class Strict(HlsOrigin):
    """Answers nobody who does not send exactly what the portal wishes."""

    def __init__(self, wishes: dict[str, str], **kwargs) -> None:
        super().__init__(limit=2, **kwargs)
        self._wishes = wishes
        self.turned_away: list[str] = []
        tv, mp4 = material.television(), material.fragmented()
        for n, (plain, packed) in enumerate(zip(tv.segments, mp4.segments, strict=False)):
            self.serve(f"/{n}.ts", plain)
            self.serve(f"/{n}.m4s", packed)
        self.serve("/init", mp4.beginning)
        self.serve("/tv.ts", b"".join(tv.segments))
        self.serve("/live.m3u8", playlist([f"{n}.ts" for n in range(6)], ended=True))
        mapped = ('#EXT-X-MAP:URI="init"',)
        self.serve("/fragmented.m3u8", playlist([f"{n}.m4s" for n in range(6)], ended=True, head=mapped))

    def _answer(self, target: str, headers: dict[str, str]) -> Answer:
        wrong = {name: headers.get(name) for name, value in self._wishes.items() if headers.get(name) != value}
        if wrong:
            self.turned_away.append(f"{target}: {wrong}")
            return Answer(b"who are you", status=403)
        return super()._answer(target, headers)


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    with none_expected():
        yield


def play_url(url: str, **portal) -> PlayUrl:
    """What the portal's provider hands to whoever plays this address."""
    row = PortalFactory(kind=PortalKind.M3U, address="http://127.0.0.1:9/list.m3u", **portal)
    stream = StreamFactory(portal=row, cmd=url)
    subscription = SubscriptionFactory(portal=row, mac="")
    return provider_for(row).play_url(subscription, stream.provider_id, stream.cmd, stream.provider_data)


def some(source: Source) -> bytes:
    """The beginning of a stream."""
    try:
        source.open()
        data = source.head
        while len(data) < 60_000:
            data += source.read()
        return data
    finally:
        source.close()


@pytest.mark.parametrize("way", WAYS)
def test_every_request_carries_the_portal_s_headers(way: str) -> None:
    path, source = WAYS[way]
    with Strict(WISHES) as origin:
        wishes = {"user_agent": WISHES["user-agent"], "referer": WISHES["referer"], "origin": WISHES["origin"]}
        assert some(source(play_url(origin.url(f"/{path}"), **wishes)))[:1] == b"\x47"
        assert origin.turned_away == []


@pytest.mark.parametrize("way", WAYS)
def test_the_portal_s_proxy_is_the_only_way(way: str) -> None:
    path, source = WAYS[way]
    with Strict({}) as origin, Proxy(origin.port) as proxy:
        assert some(source(play_url(f"http://tv.invalid/{path}", proxy_url=proxy.url)))[:1] == b"\x47"
        assert proxy.asked[0].replace(":80/", "/") == f"GET http://tv.invalid/{path} HTTP/1.1"


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_certificate_is_accepted_only_where_the_portal_says_so(way: str) -> None:
    path, source = WAYS[way]
    with Strict({}, tls=self_signed()) as origin:
        with pytest.raises(UpstreamError) as refused:
            some(source(play_url(origin.url(f"/{path}"))))
        assert refused.value.fault is Fault.REFUSED
        assert "TLS" in refused.value.message
        assert origin.requests == []
        assert some(source(play_url(origin.url(f"/{path}"), verify_tls=False)))[:1] == b"\x47"


def test_a_command_of_one_s_own_gets_agent_and_proxy() -> None:
    with Strict({"user-agent": WISHES["user-agent"]}) as origin, Proxy(origin.port) as proxy:
        play = play_url("http://tv.invalid/tv.ts", user_agent=WISHES["user-agent"], proxy_url=proxy.url)
        assert some(through_ffmpeg(play, COMMAND, source_for))[:1] == b"\x47"
        assert origin.turned_away == []
        assert proxy.asked
