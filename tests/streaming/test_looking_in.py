"""Playing from the admin pages: by the login alone, exactly what was chosen, within the same limits as everybody."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis import Redis

from accounts.models import Viewer
from accounts.roles import Role
from channels.models import Channel, Stream
from portals.models import Subscription
from streaming.limits import Limits, Wish
from streaming.models import Delivery
from streaming.onlookers import onlooker
from streaming.sessions import Sessions
from streaming.withdrawn import end_withdrawn
from tests.accounts.people import as_, person
from tests.factories import ChannelFactory, LinkFactory, StreamFactory, ViewerFactory
from tests.mpegts.analyser import analyse
from tests.streaming.openers import channel_on, names
from tests.streaming.relay.rig import begins_cleanly, wait_for
from tests.streaming.test_hls_views import Player as HlsPlayer
from tests.streaming.test_playing import LINGER_S, House, Player, house, macs, nothing_left

__all__ = ["house", "macs", "nothing_left"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def curator() -> Client:
    return as_(person(Role.CURATOR, "clara"))


def told(answer):
    assert answer.status_code == 200, answer.content
    found = re.search(r'<script id="told" type="application/json">(.*?)</script>', answer.content.decode(), re.DOTALL)
    assert found
    return json.loads(found[1])


class Window(Player):
    """The player of an admin page."""

    def __init__(self, client: Client) -> None:
        super().__init__(Viewer(name="nobody"))
        self.client = client

    def watch(self, what: Channel | Stream) -> Window:
        kind = what._meta.model_name
        response = self.client.get(f"/admin/watch/{kind}/{what.pk}/live.ts")
        self.status = response.status_code
        if response.streaming and self.status == 200:
            self.response, self._pieces = response, iter(response)
        else:
            self.said = response.getvalue()
        return self


# --- who, and what the page holds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["live.ts", "index.m3u8", "live.m3u8", "7.ts"])
@pytest.mark.parametrize("kind", ["channel", "stream"])
def test_picture_and_segments_are_given_to_nobody_without_the_right(redis: Redis, kind: str, rest: str) -> None:
    link = LinkFactory()
    viewer = ViewerFactory(owner=person(name="anna"))
    pk = link.channel_id if kind == "channel" else link.stream_id
    for client in (Client(), as_(viewer.owner)):
        answer = client.get(f"/admin/watch/{kind}/{pk}/{rest}", {"token": viewer.token})
        assert (answer.status_code, answer["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert Sessions(redis).sessions() == []


def test_the_page_is_for_people_of_the_admin_pages(curator: Client, admin_client: Client) -> None:
    address = reverse("watch_channel", args=[LinkFactory().channel_id])
    assert "/admin/login/" in Client().get(address)["Location"]
    assert "/admin/login/" in as_(person(name="anna")).get(address)["Location"]
    assert curator.get(address).status_code == admin_client.get(address).status_code == 200


def test_the_page_holds_no_token_and_no_address_of_a_provider_and_is_framed_by_us_alone(curator: Client) -> None:
    link = LinkFactory(stream__cmd="http://provider.example/live/me/secret/1", channel__logo="http://p.example/a.png")
    viewer = ViewerFactory()
    for address in (f"/admin/watch/channel/{link.channel_id}/", f"/admin/watch/stream/{link.stream_id}/"):
        answer = curator.get(address)
        page = told(answer)
        text = answer.content.decode()
        assert viewer.token not in text
        assert "token" not in text
        assert "example" not in text
        assert page["query"] == ""
        assert (page["ts"], page["page"]) == (
            address.replace(str(page["current"]), "{id}") + "live.ts",
            address.replace(str(page["current"]), "{id}"),
        )
        assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "SAMEORIGIN"
        assert "no-store" in answer["Cache-Control"]


def test_hidden_and_adult_channels_are_listed_and_a_far_one_is_there(curator: Client, monkeypatch) -> None:
    monkeypatch.setattr("streaming.views.looking.MOST_LISTED", 2)
    hidden = LinkFactory(channel__name="A", channel__number=1, channel__enabled=False).channel
    late = LinkFactory(channel__name="B", channel__number=2, channel__adult=True).channel
    far = [LinkFactory(channel__name=f"Z{n}", channel__number=10 + n).channel for n in range(3)][-1]
    page = told(curator.get(reverse("watch_channel", args=[hidden.pk])))
    assert [row["id"] for row in page["channels"]] == [hidden.pk, late.pk]
    page = told(curator.get(reverse("watch_channel", args=[far.pk])))
    assert far.pk in [row["id"] for row in page["channels"]]
    page = told(curator.get(reverse("watch_channel", args=[far.pk]), {"q": "b"}))
    assert {row["name"] for row in page["channels"]} == {"B", "Z2"}


def test_a_stream_is_listed_with_those_of_its_channel(curator: Client) -> None:
    first = LinkFactory(rank=0)
    second = LinkFactory(channel=first.channel, rank=1)
    alone = StreamFactory()
    page = told(curator.get(reverse("watch_stream", args=[second.stream_id])))
    assert [row["id"] for row in page["channels"]] == [first.stream_id, second.stream_id]
    page = told(curator.get(reverse("watch_stream", args=[alone.pk])))
    assert [row["id"] for row in page["channels"]] == [alone.pk]


@pytest.mark.parametrize("pk", [4242, 2**31, 2**70])
@pytest.mark.parametrize("kind", ["channel", "stream"])
def test_what_is_not_there_is_not_found(curator: Client, kind: str, pk: int) -> None:
    assert curator.get(f"/admin/watch/{kind}/{pk}/").status_code == 404
    assert curator.get(f"/admin/watch/{kind}/{pk}/live.ts").status_code == 404


def test_a_stream_no_portal_offers_is_not_asked_for(curator: Client, redis: Redis) -> None:
    gone, off = StreamFactory(stale_since=timezone.now()), StreamFactory(portal__enabled=False)
    assert [curator.get(f"/admin/watch/stream/{one.pk}/live.ts").status_code for one in (gone, off)] == [410, 503]
    assert Sessions(redis).sessions() == []


# --- the buttons ----------------------------------------------------------------------------------------------------


def test_channels_and_streams_have_a_button_that_plays_them(admin_client: Client) -> None:
    link = LinkFactory()
    empty = ChannelFactory()
    gone = StreamFactory(stale_since=timezone.now())
    channel, stream = (reverse(f"watch_{kind}", args=[pk]) for kind, pk in zip(
        ("channel", "stream"), (link.channel_id, link.stream_id), strict=True
    ))  # fmt: skip
    listed = admin_client.get(reverse("admin:channels_channel_changelist")).content.decode()
    assert f'href="{channel}"' in listed
    assert reverse("watch_channel", args=[empty.pk]) not in listed
    listed = admin_client.get(reverse("admin:channels_stream_changelist")).content.decode()
    assert f'href="{stream}"' in listed
    assert reverse("watch_stream", args=[gone.pk]) not in listed
    page = admin_client.get(reverse("admin:channels_channel_change", args=[link.channel_id])).content.decode()
    assert f'href="{channel}"' in page
    assert f'href="{stream}"' in page
    page = admin_client.get(reverse("admin:channels_stream_change", args=[link.stream_id])).content.decode()
    assert f'href="{stream}"' in page


# --- what plays -----------------------------------------------------------------------------------------------------


def test_an_owner_without_a_viewer_watches_a_hidden_channel(
    house: House, macs: list[Subscription], curator: Client
) -> None:
    channel = channel_on(macs[0].portal)
    Channel.objects.update(enabled=False)
    window = Window(curator).watch(channel)
    assert begins_cleanly(window.read(100_000))
    (row,) = house.sessions.sessions()
    assert (row.facts.viewer_name, row.facts.key) == ("clara (admin pages)", f"channel:{channel.pk}")
    assert row.facts.viewer_id < 0
    assert house.origin.peak["all"] == 1
    window.close()
    assert wait_for(house.at_rest, LINGER_S + 3)


def test_a_streams_button_plays_that_stream_and_no_other(
    house: House, macs: list[Subscription], curator: Client
) -> None:
    channel = channel_on(macs[0].portal, macs[0].portal)
    chosen = channel.links.order_by("rank")[1].stream
    window = Window(curator).watch(chosen)
    window.read(50_000)
    assert {provider_id for _, provider_id in house.provider.asked} == {names(channel)[1]}
    window.close()


def test_it_never_goes_around_a_providers_limit(house: House, macs: list[Subscription], curator: Client) -> None:
    channels = [channel_on(macs[0].portal) for _ in range(2)]
    players = [Player(ViewerFactory(), f"TV {at}").play(one) for at, one in enumerate(channels)]
    assert [player.status for player in players] == [200, 200]
    refused = Window(curator).watch(channels[0].streams.get())
    assert refused.status == 503
    assert b"in use" in refused.said
    assert house.origin.peak["all"] == 2
    for player in players:
        player.read(20_000)
        player.close()


def test_the_next_one_of_the_same_browser_ends_the_one_before(
    house: House, macs: list[Subscription], curator: Client
) -> None:
    first, second = (Window(curator).watch(channel_on(macs[0].portal)) for _ in range(2))
    assert (first.status, second.status) == (200, 200)
    with pytest.raises(StopIteration):
        first.read(100_000_000)
    assert len(house.sessions.sessions()) == 1
    second.read(20_000)
    second.close()


def test_who_is_redirected_is_never_somebody_of_the_admin_pages(
    house: House, macs: list[Subscription], curator: Client
) -> None:
    Delivery.objects.create(portal=macs[0].portal, mode=Delivery.Mode.REDIRECT)
    channel = channel_on(macs[0].portal)
    answer = curator.get(f"/admin/watch/channel/{channel.pk}/live.ts?direct=1")
    assert answer.status_code == 200
    assert "Location" not in answer
    answer.close()


@pytest.mark.parametrize("kind", ["channel", "stream"])
def test_phones_get_it_in_segments(
    house: House, macs: list[Subscription], curator: Client, settings, tmp_path, kind: str
) -> None:
    settings.HLS_FOLDER = tmp_path / "hls"
    house.origin.pace = 20.0
    channel = channel_on(macs[0].portal)
    pk = channel.pk if kind == "channel" else channel.streams.get().pk
    phone = HlsPlayer(Viewer(name="nobody"))
    phone.client = curator
    assert phone.begin(f"/admin/watch/{kind}/{pk}/index.m3u8").startswith(
        f"/admin/watch/{kind}/{pk}/live.m3u8?session="
    )
    segments = phone.segments()
    assert segments
    assert analyse(phone.get(segments[0])).problems == []
    phone.client = Client()
    phone.get(segments[0])
    assert phone.status == 403
    (row,) = house.sessions.sessions()
    assert house.sessions.stop(row.session_id)


# --- as long as they may --------------------------------------------------------------------------------------------


def lose_the_role(user) -> None:
    user.groups.clear()


def be_switched_off(user) -> None:
    user.is_active = False


def new_password(user) -> None:
    user.set_password("another one entirely")


@pytest.mark.parametrize("change", [lose_the_role, be_switched_off, new_password, lambda user: user.delete()])
def test_it_ends_when_the_person_may_not_look_in_any_more(redis: Redis, change) -> None:
    user = person(Role.CURATOR, "clara")
    mine = onlooker(user)
    wish = Wish(mine.pk, mine.name, 1, "stream:1", "News", "192.168.1.7", "Firefox", mine.login_mark())
    Limits(redis, "node1:relay").admit(wish)
    assert end_withdrawn(redis) == 0
    change(user)
    if user.pk:
        user.save()
    assert end_withdrawn(redis) == 1
