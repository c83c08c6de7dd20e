"""Who may call what: every operation, with every kind of credential."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.guessing import MOST_WRONG
from accounts.roles import Role, give_role
from api.main import api
from api.models import ApiToken, make
from api.scopes import RIGHTS, Scope
from tests.api.conftest import Program
from tests.factories import ChannelFactory, ViewerFactory

pytestmark = pytest.mark.django_db

OPERATIONS = [
    (method, re.sub(r"\{[^}]*\}", "1", path).removeprefix("/api/"))
    for path, methods in api.get_openapi_schema(path_prefix="/api/")["paths"].items()
    for method in methods
]


def test_there_are_operations():
    assert len(OPERATIONS) > 25


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda value: value)
def test_no_operation_is_open(redis, method, path):
    answer = getattr(Client(), method)(f"/api/{path}")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Unauthorized"}


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda value: value)
def test_a_token_does_only_what_it_was_given(owner, redis, method, path):
    """With none of the rights an operation is 403; there is exactly one right that opens it."""
    opening = []
    for scope in Scope:
        status, said = Program(make(owner, scope, [scope])[1])(method, path, {})
        if status == 403:
            assert "may not" in said["detail"]
        else:
            opening.append(scope)
    assert len(opening) == 1


@pytest.mark.parametrize("scope", Scope)
def test_every_right_stands_on_a_right_of_the_owner(scope):
    app, _, name = RIGHTS[scope].partition(".")
    assert Permission.objects.filter(content_type__app_label=app, codename=name).exists()


def test_a_token_never_does_what_its_owner_may_not(redis):
    user = User.objects.create_user("cora")
    give_role(user, Role.CURATOR)
    call = Program(make(user, "all", Scope.values)[1])
    assert call("get", "channels")[0] == 200
    assert call("get", "viewers")[0] == 403
    assert call("get", "playing")[0] == 403
    give_role(user, Role.VIEWER)
    assert call("get", "channels")[0] == 403
    user.is_active = False
    user.save()
    assert call("get", "channels")[0] == 401


def test_a_token_that_is_off_expired_or_removed_is_unknown(owner, redis):
    row, secret = make(owner, "one", ["catalogue:read"])
    call = Program(secret)
    assert call("get", "channels")[0] == 200
    ApiToken.objects.update(enabled=False)
    assert call("get", "channels")[0] == 401
    ApiToken.objects.update(enabled=True, expires_at=timezone.now() - timedelta(seconds=1))
    assert call("get", "channels")[0] == 401
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert call("get", "channels")[0] == 200
    row.delete()
    assert call("get", "channels")[0] == 401


def test_guessing_is_slowed_down(redis):
    call = Program("rs_wrong")
    assert [call("get", "channels")[0] for _ in range(MOST_WRONG)] == [401] * MOST_WRONG
    assert call("get", "channels")[0] == 429


def test_the_secret_is_neither_stored_nor_logged(owner, redis, caplog):
    caplog.set_level(logging.DEBUG)
    row, secret = make(owner, "one", ["catalogue:read"])
    assert Program(secret)("get", "channels")[0] == 200
    row.refresh_from_db()
    assert secret not in str(ApiToken.objects.values().get())
    assert secret not in caplog.text
    assert row.last_used_at is not None


def test_a_browser_that_is_logged_in_reads_and_changes_only_with_its_csrf_token(admin_user, redis):
    channel = ChannelFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.get("/api/channels").status_code == 200
    address = f"/api/channels/{channel.pk}"
    assert client.patch(address, {"name": "x"}, content_type="application/json").status_code == 403
    client.get(reverse("admin:index"))
    client.get("/api/docs")
    headers = {"X-CSRFToken": client.cookies["csrftoken"].value}
    answer = client.patch(address, {"name": "x"}, content_type="application/json", headers=headers)
    assert answer.status_code == 200


def test_the_pages_are_for_those_who_log_in(client, admin_client):
    assert admin_client.get("/api/")["Location"] == "/api/docs"
    for path in ("/api/docs", "/api/openapi.json"):
        assert client.get(path).status_code == 302
        assert admin_client.get(path).status_code == 200
    assert "swagger" in admin_client.get("/api/docs").content.decode()


def test_a_viewer_s_token_opens_nothing(redis):
    assert Program(ViewerFactory().token)("get", "channels")[0] == 401


def test_a_token_made_on_the_page_is_shown_once_and_works(admin_client, redis):
    page = reverse("admin:api_apitoken_add")
    answer = admin_client.post(
        page, {"name": "Home", "scopes": ["catalogue:read", "guide:read"], "enabled": "on"}, follow=True
    )
    (secret,) = re.findall(r"rs_[A-Za-z0-9_-]{40,}", answer.content.decode())
    assert Program(secret)("get", "channels")[0] == 200
    row = ApiToken.objects.get()
    assert row.scopes == ["catalogue:read", "guide:read"]
    change = reverse("admin:api_apitoken_change", args=[row.pk])
    text = admin_client.get(change).content.decode()
    assert secret not in text
    answer = admin_client.post(change, {"name": "Home", "scopes": ["guide:read"]}, follow=True)
    assert Program(secret)("get", "channels")[0] == 401, "switched off"
    assert secret not in answer.content.decode()


def test_a_token_made_by_command_works(owner, redis, capsys):
    call_command("token", "add", "script", "--user", "ada", "--may", "playing:read,catalogue:read", "--days", "3")
    (secret,) = re.findall(r"rs_\S+", capsys.readouterr().out)
    assert Program(secret)("get", "playing")[0] == 200
    call_command("token", "list")
    shown = capsys.readouterr().out
    assert "script" in shown
    assert secret not in shown
    call_command("token", "remove", "script")
    assert Program(secret)("get", "playing")[0] == 401


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["add", "x", "--user", "nobody", "--may", "guide:read"], "No web user"),
        (["add", "x", "--user", "ada", "--may", "all"], "no right 'all'"),
        (["add", "x", "--user", "ada", "--may", ","], "at least one right"),
        (["add", "x", "--user", "ada", "--may", "guide:read", "--days", "-1"], "cannot be negative"),
        (["remove", "x"], "No token"),
    ],
)
def test_what_is_wrong_is_said(owner, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("token", *words)
