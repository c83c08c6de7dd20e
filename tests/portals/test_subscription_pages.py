"""The pages of MACs and logins."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import SubscriptionFactory

pytestmark = pytest.mark.django_db

MACS = "admin:portals_mac_changelist"


def text(client, name, *args):
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("days", "word", "colour"), [(-1, "(over)", "text-red-700"), (13, "(soon)", "text-orange-700"), (15, "", "")]
)
def test_the_end_of_a_subscription_is_coloured_when_it_is_over_or_soon(admin_client, days, word, colour):
    SubscriptionFactory(expires_at=timezone.now() + timedelta(days=days, hours=1))
    cell = text(admin_client, MACS).split("field-expires", 1)[1].split("</td>")[0]
    assert word in cell
    assert colour in cell
    assert ("<span" in cell) == bool(word)


def test_a_logins_page_shows_what_the_panel_told(admin_client):
    facts = {"Status": "Active", "Connections": "1 in use, most: <2>"}
    login = SubscriptionFactory(mac="", login="me", facts=facts)
    page = text(admin_client, "admin:portals_login_change", login.pk)
    assert "Status: Active" in page
    assert "Connections: 1 in use, most: &lt;2&gt;" in page
