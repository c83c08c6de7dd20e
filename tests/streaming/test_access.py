"""Who is let in: tokens, logins, networks, PINs, and what guessing costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from accounts.guessing import MOST_WRONG, TooManyGuesses
from accounts.models import AdultView
from streaming.errors import LoginWrong, TokenMissing, ViewerNotAllowed
from streaming.views.access import admitted, admitted_by_login
from tests.factories import ViewerFactory

pytestmark = pytest.mark.django_db


def request(address="192.168.1.5", **query):
    return RequestFactory().get("/playlist", query, REMOTE_ADDR=address)


@pytest.fixture
def viewer():
    viewer = ViewerFactory(name="kitchen")
    viewer.set_password("correct-horse")
    viewer.save()
    return viewer


def test_a_login_is_its_password_or_its_token(viewer):
    assert admitted_by_login(request(), "kitchen", "correct-horse").viewer == viewer
    assert admitted_by_login(request(), "kitchen", viewer.token).viewer == viewer


@pytest.mark.parametrize(
    ("name", "password"),
    [("kitchen", "wrong"), ("nobody", "correct-horse"), ("", ""), ("kitchen", ""), ("a\0b", "\0"), ("é" * 99, "ü")],
)
def test_unknown_name_and_wrong_password_are_one_error(viewer, name, password):
    with pytest.raises(LoginWrong) as caught:
        admitted_by_login(request(), name, password)
    assert caught.value.public == "Name or password is wrong."


def test_who_guesses_is_told_to_wait_even_when_right_at_last(viewer):
    for at in range(MOST_WRONG):
        with pytest.raises(LoginWrong):
            admitted_by_login(request(), "kitchen", f"guess{at}")
    with pytest.raises(TooManyGuesses):
        admitted_by_login(request(), "kitchen", "correct-horse")
    assert admitted_by_login(request(address="192.168.1.6"), "kitchen", "correct-horse"), "others are not touched"
    assert admitted(request(token=viewer.token)), "playlists in the same house go on working"


def test_guessing_tokens_counts_too(viewer):
    for at in range(MOST_WRONG):
        with pytest.raises(TokenMissing):
            admitted(request(token=f"guess{at}"))
    with pytest.raises(TooManyGuesses):
        admitted(request(token="one more"))


def test_a_login_may_be_bound_to_networks(viewer):
    viewer.networks = "192.168.1.0/24"
    viewer.save()
    assert admitted(request(token=viewer.token))
    for ask in (
        lambda: admitted(request("10.9.9.9", token=viewer.token)),
        lambda: admitted_by_login(request("10.9.9.9"), "kitchen", "correct-horse"),
    ):
        with pytest.raises(ViewerNotAllowed) as caught:
            ask()
        assert caught.value.public == "This login does not work from your network."


def test_an_open_network_needs_no_token_but_no_other_does(viewer):
    with pytest.raises(TokenMissing):
        admitted(request())
    viewer.open_networks = "192.168.1.0/24"
    viewer.save()
    assert admitted(request()).viewer == viewer
    with pytest.raises(TokenMissing):
        admitted(request("10.9.9.9"))
    with pytest.raises(TokenMissing):
        admitted(request(token="wrong"))


@pytest.mark.parametrize("change", [{"enabled": False}, {"expires_at": timezone.now() - timedelta(seconds=1)}])
def test_a_login_that_is_off_or_over_opens_no_network(viewer, change):
    for name, value in ({"open_networks": "192.168.1.0/24"} | change).items():
        setattr(viewer, name, value)
    viewer.save()
    with pytest.raises(TokenMissing):
        admitted(request())
    with pytest.raises(ViewerNotAllowed):
        admitted_by_login(request(), "kitchen", "correct-horse")


def test_a_pin_shows_what_is_adult_and_a_wrong_one_is_refused(viewer):
    viewer.adult = AdultView.PIN
    viewer.set_pin("2468")
    viewer.save()
    assert not admitted(request(token=viewer.token)).adult
    assert admitted(request(token=viewer.token, pin="2468")).adult
    with pytest.raises(ViewerNotAllowed):
        admitted(request(token=viewer.token, pin="1111"))


def test_a_pin_shows_nothing_to_whom_it_is_hidden(viewer):
    viewer.set_pin("2468")
    viewer.save()
    assert not admitted(request(token=viewer.token, pin="2468")).adult
