"""A person who goes astray is told where they are and how to go on; a 500 relies on nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/nonsense", "/me/nonsense/"])
def test_what_is_not_there_leads_to_the_start(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert 'href="/"' in answer.content.decode()
    assert "Log out" not in answer.content.decode()


def test_who_is_logged_in_keeps_their_way_around(admin_client):
    assert "Log out" in admin_client.get("/nonsense").content.decode()


def test_a_form_from_before_the_login_says_so(db):
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("kim"))
    answer = client.post("/me/account/sign-out/")
    assert answer.status_code == 403
    assert "in another tab" in answer.content.decode()


def test_a_broken_house_still_has_a_page(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert "Something broke here" in render_to_string("500.html")


def test_a_form_too_large_is_told_in_words(client):
    answer = client.post("/login/", {"username": "x" * 10_000_000, "password": "y"})
    assert answer.status_code == 400
    assert "Nothing was saved" in answer.content.decode()
