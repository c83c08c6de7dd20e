"""Group, logo and adult of many channels: said first, then done, then taken back if wanted."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.roles import Role
from channels import bulk_fields
from channels.logos import Logo
from channels.models import Channel, Group
from restreamer.lib import redis_keys
from tests.accounts.people import as_, person
from tests.factories import ChannelFactory, GroupFactory

pytestmark = pytest.mark.django_db
LISTING = "admin:channels_channel_changelist"


@pytest.fixture
def curator(redis):
    return as_(person(Role.CURATOR, "clara"))


def posted(client, action, channels, query="", **fields):
    data = {"action": action, "_selected_action": [c.pk for c in channels], **fields}
    return client.post(reverse(LISTING) + query, data, follow=True)


def said(answer) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def undo_link(answer) -> str:
    (link,) = re.findall(r'href="(/admin/channels/channel/undo/[^"]+)"', said(answer))
    return link


def groups() -> dict[str, str]:
    return {c.name: c.group.name if c.group else "" for c in Channel.objects.select_related("group")}


def test_the_page_says_how_many_and_which_and_nothing_happens_before_it_is_confirmed(curator):
    sport = GroupFactory(name="Sport")
    channels = [ChannelFactory(name=f"Channel {n}", group=sport) for n in range(12)]
    for action in ("move", "set_logo", "mark_adult", "mark_not_adult"):
        page = posted(curator, action, channels).content.decode()
        assert "12 channels" in page
        assert "Channel 0" in page
        assert "and 2 more" in page
    assert set(Channel.objects.values_list("group", "logo", "adult")) == {(sport.pk, "", False)}


def test_moved_to_a_group_and_taken_back(curator):
    old, new = GroupFactory(name="Old"), GroupFactory(name="New")
    channels = [ChannelFactory(name="A", group=old), ChannelFactory(name="B"), ChannelFactory(name="C", group=new)]
    answer = posted(curator, "move", channels, apply="1", seen="3", group=str(new.pk))
    assert groups() == {"A": "New", "B": "New", "C": "New"}
    assert "2 channels moved to New" in said(answer)
    link = undo_link(answer)
    assert "2 channels moved to New" in curator.get(link).content.decode()
    assert groups()["A"] == "New", "looking changes nothing"
    curator.post(link)
    assert groups() == {"A": "Old", "B": "", "C": "New"}
    assert "cannot be taken back any more" in said(curator.post(link, follow=True))


def test_a_group_is_made_there_and_a_known_name_is_the_known_group(curator):
    known = GroupFactory(name="Known")
    one, other = ChannelFactory(name="A"), ChannelFactory(name="B")
    posted(curator, "move", [one], apply="1", seen="1", group="", new="Fresh")
    posted(curator, "move", [other], apply="1", seen="1", group="", new="Known")
    assert groups() == {"A": "Fresh", "B": "Known"}
    assert Group.objects.filter(name="Known").get() == known
    posted(curator, "move", [one, other], apply="1", seen="2", group="none")
    assert groups() == {"A": "", "B": ""}


@pytest.mark.parametrize("fields", [{}, {"group": "", "new": ""}, {"group": "none", "new": "X"}, {"group": "4711"}])
def test_without_a_clear_choice_of_group_it_asks_again(curator, fields):
    channel = ChannelFactory(name="A", group=GroupFactory(name="Old"))
    page = posted(curator, "move", [channel], apply="1", seen="1", **fields).content.decode()
    assert 'name="apply"' in page
    assert groups() == {"A": "Old"}
    assert Group.objects.count() == 1


def test_who_may_not_add_groups_names_no_new_one(redis):
    user = person(name="dora")
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_channel", "change_channel"]))
    channel = ChannelFactory(name="A")
    assert 'name="new"' not in posted(as_(user), "move", [channel]).content.decode()
    posted(as_(user), "move", [channel], apply="1", seen="1", group="", new="Fresh")
    assert not Group.objects.exists()


def test_who_may_only_look_changes_nothing(redis):
    user = person(name="dora")
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename="view_channel"))
    channel = ChannelFactory()
    posted(as_(user), "mark_adult", [channel], apply="1", seen="1")
    assert not Channel.objects.get().adult
    assert as_(user).get(reverse("admin:channels_channel_undo", args=["x"])).status_code == 403


def test_a_logo_is_set_for_many_cleared_and_each_gets_its_own_back(curator):
    channels = [ChannelFactory(logo=f"http://p.example/{n}.png") for n in range(3)]
    before = set(Channel.objects.values_list("pk", "logo"))
    posted(curator, "set_logo", channels, apply="1", seen="3", address="https://l.example/x.png")
    assert set(Channel.objects.values_list("logo", flat=True)) == {"https://l.example/x.png"}
    Channel.objects.filter(pk=channels[0].pk).update(logo="http://p.example/0.png")
    answer = posted(curator, "set_logo", channels, apply="1", seen="3", none="on")
    assert set(Channel.objects.values_list("logo", flat=True)) == {""}
    curator.post(undo_link(answer))
    assert Channel.objects.filter(logo="https://l.example/x.png").count() == 2
    assert (channels[0].pk, "http://p.example/0.png") in set(Channel.objects.values_list("pk", "logo")) & before


def test_a_logo_of_ours_is_given_to_many(curator):
    logo = Logo.objects.create(name="Sport", address="https://l.example/sport.png")
    channels = ChannelFactory.create_batch(2)
    posted(curator, "set_logo", channels, apply="1", seen="2", logo=logo.pk)
    assert set(Channel.objects.values_list("logo", flat=True)) == {logo.reference}
    page = posted(curator, "set_logo", channels, apply="1", seen="2", logo=logo.pk, none="on").content.decode()
    assert "Choose one of the three" in page
    assert set(Channel.objects.values_list("logo", flat=True)) == {logo.reference}


@pytest.mark.parametrize("address", ["", "javascript:alert(1)", "/etc/passwd", "ftp://x/y.png"])
def test_what_is_no_address_of_a_picture_is_no_logo(curator, address):
    channel = ChannelFactory()
    posted(curator, "set_logo", [channel], apply="1", seen="1", address=address)
    assert Channel.objects.get().logo == ""


def test_marked_as_adult_and_back(curator):
    channels = [ChannelFactory(adult=False), ChannelFactory(adult=True)]
    answer = posted(curator, "mark_adult", channels, apply="1", seen="2")
    assert Channel.objects.filter(adult=True).count() == 2
    assert "1 channel marked as adult" in said(answer)
    curator.post(undo_link(answer))
    assert [one.adult for one in Channel.objects.order_by("pk")] == [False, True]
    posted(curator, "mark_not_adult", channels, apply="1", seen="2")
    assert not Channel.objects.filter(adult=True).exists()
    assert "Nothing to change" in said(posted(curator, "mark_not_adult", channels, apply="1", seen="2"))


def test_all_that_was_found_is_meant_and_asked_again_when_it_is_another_number(curator):
    ChannelFactory.create_batch(60, name="Sport")
    other = ChannelFactory(name="News")
    page = posted(curator, "mark_adult", [other], "?q=Sport", select_across="1").content.decode()
    assert "60 channels, all that the list found" in page
    assert page.count('name="_selected_action"') == 1, "a page for a hundred thousand is as small as for one"
    ChannelFactory(name="Sport")
    answer = posted(curator, "mark_adult", [other], "?q=Sport", select_across="1", apply="1", seen="60")
    assert "changed meanwhile" in said(answer)
    assert not Channel.objects.filter(adult=True).exists()
    posted(curator, "mark_adult", [other], "?q=Sport", select_across="1", apply="1", seen="61")
    assert Channel.objects.filter(adult=True).count() == 61
    other.refresh_from_db()
    assert not other.adult


def test_taking_back_leaves_alone_what_was_changed_since_and_a_group_that_is_gone(curator):
    old, new = GroupFactory(name="Old"), GroupFactory(name="New")
    a, b = ChannelFactory(name="A", group=old), ChannelFactory(name="B", group=old)
    link = undo_link(posted(curator, "move", [a, b], apply="1", seen="2", group=str(new.pk)))
    Channel.objects.filter(pk=b.pk).update(group=GroupFactory(name="Third"))
    old.delete()
    curator.post(link)
    assert groups() == {"A": "", "B": "Third"}


def test_it_is_taken_back_by_nobody_else(curator, admin_client):
    channel = ChannelFactory()
    link = undo_link(posted(curator, "mark_adult", [channel], apply="1", seen="1"))
    admin_client.post(link)
    assert Channel.objects.get().adult


def test_what_would_take_it_back_is_kept_for_an_hour_and_not_for_too_many(curator, redis, monkeypatch):
    channels = ChannelFactory.create_batch(3)
    name = undo_link(posted(curator, "mark_adult", channels, apply="1", seen="3")).split("/")[-2]
    assert 0 < redis.ttl(redis_keys.bulk_undo(name)) <= bulk_fields.UNDO_S
    monkeypatch.setattr(bulk_fields, "MOST_UNDONE", 2)
    assert "cannot be taken back" in posted(curator, "mark_not_adult", channels).content.decode()
    assert "Undo" not in said(posted(curator, "mark_not_adult", channels, apply="1", seen="3"))
    assert not Channel.objects.filter(adult=True).exists()


def test_a_name_in_a_sentence_stays_text(curator):
    channel = ChannelFactory(name="A")
    answer = posted(curator, "move", [channel], apply="1", seen="1", group="", new="<b>x</b>")
    assert "moved to &lt;b&gt;x" in said(answer)


def test_channels_are_searched_added_to_a_group_and_taken_out(curator):
    sport = GroupFactory(name="Sport")
    inside = ChannelFactory(name="Goal", group=sport)
    arena, news = ChannelFactory(name="Arena", number=77), ChannelFactory(name="News")
    page = reverse("admin:channels_group_channels", args=[sport.pk])
    assert f'href="{page}"' in curator.get(reverse("admin:channels_group_changelist")).content.decode()
    assert f'href="{page}"' in curator.get(reverse("admin:channels_group_change", args=[sport.pk])).content.decode()
    shown = curator.get(page, {"q": "77"}).context
    assert ([one.name for one in shown["found"]], [one.name for one in shown["inside"]]) == (["Arena"], ["Goal"])
    answer = curator.post(
        page + "?q=77", {"add": "1", "channel": [arena.pk, inside.pk, "x", "99999999999999999999"]}, follow=True
    )
    assert answer.redirect_chain == [(page + "?q=77", 302)]
    assert groups() == {"Goal": "Sport", "Arena": "Sport", "News": ""}
    curator.post(page, {"remove": "1", "channel": [inside.pk, news.pk]})
    assert groups() == {"Goal": "", "Arena": "Sport", "News": ""}
    assert as_(person(name="anna")).get(page).status_code == 302
