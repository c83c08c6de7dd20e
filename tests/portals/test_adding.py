"""A portal is added with what it can be played with."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from portals.adding import NewPortal, add_portal
from portals.models import Portal, PortalKind, Subscription
from restreamer.lib.errors import InvalidInput
from tests.factories import PortalFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


def test_a_playlist_is_its_own_subscription():
    portal = add_portal(NewPortal("P", "http://h/list.m3u", kind=PortalKind.M3U, streams=3))

    assert [(one.shown_name, one.streams) for one in portal.subscriptions.all()] == [("playlist", 3)]


def test_a_playlist_with_logins_has_those():
    portal = add_portal(NewPortal("P", "http://h/list.m3u", kind=PortalKind.M3U, logins=("a:1", "b:2")))

    assert [one.login for one in portal.subscriptions.all()] == ["a", "b"]


def test_a_login_in_the_address_of_a_panel_is_taken():
    portal = add_portal(NewPortal("P", "http://h/get.php?username=me&password=a:b", kind=PortalKind.XTREAM))

    assert (portal.address, portal.subscriptions.get().login, portal.subscriptions.get().password) == (
        "http://h", "me", "a:b",
    )  # fmt: skip


def test_the_address_of_a_playlist_is_no_stalker_portal():
    with pytest.raises(InvalidInput, match="the address of a playlist"):
        add_portal(NewPortal("P", "http://h/list.m3u", macs=("00:1A:79:00:00:01",)))
    assert not Portal.objects.exists()


def test_playlists_without_a_subscription_were_given_theirs():
    lacking, stalker = PortalFactory(kind=PortalKind.M3U), PortalFactory()
    has_one = SubscriptionFactory(portal=PortalFactory(kind=PortalKind.M3U), mac="", login="a")

    import_module("portals.migrations.0009_playlists_are_subscriptions").give_playlists(apps, None)

    assert set(Subscription.objects.exclude(pk=has_one.pk).values_list("portal", "label")) == {(lacking.pk, "playlist")}
    assert not stalker.subscriptions.exists()
