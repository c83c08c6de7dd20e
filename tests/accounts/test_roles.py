"""Who may do what: a table over every page of the admin, and attempts to be more than one is."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts import roles
from accounts.models import Viewer
from accounts.people import add_user, reset_password
from accounts.roles import Role, give_role, role_of
from channels.models import Channel
from restreamer.lib.errors import InvalidInput
from tests.accounts.people import PASSWORD, as_, person
from tests.factories import ChannelFactory, StreamFactory, SubscriptionFactory, ViewerFactory

pytestmark = pytest.mark.django_db

#: What a curator may do on each page: v(iew), a(dd), c(hange), d(elete); what is not named is closed.
CURATOR = {
    "channels.channel": "vacd", "channels.group": "vacd", "channels.lineup": "vacd", "channels.streamrule": "vacd",
    "channels.genremap": "vacd", "channels.merge": "v", "channels.stream": "v",
    "channels.logo": "vacd",
    "guide.guidechannel": "v", "guide.guidematch": "vc",
    "portals.genre": "v", "portals.portal": "v", "portals.run": "v",
    "streaming.delivery": "vacd", "streaming.transcodeprofile": "v",
    "vod.category": "vacd", "vod.categorymap": "vcd", "vod.episode": "vc", "vod.merge": "v", "vod.movie": "vc",
    "vod.series": "vc",
}  # fmt: skip
PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)
_WORDS = {"v": "view", "a": "add", "c": "change", "d": "delete"}


def allowed(user, model, request_factory):
    request = request_factory.get("/")
    request.user = User.objects.get(pk=user.pk)
    page = admin.site._registry[model]
    return "".join(letter for letter, word in _WORDS.items() if getattr(page, f"has_{word}_permission")(request))


@pytest.mark.parametrize("model", PAGES, ids=lambda m: m._meta.label_lower)
def test_the_table_of_pages(model, rf):
    label = model._meta.label_lower
    list_page = reverse(f"admin:{label.replace('.', '_')}_changelist")
    curator, viewer = person(Role.CURATOR), person(Role.VIEWER)
    wanted = CURATOR.get(label, "")
    if label != "django_rq.dashboard":
        assert allowed(curator, model, rf) == wanted
        assert allowed(viewer, model, rf) == ""
    assert as_(curator).get(list_page).status_code == (200 if "v" in wanted else 403)
    assert as_(viewer).get(list_page).status_code == 302
    assert as_(person(Role.ADMINISTRATOR)).get(list_page).status_code == 200


def test_own_pages_follow_the_roles():
    curator, viewer = as_(person(Role.CURATOR)), as_(person(Role.VIEWER))
    page = reverse("now_playing")
    assert curator.get(page).status_code == 200
    assert curator.post(reverse("now_stop"), {"session": "x"}).status_code == 302
    assert viewer.get(page).status_code == 302
    assert viewer.post(reverse("now_stop"), {"session": "x"}).status_code == 302


def test_the_sidebar_shows_nobody_a_closed_door():
    text = as_(person(Role.CURATOR)).get(reverse("admin:index")).content.decode()
    assert reverse("admin:channels_channel_changelist") in text
    for closed in ("portals_mac", "accounts_viewer", "auth_user", "guide_epgsource", "streaming_tunerdevice"):
        assert reverse(f"admin:{closed}_changelist") not in text, closed


def test_a_curator_finds_no_secret_of_a_portal():
    subscription = SubscriptionFactory(login="sofa-login", password="sofa-password")
    portal = subscription.portal
    portal.address, portal.proxy_url = (
        "http://tv.example/get.php?username=u1&password=provider-word",
        "http://pu:pp@proxy:1",
    )
    portal.save()
    curator = as_(person(Role.CURATOR))
    pages = [
        reverse("admin:portals_portal_changelist"),
        reverse("admin:portals_portal_change", args=[portal.pk]),
        f"{reverse('admin:autocomplete')}?app_label=channels&model_name=lineup&field_name=portals&term=",
    ]
    for page in pages:
        text = curator.get(page).content.decode()
        assert portal.name in text
        for secret in ("tv.example", "provider-word", "pu:pp", subscription.mac, "sofa-login", "sofa-password"):
            assert secret not in text, (page, secret)
    assert curator.post(reverse("admin:portals_portal_test", args=[portal.pk])).status_code == 403
    assert curator.post(pages[1], {"address": "http://evil.example/"}).status_code == 403


@pytest.mark.parametrize("question", ["address__startswith=http", "proxy_url__contains=pu", "endpoint__contains=x"])
def test_a_curator_cannot_guess_secrets_by_filtering(question):
    SubscriptionFactory()
    page = f"{reverse('admin:portals_portal_changelist')}?{question}"
    assert as_(person(Role.CURATOR)).get(page).status_code == 400


def test_a_curator_cannot_guess_play_orders_by_filtering():
    StreamFactory(cmd="http://tv.example/live/u/p/1.ts")
    page = f"{reverse('admin:channels_stream_changelist')}?cmd__contains=/u/"
    assert as_(person(Role.CURATOR)).get(page).status_code == 400


def test_a_curator_cannot_make_himself_more():
    curator = person(Role.CURATOR)
    client = as_(curator)
    form = {"username": "some-curator", "email": "", "role": "administrator", "is_active": "on", "is_superuser": "on"}
    for page in (reverse("admin:auth_user_change", args=[curator.pk]), reverse("admin:auth_user_add")):
        assert client.post(page, form).status_code == 403
    assert client.post(reverse("admin:auth_user_reset", args=[curator.pk])).status_code == 403
    assert role_of(User.objects.get(pk=curator.pk)) == Role.CURATOR


def test_even_a_stray_permission_opens_no_page_of_people():
    curator = person(Role.CURATOR)
    curator.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    assert as_(curator).get(reverse("admin:auth_user_changelist")).status_code == 403


def test_fields_the_form_does_not_have_change_nothing():
    administrator, viewer = person(Role.ADMINISTRATOR), person(Role.VIEWER)
    rights = Permission.objects.values_list("pk", flat=True)[:3]
    form = {"username": "renamed", "email": "", "role": "viewer", "is_active": "on",
            "is_superuser": "on", "is_staff": "on", "user_permissions": list(rights), "password": "x"}  # fmt: skip
    assert as_(administrator).post(reverse("admin:auth_user_change", args=[viewer.pk]), form).status_code == 302
    found = User.objects.get(pk=viewer.pk)
    assert (found.username, found.is_superuser, found.is_staff) == ("renamed", False, False)
    assert not found.user_permissions.exists()
    assert found.check_password(PASSWORD)


def test_an_administrator_gives_a_role_in_one_field():
    viewer = person(Role.VIEWER)
    form = {"username": viewer.username, "email": "a@b.example", "role": "curator", "is_active": "on"}
    as_(person(Role.ADMINISTRATOR)).post(reverse("admin:auth_user_change", args=[viewer.pk]), form)
    assert role_of(User.objects.get(pk=viewer.pk)) == Role.CURATOR


def test_rights_given_by_hand_go_when_a_role_is_saved():
    old = person(Role.VIEWER)
    User.objects.filter(pk=old.pk).update(is_staff=True)
    old.user_permissions.set(Permission.objects.filter(codename="change_portal"))
    form = {"username": old.username, "email": "", "role": "viewer", "is_active": "on"}
    as_(person(Role.ADMINISTRATOR)).post(reverse("admin:auth_user_change", args=[old.pk]), form)
    found = User.objects.get(pk=old.pk)
    assert not found.is_staff
    assert not found.user_permissions.exists()


def test_somebody_is_always_left_to_administer():
    last = person(Role.ADMINISTRATOR)
    client = as_(last)
    page = reverse("admin:auth_user_change", args=[last.pk])
    for change in ({"role": "viewer", "is_active": "on"}, {"role": "administrator"}):
        answer = client.post(page, {"username": last.username, "email": "", **change})
        assert "nobody who may administer" in answer.content.decode()
    delete = reverse("admin:auth_user_delete", args=[last.pk])
    assert "nobody who may administer" in client.get(delete).content.decode()
    client.post(delete, {"post": "yes"})
    client.post(
        reverse("admin:auth_user_changelist"), {"action": "switch_off", "_selected_action": [last.pk]}, follow=True
    )
    last.refresh_from_db()
    assert last.is_active
    assert role_of(last) == Role.ADMINISTRATOR
    with pytest.raises(InvalidInput):
        give_role(last, Role.VIEWER)


def test_a_new_password_is_shown_once_and_nowhere_else():
    viewer = person(Role.VIEWER)
    client = as_(person(Role.ADMINISTRATOR))
    answer = client.post(reverse("admin:auth_user_reset", args=[viewer.pk]))
    password = answer.context["password"]
    assert password in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    viewer.refresh_from_db()
    assert viewer.check_password(password)
    assert password not in client.get(reverse("admin:auth_user_change", args=[viewer.pk])).content.decode()


def test_the_form_for_a_new_user_makes_a_password():
    client = as_(person(Role.ADMINISTRATOR))
    form = {"username": "kim", "email": "kim@home.example", "role": "viewer", "is_active": "on"}
    text = client.post(reverse("admin:auth_user_add"), form, follow=True).content.decode()
    password = text.split("The password of kim is ")[1].split(" ")[0]
    assert User.objects.get(username="kim").check_password(password)


def test_names_and_addresses_that_are_taken_are_refused():
    person(Role.VIEWER, "kim", email="kim@home.example")
    for name, email in (("KIM", ""), ("other", "KIM@home.example"), ("a b", ""), ("c", "no address")):
        with pytest.raises(InvalidInput):
            add_user(name, PASSWORD, email=email)


def test_a_migration_brings_the_groups_back_to_the_table():
    curators = Group.objects.get(name="curator")
    curators.permissions.set(Permission.objects.filter(codename="change_user"))
    Group.objects.get(name="viewer").permissions.set(Permission.objects.filter(codename="change_viewer"))
    roles.set_up_groups()
    codes = set(curators.permissions.values_list("codename", flat=True))
    assert "change_user" not in codes
    assert "change_channel" in codes
    assert not Group.objects.get(name="viewer").permissions.exists()


def test_every_line_of_the_table_names_a_permission_there_is():
    there = {roles._words_of(one) for one in Permission.objects.select_related("content_type")}
    for label, actions in roles.CURATORS_MAY.items():
        for action in actions:
            assert f"{label}.{action}" in there


def test_a_curator_curates():
    channel = ChannelFactory(enabled=False)
    as_(person(Role.CURATOR)).post(
        reverse("admin:channels_channel_changelist"), {"action": "enable", "_selected_action": [channel.pk]}
    )
    assert Channel.objects.enabled().count() == 1


def command(*words):
    out = StringIO()
    call_command("user", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_command_line_does_the_same():
    made = command("add", "kim", "--role", "administrator", "--email", "kim@home.example")
    user = User.objects.get(username="kim")
    assert user.check_password(made["password"])
    assert command("list")[0]["role"] == "administrator"
    again = command("password", "kim")["password"]
    user.refresh_from_db()
    assert user.check_password(again)
    assert command("add", "lee")["role"] == "viewer"
    assert command("role", "lee", "curator") == {"name": "lee", "role": "curator"}
    assert command("off", "lee") == {"name": "lee", "on": False}
    assert command("on", "lee") == {"name": "lee", "on": True}
    as_(user)
    assert command("signout", "kim") == {"name": "kim", "ended": 1}
    for words in (("role", "kim", "viewer"), ("off", "kim"), ("password", "nobody"), ("add", "kim")):
        with pytest.raises(CommandError):
            call_command("user", *words)


def test_what_is_dumped_of_people_holds_hashes_only():
    viewer = ViewerFactory()
    viewer.set_password("viewer-password")
    viewer.set_pin("4711")
    viewer.owner = person(Role.VIEWER)
    viewer.save()
    password = reset_password(viewer.owner)
    as_(viewer.owner)
    out = StringIO()
    call_command("dumpdata", "accounts", "auth.user", stdout=out)
    for secret in ("viewer-password", "4711", password, PASSWORD):
        assert secret not in out.getvalue()
    assert Viewer.objects.get().name in out.getvalue()
