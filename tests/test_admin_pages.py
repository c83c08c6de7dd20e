"""The owner's pages: each opens, none shows a secret, none opens to strangers."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import Viewer
from channels.models import Channel, Merge
from portals.errors import PortalUnreachable
from portals.models import Portal, Run, RunKind, Subscription
from portals.providers.records import SubscriptionReport
from tests.factories import (
    ChannelFactory,
    GenreFactory,
    LinkFactory,
    PortalFactory,
    StreamFactory,
    SubscriptionFactory,
    ViewerFactory,
)

pytestmark = pytest.mark.django_db
NEW_GENRES = {"new_live_genres": "usual", "new_movie_genres": "usual", "new_series_genres": "usual"}

OURS = [
    m
    for m in admin.site._registry
    if m._meta.app_label in {"accounts", "portals", "channels", "streaming", "auth", "monitoring"}
]


@pytest.fixture
def catalogue():
    subscription = SubscriptionFactory(login="me", password="hunter2-secret")
    stream = StreamFactory(portal=subscription.portal, genre=GenreFactory(portal=subscription.portal))
    LinkFactory(stream=stream)
    Run.objects.create(portal=subscription.portal, kind=RunKind.LIVE, counts={"new": 3})
    ViewerFactory()
    return subscription


def page(model, name, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def test_lists_bring_the_style_that_lets_fields_grow_on_a_phone(admin_client):
    assert "restreamer/lists" in admin_client.get(reverse("admin:portals_run_changelist")).content.decode()


@pytest.mark.parametrize("list_of", ["portals_run", "portals_mac", "channels_lineup", "accounts_viewer"])
def test_an_empty_list_says_how_rows_come_and_one_that_was_asked_offers_all(admin_client, list_of):
    address = reverse(f"admin:{list_of}_changelist")
    fresh = admin_client.get(address).content.decode()
    assert " yet</h2>" in fresh
    assert "Show all</a>" not in fresh
    if list_of != "portals_run":
        assert "None fits" in admin_client.get(address, {"q": "nobody"}).content.decode()


@pytest.mark.parametrize("model", OURS, ids=lambda m: m.__name__)
def test_list_and_row_open(admin_client, catalogue, model):
    assert admin_client.get(page(model, "changelist")).status_code == 200
    row = model._default_manager.first()
    if row is not None:
        assert admin_client.get(page(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", [Portal, Viewer, Channel], ids=lambda m: m.__name__)
def test_the_form_for_a_new_row_opens(admin_client, model):
    assert admin_client.get(page(model, "add")).status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda m: m.__name__)
def test_a_stranger_is_sent_to_the_login_page(client, model):
    answer = client.get(page(model, "changelist"))
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


def test_a_stored_password_is_never_sent_to_the_browser(admin_client, catalogue):
    answer = admin_client.get(page(Portal, "change", catalogue.portal_id))
    assert b"hunter2-secret" not in answer.content


def test_saving_a_portal_without_typing_the_password_keeps_it(admin_client, catalogue):
    portal = catalogue.portal
    form = {
        "name": portal.name, "kind": "stalker", "address": portal.address, "enabled": "on", "refresh_hours": "6",
        "language": "en", "priority": "100", "max_streams": "0", "hold_percent": "30", "remove_stale_days": "30",
        **NEW_GENRES,
        "time_zone": "", "user_agent": "", "referer": "",
        "origin": "", "proxy_url": "", "endpoint": "",
        "subscriptions-TOTAL_FORMS": "1", "subscriptions-INITIAL_FORMS": "1",
        "delivery-TOTAL_FORMS": "0", "delivery-INITIAL_FORMS": "0",
        "subscriptions-0-id": catalogue.pk, "subscriptions-0-portal": portal.pk, "subscriptions-0-mac": catalogue.mac,
        "subscriptions-0-login": "me", "subscriptions-0-password": "", "subscriptions-0-streams": "2",
        "subscriptions-0-enabled": "on", "subscriptions-0-rank": "0",
    }  # fmt: skip
    answer = admin_client.post(page(Portal, "change", portal.pk), form)
    assert answer.status_code == 302, answer.context["errors"]
    catalogue.refresh_from_db()
    assert (catalogue.password, catalogue.streams) == ("hunter2-secret", 2)


def test_a_mac_in_any_spelling_is_stored_in_one(admin_client):
    form = {
        "name": "New one", "kind": "stalker", "address": "http://127.0.0.1/c/", "enabled": "on", "refresh_hours": "12",
        "language": "en", "priority": "100", "max_streams": "0", "hold_percent": "30", "remove_stale_days": "30",
        **NEW_GENRES,
        "subscriptions-TOTAL_FORMS": "1", "subscriptions-INITIAL_FORMS": "0",
        "delivery-TOTAL_FORMS": "0", "delivery-INITIAL_FORMS": "0",
        "subscriptions-0-mac": "001a79-aabbcc", "subscriptions-0-streams": "1", "subscriptions-0-enabled": "on",
        "subscriptions-0-rank": "0",
    }  # fmt: skip
    answer = admin_client.post(page(Portal, "add"), form)
    assert answer.status_code == 302, answer.context["errors"]
    assert Subscription.objects.get().mac == "00:1A:79:AA:BB:CC"
    assert Portal.objects.get().slug == "new-one"


def test_what_is_no_proxy_is_refused_in_words(admin_client):
    form = {
        "name": "P", "kind": "stalker", "address": "http://h/c/", "refresh_hours": "1", "language": "en",
        "priority": "1", "max_streams": "0", "hold_percent": "30", "remove_stale_days": "30",
        **NEW_GENRES, "proxy_url": "ftp://h:1",
        "subscriptions-TOTAL_FORMS": "0", "subscriptions-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = admin_client.post(page(Portal, "add"), form)
    assert "is no proxy address" in answer.content.decode()


def test_the_test_action_says_what_the_portal_said(admin_client, catalogue, monkeypatch):
    monkeypatch.setattr(
        "portals.admin.portal.check_subscription", lambda s: SubscriptionReport("blocked", "The portal has blocked it.")
    )
    answer = admin_client.post(
        page(Portal, "changelist"), {"action": "test_now", "_selected_action": [catalogue.portal_id]}, follow=True
    )
    assert "The portal has blocked it." in answer.content.decode()


def test_the_test_action_says_why_nothing_answers(admin_client, catalogue, monkeypatch):
    def unreachable(subscription):
        raise PortalUnreachable("Nobody answers at that address.")

    monkeypatch.setattr("portals.admin.portal.check_subscription", unreachable)
    answer = admin_client.post(reverse("admin:portals_portal_test", args=[catalogue.portal_id]), follow=True)
    assert "Nobody answers at that address." in answer.content.decode()


@pytest.mark.parametrize("button", ["portals_portal_test", "portals_portal_refresh"])
def test_a_link_alone_starts_nothing(admin_client, catalogue, button):
    assert admin_client.get(reverse(f"admin:{button}", args=[catalogue.portal_id])).status_code == 405


def test_the_refresh_action_starts_a_run_and_links_to_it(admin_client, monkeypatch):
    portal = PortalFactory()
    monkeypatch.setattr("portals.jobs._put", lambda run_id: None)
    answer = admin_client.post(
        page(Portal, "changelist"), {"action": "refresh_now", "_selected_action": [portal.pk]}, follow=True
    )
    text = answer.content.decode()
    for kind in (RunKind.LIVE, RunKind.VOD):
        assert page(Run, "change", Run.objects.get(portal=portal, kind=kind).pk) in text


def test_channels_are_shown_and_hidden_in_bulk(admin_client):
    channels = [ChannelFactory(enabled=False) for _ in range(3)]
    chosen = [c.pk for c in channels[:2]]
    answer = admin_client.post(
        page(Channel, "changelist"), {"action": "enable", "_selected_action": chosen}, follow=True
    )
    assert "2 channel(s) are now shown to viewers." in answer.content.decode()
    assert Channel.objects.enabled().count() == 2


def test_a_new_viewer_gets_a_password_shown_once(admin_client):
    answer = admin_client.post(
        page(Viewer, "add"), {"name": "kitchen", "connections": "1", "enabled": "on", "adult": "hidden"}, follow=True
    )
    text = answer.content.decode()
    assert "it is shown only this once" in text
    viewer = Viewer.objects.get()
    password = text.split("The password of kitchen is ")[1].split(" ")[0]
    assert viewer.check_password(password)
    assert password not in admin_client.get(page(Viewer, "change", viewer.pk)).content.decode()


def test_a_viewer_cannot_be_called_like_an_address_of_ours(admin_client):
    answer = admin_client.post(page(Viewer, "add"), {"name": "live", "connections": "1"})
    assert "cannot be a viewer" in answer.content.decode()
    assert not Viewer.objects.exists()


def test_what_cannot_be_taken_back_is_said(admin_client, catalogue):
    run = Run.objects.get()
    answer = admin_client.post(
        page(Run, "changelist"), {"action": "take_back", "_selected_action": [run.pk]}, follow=True
    )
    assert "Only a finished run" in answer.content.decode()


def test_the_page_of_a_run_shows_what_changed(admin_client, catalogue):
    Run.objects.update(report={"renamed": [["CNN", "CNN <b>HD</b>"]]})
    text = admin_client.get(page(Run, "change", Run.objects.get().pk)).content.decode()
    assert "CNN → CNN &lt;b&gt;HD&lt;/b&gt;" in text


def test_doubles_are_found_merged_and_taken_back(admin_client):
    LinkFactory(channel__name="CNN", stream__portal=PortalFactory())
    LinkFactory(channel__name="UK: CNN HD", stream__portal=PortalFactory())
    found = admin_client.post(reverse("admin:channels_merge_find"), {"auto": "1"}, follow=True)
    assert "1 pair(s) found, 1 merged, 0 wait for you." in found.content.decode()
    assert Channel.objects.count() == 1
    back = {"action": "take_back", "_selected_action": [Merge.objects.get().pk]}
    assert "is back." in admin_client.post(page(Merge, "changelist"), back, follow=True).content.decode()
    assert Channel.objects.count() == 2
