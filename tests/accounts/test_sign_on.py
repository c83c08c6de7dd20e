"""Single sign-on against a real provider on loopback: who comes in as whom, and what does not get in."""

from __future__ import annotations

import time

import pyotp
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from joserfc.jwk import RSAKey

from accounts import second_factor
from accounts.models import ExternalIdentity
from accounts.people import switch
from accounts.roles import Role, role_of
from restreamer.checks import settings_check
from tests.accounts.people import as_, person
from tests.fakes.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider

pytestmark = pytest.mark.django_db

KIM = {"sub": "1234", "preferred_username": "kim", "email": "kim@home.example", "email_verified": True}


@pytest.fixture(scope="module")
def running():
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture
def provider(running, settings):
    settings.OIDC_ISSUER, settings.OIDC_NAME = running.issuer, "Home key"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET, settings.OIDC_CREATE = CLIENT_ID, CLIENT_SECRET, True
    running.lies, running.signs_with, running.algorithm = {}, running.key, "RS256"
    return running


def come_in(client, provider, claims=KIM, **start):
    away = client.get(reverse("sign-on"), start)
    assert away["Location"].startswith(f"{provider.issuer}/authorize?")
    return client.get(reverse("sign-on-back"), provider.says_yes(away["Location"], claims))


def is_in(client):
    return client.get(reverse("me")).status_code == 200


def test_it_is_off_until_it_is_set_up(client):
    assert client.get(reverse("sign-on")).status_code == 404
    assert client.get(reverse("sign-on-back")).status_code == 404
    assert "sign-on" not in client.get("/login/").content.decode()


def test_somebody_new_comes_in_as_viewer_and_the_next_time_as_the_same(client, provider):
    assert f'href="{reverse("sign-on")}' in client.get("/login/").content.decode()
    assert come_in(client, provider)["Location"] == reverse("me")
    assert is_in(client)
    user = User.objects.get()
    assert (user.username, role_of(user), user.has_usable_password()) == ("kim", Role.VIEWER, False)
    come_in(Client(), provider, {**KIM, "preferred_username": "renamed", "email": "new@home.example"})
    assert User.objects.count() == 1


def test_a_claimed_role_or_name_gives_nothing(client, provider):
    boss = person(Role.ADMINISTRATOR, "kim")
    come_in(
        client, provider, {"sub": "9", "preferred_username": "kim", "is_superuser": True, "groups": ["administrator"]}
    )
    made = User.objects.exclude(pk=boss.pk).get()
    assert (made.username, role_of(made)) == ("kim-2", Role.VIEWER)


def test_a_verified_address_finds_the_viewer_we_know(client, provider):
    kim = person(name="kim-of-ours", email="KIM@home.example")
    come_in(client, provider)
    assert ExternalIdentity.objects.get().user == kim


@pytest.mark.parametrize("verified", [False, None, "true"])
def test_an_address_nobody_verified_finds_nobody(client, provider, verified):
    kim = person(name="kim-of-ours", email="kim@home.example")
    come_in(client, provider, {**KIM, "email_verified": verified})
    assert ExternalIdentity.objects.get().user != kim


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.CURATOR])
def test_an_address_alone_gives_nobody_power(client, provider, role):
    person(role, email="kim@home.example")
    answer = come_in(client, provider)
    assert answer.status_code == 403
    assert "Ask an administrator" in answer.content.decode()
    assert not is_in(client)


def test_who_is_logged_in_connects_the_two_himself(client, provider):
    boss = person(Role.ADMINISTRATOR, "boss")
    here = as_(boss)
    away = here.post(reverse("sign-on-link"))
    back = here.get(reverse("sign-on-back"), provider.says_yes(away["Location"], KIM))
    assert back["Location"] == reverse("account")
    come_in(client, provider)
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/").context["user"] == boss


def test_an_identity_is_one_user(client, provider):
    come_in(client, provider)
    other = as_(person(name="other"))
    away = other.post(reverse("sign-on-link"))
    assert other.get(reverse("sign-on-back"), provider.says_yes(away["Location"], KIM)).status_code == 403
    assert ExternalIdentity.objects.get().user.username == "kim"


def test_nobody_new_comes_in_where_that_is_not_wanted(client, provider, settings):
    settings.OIDC_CREATE = False
    assert come_in(client, provider).status_code == 403
    assert not User.objects.exists()


def test_who_is_switched_off_stays_out(client, provider):
    person(Role.ADMINISTRATOR)
    come_in(Client(), provider)
    switch(User.objects.get(username="kim"), on=False)
    assert come_in(client, provider).status_code == 403
    assert not is_in(client)


def test_the_second_factor_is_asked_for_here_too(client, provider):
    come_in(Client(), provider)
    factor = second_factor.begin(User.objects.get())
    totp = pyotp.TOTP(factor.secret)
    factor.confirm(totp.at(time.time() - 30))
    assert come_in(client, provider)["Location"].startswith("/login/code/")
    assert not is_in(client)
    client.post("/login/code/", {"code": totp.now()})
    assert is_in(client)


def test_nobody_is_sent_elsewhere_afterwards(client, provider):
    assert come_in(client, provider, next="https://evil.example/")["Location"] == reverse("me")
    assert come_in(Client(), provider, next="/me/account/")["Location"] == "/me/account/"


@pytest.mark.parametrize(
    "lies",
    [{"iss": "https://evil.example"}, {"aud": "somebody-else"}, {"exp": 1}, {"nonce": "replayed"}, {"sub": None}],
    ids=lambda lies: next(iter(lies)),
)
def test_a_token_that_is_not_for_us_now_opens_nothing(client, provider, lies):
    provider.lies = lies
    assert come_in(client, provider).status_code == 502
    assert not is_in(client)
    assert not User.objects.exists()


def test_a_token_somebody_else_signed_opens_nothing(client, provider):
    provider.signs_with = RSAKey.generate_key(2048, parameters={"kid": "k1"})
    assert come_in(client, provider).status_code == 502
    assert not is_in(client)


def test_an_answer_nobody_asked_for_opens_nothing(client, provider):
    away = Client().get(reverse("sign-on"))
    answer = client.get(reverse("sign-on-back"), provider.says_yes(away["Location"], KIM))
    assert answer.status_code == 502
    assert not is_in(client)


def test_a_code_counts_once(client, provider):
    away = client.get(reverse("sign-on"))
    query = provider.says_yes(away["Location"], KIM)
    assert client.get(reverse("sign-on-back"), query).status_code == 302
    client.post(reverse("logout"))
    assert client.get(reverse("sign-on-back"), query).status_code == 502


def test_a_provider_that_says_no_or_nothing_is_a_sentence(client, provider, settings):
    client.get(reverse("sign-on"))
    refused = client.get(reverse("sign-on-back"), {"error": "access_denied", "error_description": "<b>no</b>"})
    assert refused.status_code == 502
    assert "<b>no</b>" not in refused.content.decode()
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert "did not work" in client.get(reverse("sign-on")).content.decode()


def test_settings_that_cannot_work_end_the_start(settings):
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = "http://sign-on.example", ""
    assert {"restreamer.E004", "restreamer.E005"} <= {one.id for one in settings_check()}
