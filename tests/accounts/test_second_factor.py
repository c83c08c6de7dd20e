"""The second factor: asked for at every door, each code good once, guesses counted, secrets kept."""

from __future__ import annotations

import time
from io import StringIO

import pyotp
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts import second_factor
from accounts.guessing import MOST_CODES, TooManyGuesses
from accounts.models import SecondFactor, WebSession
from accounts.roles import Role
from tests.accounts.people import PASSWORD, as_, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return person(Role.ADMINISTRATOR, "boss")


@pytest.fixture
def factor(boss):
    """In use, with its secret at hand."""
    row = second_factor.begin(boss)
    assert row.confirm(pyotp.TOTP(row.secret).at(time.time() - 30))
    return row


def code(factor, steps=0):
    return pyotp.TOTP(factor.secret).at(time.time() + 30 * steps)


def wrong_code(factor):
    right = {code(factor, step) for step in (-2, -1, 0, 1, 2)}
    return next(f"{n:06}" for n in range(10) if f"{n:06}" not in right)


def with_password(path="/login/", **more):
    client = Client()
    client.post(path, {"username": "boss", "password": PASSWORD, **more})
    return client


@pytest.mark.parametrize("door", ["/login/", "/admin/login/"])
def test_the_password_alone_opens_nothing(factor, door):
    client = with_password(door)
    for page in ("/admin/", "/me/", "/me/account/", "/admin/auth/user/", reverse("now_playing")):
        assert client.get(page).status_code == 302, page
    for post in ("account-factor-off", "account-recovery", "account-sign-out"):
        assert client.post(reverse(post), {"password": PASSWORD})["Location"].startswith("/login/")
    assert second_factor.of(factor.user) is not None


def test_not_even_a_login_that_goes_around_the_page_does(factor):
    assert as_(factor.user).get("/admin/").status_code == 302


def test_the_code_opens_and_leads_where_one_wanted(factor):
    client = Client()
    first = client.post("/login/", {"username": "boss", "password": PASSWORD, "next": "/admin/auth/user/"})
    assert first["Location"] == "/login/code/?next=%2Fadmin%2Fauth%2Fuser%2F"
    before = client.cookies["sessionid"].value
    done = client.post("/login/code/", {"code": code(factor), "next": "/admin/auth/user/"})
    assert done["Location"] == "/admin/auth/user/"
    assert client.get("/admin/auth/user/").status_code == 200
    assert client.cookies["sessionid"].value != before


def test_a_code_counts_once(factor):
    used = code(factor)
    assert with_password().post("/login/code/", {"code": used}).status_code == 302
    assert with_password().post("/login/code/", {"code": used}).status_code == 403


def test_a_code_of_long_ago_does_not_count(factor):
    assert not factor.accepts(code(factor, -5))


def test_nobody_is_sent_elsewhere_behind_the_code(factor):
    done = with_password().post("/login/code/", {"code": code(factor), "next": "https://evil.example/"})
    assert done["Location"] == "/admin/"


def test_codes_are_guessed_a_few_times_only_however_often_one_begins_anew(factor):
    SecondFactor.objects.update(last_step=0)
    wrong = wrong_code(factor)
    said = [with_password().post("/login/code/", {"code": wrong}).status_code for _ in range(MOST_CODES + 1)]
    assert said.count(429) >= 1
    assert with_password().post("/login/code/", {"code": code(factor)}).status_code == 429
    with pytest.raises(TooManyGuesses):
        factor.accepts(code(factor))


def test_the_code_page_is_nobodys_without_a_password(client):
    assert client.get("/login/code/")["Location"] == "/login/"


def test_a_recovery_code_opens_once(factor):
    one, other = factor.new_recovery_codes()[:2]
    assert with_password().post("/login/code/", {"code": one.lower()}).status_code == 302
    assert with_password().post("/login/code/", {"code": one}).status_code == 403
    assert with_password().post("/login/code/", {"code": other.replace("-", " ")}).status_code == 302
    factor.refresh_from_db()
    assert len(factor.recovery) == second_factor.RECOVERY_CODES - 2


def test_it_is_set_up_on_ones_own_page():
    kim = person(name="kim")
    here, there = as_(kim), as_(kim)
    assert here.post(reverse("account-factor"), {"password": "wrong"})["Location"] == reverse("account")
    page = here.post(reverse("account-factor"), {"password": PASSWORD})
    secret = page.context["secret"]
    assert page.context["picture"].startswith("data:image/svg+xml")
    assert there.get("/me/").status_code == 200
    assert here.post(reverse("account-factor"), {"code": "nonsense"}).status_code == 400
    done = here.post(reverse("account-factor"), {"code": pyotp.TOTP(secret).now()})
    assert len(done.context["codes"]) == second_factor.RECOVERY_CODES
    assert here.get("/me/").status_code == 200
    assert there.get("/me/").status_code == 302
    assert secret not in here.get(reverse("account-factor"), follow=True).content.decode()


def test_an_unfinished_set_up_locks_nobody_out():
    kim = person(name="kim")
    client = as_(kim)
    client.post(reverse("account-factor"), {"password": PASSWORD})
    assert as_(kim).get("/me/").status_code == 200


def test_switching_off_takes_the_password(factor):
    client = with_password()
    client.post("/login/code/", {"code": code(factor)})
    client.post(reverse("account-factor-off"), {"password": "wrong"})
    assert second_factor.of(factor.user) is not None
    client.post(reverse("account-factor-off"), {"password": PASSWORD})
    assert second_factor.of(factor.user) is None


def test_an_administrator_takes_it_away(factor):
    other = as_(person(Role.ADMINISTRATOR, "other"))
    page = reverse("admin:auth_user_change", args=[factor.user.pk])
    assert "Take the second factor away" in other.get(page).content.decode()
    other.post(reverse("admin:auth_user_no_factor", args=[factor.user.pk]))
    assert with_password().get("/admin/").status_code == 200


def test_the_command_line_takes_it_away(factor):
    call_command("user", "no-factor", "boss", stdout=StringIO())
    assert with_password().get("/admin/").status_code == 200


def test_a_copy_of_the_database_makes_no_code(factor):
    codes = factor.new_recovery_codes()
    out = StringIO()
    call_command("dumpdata", "accounts", stdout=out)
    assert factor.secret not in out.getvalue()
    for one in codes:
        assert one not in out.getvalue()
        assert one.replace("-", "") not in out.getvalue()


def test_another_secret_key_is_said_in_words(factor, settings):
    client = with_password()
    settings.SECRET_KEY = "another"
    row = SecondFactor.objects.get()
    with pytest.raises(second_factor.SecondFactorUnreadable, match="no-factor"):
        _ = row.secret
    assert WebSession.objects.filter(verified=False).exists()
    assert client is not None
