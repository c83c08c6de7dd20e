"""The door: who gets in, how often one may be wrong, where one goes next, and what signing out ends."""

from __future__ import annotations

import logging
from datetime import timedelta
from io import StringIO

import pytest
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import throttle, web_sessions
from accounts.models import WebSession
from accounts.people import reset_password, set_password, switch
from accounts.roles import Role
from restreamer.lib.redis_client import connection
from tests.accounts.people import PASSWORD, as_, person

pytestmark = pytest.mark.django_db

LOGIN = "/login/"


def log_in(client, name, password=PASSWORD, **more):
    headers = more.pop("headers", {})
    return client.post(LOGIN, {"username": name, "password": password, **more}, headers=headers)


def is_in(client):
    return client.get(reverse("me")).status_code == 200


@pytest.mark.parametrize("word", ["kim", "kim@home.example", "KIM@HOME.example"])
def test_name_and_address_both_open(client, word):
    person(name="kim", email="kim@home.example")
    assert log_in(client, word)["Location"] == reverse("me")
    assert is_in(client)


def test_a_wrong_name_and_a_wrong_password_are_one_answer(client):
    person(name="kim")
    said = [log_in(client, name, "wrong").content.decode() for name in ("kim", "nobody", "nobody@home.example")]
    assert all("Name and password do not fit" in text for text in said)
    assert not is_in(client)


def test_staff_goes_to_the_admin_and_a_viewer_to_his_players(client):
    curator = person(Role.CURATOR)
    assert log_in(client, curator.username)["Location"] == reverse("admin:index")


@pytest.mark.parametrize(
    "there",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:///evil.example"],
)
def test_nobody_is_sent_to_somebody_elses_site(client, there):
    user = person(name="kim")
    assert log_in(client, "kim", next=there)["Location"] == reverse("me")
    assert as_(user).get(LOGIN, {"next": there})["Location"] == reverse("me")


def test_one_goes_on_where_one_wanted(client):
    person(name="kim")
    assert log_in(client, "kim", next="/me/account/")["Location"] == "/me/account/"


@pytest.mark.parametrize("page", ["/admin/", "/dashboard", "/streaming", "/portal/1/channels"])
def test_a_viewer_is_not_sent_round_in_circles(client, page):
    client = as_(person())
    answer = client.get(page, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("me")
    assert answer.status_code == 200


def test_the_admins_own_login_is_the_same_door(client):
    person(Role.ADMINISTRATOR, "boss")
    page = client.get("/admin/login/?next=/admin/")
    assert 'action="/login/"' in page.content.decode()
    assert client.post("/admin/login/", {"username": "boss", "password": PASSWORD})["Location"] == "/admin/"


def test_a_login_does_not_keep_the_session_somebody_else_may_know(client):
    person(name="kim")
    session = client.session
    session["planted"] = True
    session.save()
    before = client.cookies["sessionid"].value
    log_in(client, "kim")
    after = client.cookies["sessionid"].value
    assert after != before
    assert not Session.objects.filter(pk=before).exists()
    stranger = Client()
    stranger.cookies["sessionid"] = before
    assert not is_in(stranger)


def test_forms_without_their_token_are_refused():
    user = person(name="kim")
    client = Client(enforce_csrf_checks=True)
    assert log_in(client, "kim").status_code == 403
    client.force_login(user, "accounts.backends.NameOrEmailBackend")
    for name in ("logout", "account-password", "account-sign-out", "account-factor", "account-factor-off"):
        assert client.post(reverse(name)).status_code == 403, name
    assert is_in(client)


# --- too often -------------------------------------------------------------------------------------------------------


def test_who_guesses_has_to_wait_even_with_the_right_password(client, settings):
    person(name="kim")
    settings.AXES_FAILURE_LIMIT = 3
    answers = [log_in(client, "kim", f"wrong {n}") for n in range(3)]
    assert [one.status_code for one in answers] == [403, 403, 429]
    late = log_in(client, "kim")
    assert late.status_code == 429
    assert "Too many wrong logins" in late.content.decode()
    assert late["Retry-After"] == "900"
    assert not is_in(client)


def test_other_names_and_other_forms_are_the_same_guesser(client, settings):
    person(name="kim")
    settings.AXES_FAILURE_LIMIT = 3
    log_in(client, "a", "x")
    client.post("/admin/login/", {"username": "b", "password": "x"})
    log_in(client, "c", "x")
    assert log_in(client, "kim").status_code == 429


def test_a_right_login_in_between_wins_a_guesser_nothing(client, settings):
    person(name="kim")
    person(name="mallory")
    settings.AXES_FAILURE_LIMIT = 3
    for n in range(2):
        log_in(client, "kim", f"wrong {n}")
        log_in(Client(), "mallory")
    assert log_in(client, "kim", "wrong again").status_code == 429


def test_a_stranger_cannot_lock_anybody_out_from_elsewhere(client, settings):
    person(name="kim")
    settings.AXES_FAILURE_LIMIT, settings.TRUSTED_PROXIES = 3, ("127.0.0.1",)
    for n in range(4):
        log_in(client, "kim", f"wrong {n}", headers={"x-forwarded-for": "203.0.113.5"})
    assert log_in(client, "kim", headers={"x-forwarded-for": "203.0.113.5"}).status_code == 429
    assert log_in(client, "kim", headers={"x-forwarded-for": "198.51.100.7"}).status_code == 302


def test_an_invented_address_helps_no_guesser(client, settings):
    person(name="kim")
    settings.AXES_FAILURE_LIMIT = 3
    for n in range(3):
        log_in(client, "kim", f"wrong {n}", headers={"x-forwarded-for": f"198.51.100.{n}"})
    assert log_in(client, "kim", headers={"x-forwarded-for": "198.51.100.99"}).status_code == 429


@pytest.mark.parametrize(
    ("given", "counted"),
    [("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"), ("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1", "192.0.2.1")],
)
def test_a_household_of_ipv6_is_one_address(rf, given, counted):
    assert throttle.counted_address(rf.get("/", REMOTE_ADDR=given)) == counted


def test_an_administrator_lets_somebody_in_again(client, settings):
    person(name="kim")
    settings.AXES_FAILURE_LIMIT = 3
    for n in range(3):
        log_in(client, "kim", f"wrong {n}")
    boss = as_(person(Role.ADMINISTRATOR))
    assert "127.0.0.1" in boss.get(reverse("admin:auth_user_changelist")).content.decode()
    assert (
        as_(person(Role.CURATOR)).post(reverse("admin:auth_user_unlock"), {"address": "127.0.0.1"}).status_code == 403
    )
    assert log_in(client, "kim").status_code == 429
    boss.post(reverse("admin:auth_user_unlock"), {"address": "127.0.0.1"})
    assert log_in(client, "kim").status_code == 302
    assert throttle.lockouts(connection()) == []


def test_the_command_line_lifts_by_name_too(client, settings):
    person(name="kim")
    settings.AXES_FAILURE_LIMIT = 3
    for n in range(3):
        log_in(client, "kim", f"wrong {n}")
    out = StringIO()
    call_command("user", "unlock", "kim", stdout=out)
    assert out.getvalue() == "1 address(es) may log in again.\n"
    assert log_in(client, "kim").status_code == 302


def test_more_tries_change_neither_the_wait_nor_who_can_be_let_in(client, settings, time_machine):
    settings.AXES_FAILURE_LIMIT = 3
    time_machine.move_to(1_800_000_000, tick=False)
    for n in range(3):
        log_in(client, "kim", f"wrong {n}")
    time_machine.shift(600)
    log_in(client, "boss", "wrong")
    [waiting] = throttle.lockouts(connection())
    assert (waiting.names, waiting.minutes) == (("kim", "boss"), 5)
    assert throttle.lift(connection(), "kim") == 1


def test_without_redis_the_door_says_so_and_stays_shut(client, settings, monkeypatch):
    person(name="kim")
    dead = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nobody/here.sock"}
    settings.CACHES = {"default": dead}
    monkeypatch.setattr(AxesProxyHandler, "implementation", None)
    answer = log_in(client, "kim")
    assert answer.status_code == 503
    assert "Try again in a moment" in answer.content.decode()
    assert not is_in(client)


def test_what_is_typed_stands_in_no_log(client, settings, caplog):
    caplog.set_level(logging.INFO)
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(4):
        log_in(client, "my-password-in-the-wrong-field", "my-secret-word")
    assert "my-secret-word" not in caplog.text
    assert "my-password-in-the-wrong-field" not in "".join(
        r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR
    )


# --- browsers --------------------------------------------------------------------------------------------------------


def test_a_browser_is_listed_and_signed_out(client):
    user = person(name="kim")
    log_in(client, "kim", headers={"user-agent": "Firefox <b>"})
    other = as_(user)
    text = other.get(reverse("account")).content.decode()
    assert "Firefox &lt;b&gt;" in text
    row = WebSession.objects.get(agent="Firefox <b>")
    other.post(reverse("account-sign-out"), {"session": row.pk})
    assert not is_in(client)
    assert is_in(other)


def test_nobody_signs_out_somebody_else():
    victim, attacker = as_(person(name="victim")), as_(person(name="attacker"))
    row = WebSession.objects.get(user__username="victim")
    attacker.post(reverse("account-sign-out"), {"session": row.pk})
    attacker.post(reverse("account-sign-out"))
    assert is_in(victim)


def test_an_administrator_signs_out_anybody():
    user = person(name="kim")
    client, boss = as_(user), as_(person(Role.ADMINISTRATOR))
    boss.post(reverse("admin:auth_user_sign_out", args=[user.pk]))
    assert not is_in(client)
    assert is_in(boss)


def test_another_password_signs_out_all_others():
    user = person(name="kim")
    here, there = as_(user), as_(user)
    form = {"old_password": PASSWORD, "new_password": "another long word", "again": "another long word"}
    assert here.post(reverse("account-password"), form)["Location"] == reverse("account")
    assert is_in(here)
    assert not is_in(there)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"old_password": "wrong"}, "not your password"),
        ({"again": "something else"}, "not the same"),
        ({"new_password": "12345", "again": "12345"}, "too short"),
    ],
)
def test_a_password_that_cannot_be_is_refused_in_words(change, said):
    user = person(name="kim")
    form = {"old_password": PASSWORD, "new_password": "another long word", "again": "another long word", **change}
    answer = as_(user).post(reverse("account-password"), form)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize(
    "end",
    [
        reset_password,
        lambda u: set_password(u, "another long word"),
        lambda u: switch(u, on=False),
        web_sessions.sign_out,
    ],
    ids=["reset", "set", "off", "sign out"],
)
def test_every_end_ends_every_browser(end):
    person(Role.ADMINISTRATOR)
    user = person(name="kim")
    client = as_(user)
    assert is_in(client)
    end(user)
    assert not is_in(client)


def test_who_is_switched_off_does_not_get_in(client):
    person(Role.ADMINISTRATOR)
    switch(person(name="kim"), on=False)
    assert log_in(client, "kim").status_code == 403


def test_logging_out_forgets_the_browser(client):
    person(name="kim")
    log_in(client, "kim")
    client.post(reverse("logout"))
    assert not WebSession.objects.exists()
    assert not is_in(client)


def test_a_login_that_is_not_remembered_ends_with_the_browser_or_by_itself(client):
    person(name="kim")
    log_in(client, "kim")
    assert client.cookies["sessionid"]["max-age"] == ""
    WebSession.objects.update(seen_at=timezone.now() - web_sessions.IDLE - timedelta(minutes=1))
    assert not is_in(client)


def test_a_remembered_login_stays(client):
    person(name="kim")
    log_in(client, "kim", remember="on")
    assert client.cookies["sessionid"]["max-age"] == 30 * 24 * 3600
    assert client.cookies["sessionid"]["httponly"]
    assert client.cookies["sessionid"]["samesite"] == "Lax"
    WebSession.objects.update(seen_at=timezone.now() - timedelta(days=3))
    assert is_in(client)


def test_a_copied_row_lets_nobody_in(client):
    user = person(name="kim")
    as_(user)
    client.cookies["sessionid"] = WebSession.objects.get().pk
    assert not is_in(client)


def test_old_rows_are_forgotten():
    as_(person())
    WebSession.objects.update(seen_at=timezone.now() - timedelta(days=61))
    assert web_sessions.forget_old() == 1


def test_own_pages_tell_browsers_to_run_only_our_files_and_keep_nothing():
    for path in (LOGIN, "/me/", "/me/account/"):
        answer = as_(person(name=f"u{path.count('/')}{len(path)}")).get(path) if path != LOGIN else Client().get(path)
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "no-store" in answer["Cache-Control"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert "style=" not in answer.content.decode()
        assert "onclick" not in answer.content.decode()
    admin = as_(person(Role.ADMINISTRATOR)).get(reverse("admin:index"))
    assert "object-src 'none'" in admin["Content-Security-Policy"]


def test_a_request_of_a_player_asks_for_no_session(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/healthz")
