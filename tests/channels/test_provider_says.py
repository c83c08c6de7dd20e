"""What a curator made of a channel, beside what its provider says; and the way back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from accounts.roles import Role, give_role
from channels import provider_says
from channels.models import Channel, GenreMap, Group
from restreamer.lib import redis_keys
from restreamer.lib.errors import InvalidInput
from tests.factories import ChannelFactory, GenreFactory, LinkFactory, PortalFactory, StreamFactory

pytestmark = pytest.mark.django_db
LISTING = "admin:channels_channel_changelist"


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def stream(portal):
    genre = GenreFactory(portal=portal, name="UK News")
    return StreamFactory(
        portal=portal, genre=genre, name="UK: BBC One FHD", number="7", logo="http://p/bbc.png", guide_id="bbc.uk"
    )


@pytest.fixture
def mine(stream):
    """A channel of which everything is a curator's own."""
    channel = ChannelFactory(
        name="BBC", number=1, group=Group.objects.create(name="Mine"), logo="http://me/l.png", guide_id="me", adult=True
    )
    LinkFactory(channel=channel, stream=stream)
    return channel


@pytest.fixture
def untouched(portal):
    """One that is as its stream says."""
    stream = StreamFactory(portal=portal, name="ITV")
    return LinkFactory(channel=ChannelFactory(name="ITV"), stream=stream).channel


def told(channel, *fields):
    fresh = Channel.objects.get(pk=channel.pk)
    return {
        one.field: (one.here, one.there) for one in provider_says.differences([fresh], fields or provider_says.FIELDS)
    }


def posted(client, step, channels, *fields):
    data = {"action": "reset", "_selected_action": [c.pk for c in channels], step: "1", "fields_to_reset": fields}
    return client.post(reverse(LISTING), data, follow=True).content.decode()


def test_each_column_is_told_beside_the_providers_word(mine, untouched):
    assert told(mine) == {
        "number": ("1", "7"),
        "name": ("BBC", "UK: BBC One FHD"),
        "group": ("Mine", "UK News"),
        "logo": ("http://me/l.png", "http://p/bbc.png"),
        "guide_id": ("me", "bbc.uk"),
        "adult": ("yes", "no"),
    }
    assert told(untouched) == {}
    assert told(ChannelFactory()) == {}, "nobody says anything about a channel without a stream"


def test_the_genres_own_rules_are_part_of_the_providers_word(mine, stream):
    group = Group.objects.create(name="News")
    GenreMap.objects.create(
        genre=stream.genre, group=group, numbering="next_free", rename_pattern="^UK: | FHD$", rename_to=""
    )
    word = told(mine)
    assert word["name"] == ("BBC", "BBC One")
    assert word["group"] == ("Mine", "News")
    assert "number" not in word, "a counted number is nobody's word"


def test_the_word_is_that_of_the_first_stream_still_offered(mine, stream):
    LinkFactory(channel=mine, stream=StreamFactory(name="second"), rank=1)
    assert told(mine, "name")["name"][1] == "UK: BBC One FHD"
    type(stream).objects.filter(pk=stream.pk).update(stale_since="2026-01-01T00:00Z")
    assert told(mine, "name")["name"][1] == "second"


def test_columns_go_back_and_the_others_stay(mine, stream):
    assert provider_says.reset([mine], ["name", "logo"]) == 1
    channel = Channel.objects.get()
    assert (channel.name, channel.logo, channel.quality) == (stream.name, stream.logo, "fhd")
    assert (channel.number, channel.group.name, channel.guide_id, channel.adult) == (1, "Mine", "me", True)
    assert provider_says.reset([channel], ["name", "logo"]) == 0
    provider_says.reset([channel], provider_says.FIELDS)
    channel = Channel.objects.get()
    assert (channel.number, channel.group.name, channel.guide_id) == (Decimal(7), "UK News", "bbc.uk")
    assert told(channel) == {}
    assert channel.pk == mine.pk
    with pytest.raises(InvalidInput, match="favourite"):
        provider_says.reset([channel], ["favourite"])


def test_an_uploaded_logo_is_called_what_it_is(mine):
    Channel.objects.update(logo="upload:0123")
    assert told(mine, "logo") == {"logo": ("an uploaded picture", "http://p/bbc.png")}


def test_a_number_somebody_else_has_is_told(mine):
    ChannelFactory(name="Seven", number=7)
    clash = {one.field: one.clash for one in provider_says.differences([mine])}
    assert clash["number"] == "Seven"


def test_many_go_back_after_they_were_shown(admin_client, mine, untouched, redis):
    page = posted(admin_client, "preview", [mine, untouched], "name", "number")
    assert "name: BBC → <span" in page
    assert "logo:" not in page
    assert "Reset 1 channel<" in page
    assert Channel.objects.get(pk=mine.pk).name == "BBC"
    assert "1 channel(s) are as the provider says" in posted(admin_client, "apply", [mine, untouched], "name")
    assert Channel.objects.get(pk=mine.pk).name == "UK: BBC One FHD"
    assert Channel.objects.get(pk=mine.pk).adult
    assert redis.exists(redis_keys.GUIDE_MATCH_ASKED)
    assert "Nothing differs" in posted(admin_client, "preview", [mine], "name")
    assert "Nothing differed" in posted(admin_client, "apply", [mine], "name")
    assert "This field is required" in posted(admin_client, "apply", [mine])
    assert "not one of the available choices" in posted(admin_client, "apply", [mine], "favourite")


def test_all_that_a_search_found_goes_back_without_naming_each(admin_client, mine, untouched):
    where = f"{reverse(LISTING)}?changed=name"
    data = {"action": "reset", "_selected_action": [0], "select_across": "1"}
    page = admin_client.post(where, {**data, "preview": "1", "fields_to_reset": ["name"]}).content.decode()
    assert 'name="select_across" value="1"' in page
    assert f'value="{mine.pk}"' not in page
    admin_client.post(where, {**data, "apply": "1", "fields_to_reset": ["name", "number"]})
    assert Channel.objects.get(pk=mine.pk).number == 7
    assert Channel.objects.get(pk=untouched.pk).number is None


def test_the_channels_own_page_tells_and_takes_one_column_back(admin_client, mine):
    page = admin_client.get(reverse("admin:channels_channel_change", args=[mine.pk])).content.decode()
    assert "The provider says: UK: BBC One FHD" in page
    reset = reverse("admin:channels_channel_reset", args=[mine.pk])
    assert f"{reset}?what=logo" in page
    asked = admin_client.get(reset, {"what": "logo"}).content.decode()
    assert "logo: http://me/l.png → <span" in asked
    assert "name: BBC" not in asked
    assert Channel.objects.get().logo == "http://me/l.png", "asking changes nothing"
    admin_client.post(reset, {"apply": "1", "fields_to_reset": ["logo"]})
    channel = Channel.objects.get()
    assert (channel.logo, channel.name) == ("http://p/bbc.png", "BBC")


def test_only_who_may_change_channels_takes_back(client, mine):
    reset = reverse("admin:channels_channel_reset", args=[mine.pk])
    assert client.post(reset, {"apply": "1", "fields_to_reset": ["name"]}).status_code == 302
    user = User.objects.create_user("vera", password="x", is_staff=True)
    client.force_login(user)
    assert client.post(reset, {"apply": "1", "fields_to_reset": ["name"]}).status_code == 403
    give_role(user, Role.CURATOR)
    client.post(reset, {"apply": "1", "fields_to_reset": ["name"]})
    assert Channel.objects.get().name == "UK: BBC One FHD"


@pytest.mark.parametrize("field", ["name", "group", "logo", "guide_id"])
def test_channels_that_were_changed_are_found(admin_client, mine, untouched, field):
    found = admin_client.get(reverse(LISTING), {"changed": field}).context["cl"].result_list
    assert [channel.pk for channel in found] == [mine.pk]


def test_a_renamed_genre_is_not_taken_for_a_curators_change(admin_client, mine, stream):
    GenreMap.objects.create(genre=stream.genre, rename_pattern="^UK: ")
    assert not admin_client.get(reverse(LISTING), {"changed": "name"}).context["cl"].result_list
