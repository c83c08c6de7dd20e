"""The page of a portal: what is stored when it is saved."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from portals import due
from portals.models import Portal, RunKind

pytestmark = pytest.mark.django_db

ADD = "admin:portals_portal_add"


def filled(**fields):
    """The form as a browser sends it; subscriptions as a list of dicts."""
    rows = fields.pop("subscriptions", [])
    form = {
        "name": "Mine", "kind": "stalker", "address": "http://127.0.0.1/c/", "enabled": "on", "refresh_hours": "12",
        "language": "en", "priority": "100", "max_streams": "0", "hold_percent": "30", "remove_stale_days": "30",
        "subscriptions-TOTAL_FORMS": str(len(rows)), "subscriptions-INITIAL_FORMS": "0",
        "delivery-TOTAL_FORMS": "0", "delivery-INITIAL_FORMS": "0",
    }  # fmt: skip
    for number, row in enumerate(rows):
        row = {"mac": "", "login": "", "password": "", "streams": "1", "enabled": "on", "rank": "0"} | row
        form |= {f"subscriptions-{number}-{name}": value for name, value in row.items()}
    return form | fields


def saved(client, address, form):
    answer = client.post(address, form, follow=True)
    assert answer.redirect_chain, answer.context["errors"]
    return answer.content.decode()


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch):
    monkeypatch.setattr("portals.jobs._put", lambda run_id: None)


@pytest.mark.parametrize("rows", [[], [{}]], ids=["no row", "an empty row"])
def test_a_playlist_added_on_the_page_plays_and_is_due(admin_client, rows):
    saved(admin_client, reverse(ADD), filled(kind="m3u", address="http://127.0.0.1/list.m3u", subscriptions=rows))

    portal = Portal.objects.get()
    assert [one.shown_name for one in portal.subscriptions.usable()] == ["playlist"]
    assert RunKind.LIVE in [run.kind for run in due.enqueue_due(timezone.now())]


def test_a_playlist_with_a_login_gets_no_other_subscription(admin_client):
    login = {"login": "me", "password": "x"}
    saved(admin_client, reverse(ADD), filled(kind="m3u", address="http://127.0.0.1/l.m3u", subscriptions=[login]))

    assert [one.login for one in Portal.objects.get().subscriptions.all()] == ["me"]


def test_saving_a_playlist_that_lost_its_subscription_gives_it_back(admin_client):
    saved(admin_client, reverse(ADD), filled(kind="m3u", address="http://127.0.0.1/list.m3u"))
    portal = Portal.objects.get()
    portal.subscriptions.all().delete()

    saved(
        admin_client,
        reverse("admin:portals_portal_change", args=[portal.pk]),
        filled(kind="m3u", address="http://127.0.0.1/list.m3u"),
    )
    assert portal.subscriptions.count() == 1
