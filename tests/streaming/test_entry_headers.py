"""Headers a playlist asks for, from its line to the origin: one that refuses whoever comes without them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from redis import Redis

from channels.models import Channel, Stream
from portals import refreshing, runs
from portals.models import PortalKind, RunKind
from streaming.candidates import channel_key
from streaming.errors import NothingToPlay
from streaming.limits import Limits, Wish
from streaming.opening import PortalOpener
from streaming.relay.seams import FaultHistory, Opened, Ticket
from streaming.sources.choose import source_for
from tests.factories import PortalFactory, SubscriptionFactory
from tests.fakes import material
from tests.fakes.hls_origin import Answer, HlsOrigin
from tests.fakes.portal_wire import Reply
from tests.fakes.web import FakeWeb

pytestmark = pytest.mark.django_db(transaction=True)

WANTED = {"user-agent": "Special/1.0 (a, b; c)", "referer": "http://page.example/watch?a=1&b=2"}
AGENT, REFERER = WANTED["user-agent"], WANTED["referer"]

FORMS = {
    "vlc options": f"#EXTVLCOPT:http-user-agent={AGENT}\n#EXTVLCOPT:http-referrer={REFERER}\n{{url}}",
    "kodi properties": (
        "#KODIPROP:inputstream=inputstream.adaptive\n"
        "#KODIPROP:inputstream.adaptive.stream_headers=User-Agent=Special%2F1.0%20(a%2C%20b%3B%20c)"
        "&Referer=http%3A%2F%2Fpage.example%2Fwatch%3Fa%3D1%26b%3D2\n{url}"
    ),
    "behind a pipe": (
        "{url}|User-Agent=Special%2F1.0%20(a%2C%20b%3B%20c)&Referer=http%3A%2F%2Fpage.example%2Fwatch%3Fa%3D1%26b%3D2"
    ),
}


@pytest.fixture
def origin() -> Iterator[HlsOrigin]:
    """Television at /live.ts and a playlist at /live.m3u8, for those with the right headers only."""
    body = material.ts()

    def strict(answer: Answer):
        def judged(_target: str, headers: dict[str, str]) -> Answer:
            good = all(headers.get(name) == value for name, value in WANTED.items())
            return answer if good else Answer(b"<html>403</html>", status=403)

        return judged

    lines = "#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXT-X-MEDIA-SEQUENCE:1\n" + "".join(
        f"#EXTINF:8,\n/segment{n}.ts\n" for n in (1, 2, 3)
    )
    with HlsOrigin(limit=1) as server:
        server.serve("/live.ts", strict(Answer(body, headers={"Content-Type": "video/mp2t"})))
        server.serve("/live.m3u8", strict(Answer(lines.encode(), headers={"Content-Type": "application/x-mpegurl"})))
        for n in (1, 2, 3):
            server.serve(f"/segment{n}.ts", strict(Answer(body, headers={"Content-Type": "video/mp2t"})))
        yield server
        assert server.violations == []


def opened(redis: Redis, channel: Channel) -> tuple[PortalOpener, Opened]:
    """As the relay opens it for its first viewer."""
    opener = PortalOpener(redis, source_for=source_for, owner="node1:relay")
    opener.boot()
    key = channel_key(channel.pk)
    session = Limits(redis, "node1:relay").admit(Wish(1, "viewer1", 1, key, channel.name, "192.0.2.1", "TV"))
    ticket = Ticket(session, key, 1, "viewer1", channel.name, "192.0.2.1", "TV")
    return opener, opener.open(ticket, FaultHistory(), threading.Event())


def channel_from(entry: str) -> Channel:
    """A playlist with this one entry, refreshed and switched on."""
    with FakeWeb({"/list.m3u": Reply(f"#EXTM3U\n#EXTINF:-1,One\n{entry}\n".encode())}) as web:
        portal = PortalFactory(kind=PortalKind.M3U, address=f"{web.origin}/list.m3u", enable_new=True)
        SubscriptionFactory(portal=portal, mac="")
        refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))
    channel = Channel.objects.get(streams__in=Stream.objects.filter(portal=portal))
    Channel.objects.filter(pk=channel.pk).update(enabled=True)
    return channel


@pytest.mark.parametrize("path", ["/live.ts", "/live.m3u8"])
@pytest.mark.parametrize("form", FORMS)
def test_headers_of_an_entry_reach_its_origin(redis, origin, form, path):
    channel = channel_from(FORMS[form].format(url=f"{origin.url(path)}"))
    opener, found = opened(redis, channel)
    try:
        assert found.source.head[:1] == b"\x47"
    finally:
        opener.close(found)
    assert all({name: headers.get(name) for name in WANTED} == WANTED for _path, headers in origin.requests)


def test_an_entry_without_them_is_refused(redis, origin):
    channel = channel_from(origin.url("/live.ts"))
    with pytest.raises(NothingToPlay, match="403"):
        opened(redis, channel)
