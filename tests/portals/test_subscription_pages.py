"""The pages of MACs and logins."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portals import in_use, jobs
from portals.admin import subscription
from portals.errors import PortalUnreachable
from portals.in_use import Shown
from portals.leases import Ledger
from portals.models import Subscription
from portals.providers.records import SubscriptionReport
from restreamer.lib.redis_client import connection
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


@pytest.fixture
def mixed():
    """One that works, one never asked, one blocked, one that is over."""
    SubscriptionFactory(state="ok")
    SubscriptionFactory(state="new")
    SubscriptionFactory(state="blocked", last_error="The portal has blocked it.")
    SubscriptionFactory(state="ok", expires_at=timezone.now() - timedelta(days=1))
    return {"_selected_action": list(Subscription.objects.values_list("pk", flat=True))}


@pytest.mark.parametrize(("action", "left", "working"), [("drop_not_working", 2, 2), ("disable_not_working", 4, 2)])
def test_those_that_do_not_work_go_after_a_person_has_seen_which(admin_client, mixed, action, left, working):
    asked = admin_client.post(reverse(MACS), {**mixed, "action": action}).content.decode()
    assert "2 of the chosen ones do not work." in asked
    assert "The portal has blocked it." in asked
    assert "ended on" in asked
    assert Subscription.objects.filter(enabled=True).count() == 4

    admin_client.post(reverse(MACS), {**mixed, "action": action, "confirmed": "1"})
    assert Subscription.objects.count() == left
    assert set(Subscription.objects.filter(enabled=True).values_list("state", flat=True)) == {"ok", "new"}
    assert Subscription.objects.filter(enabled=True).count() == working


def test_where_all_work_nothing_is_asked_and_nothing_goes(admin_client):
    one = SubscriptionFactory(state="ok")
    form = {"action": "drop_not_working", "_selected_action": [one.pk], "confirmed": "1"}
    answer = admin_client.post(reverse(MACS), form, follow=True)
    assert "None of the chosen ones is known not to work." in answer.content.decode()
    assert Subscription.objects.exists()


def test_the_job_asks_about_each_and_one_that_cannot_be_asked_stops_nobody(monkeypatch):
    answers = iter([PortalUnreachable("Nobody answers."), SubscriptionReport("ok", "fine")])

    def check(subscription):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("portals.checking.check_subscription", check)
    assert jobs.check_all([SubscriptionFactory().pk, SubscriptionFactory().pk]) == {"new": 1, "ok": 1}


@pytest.fixture
def busy(monkeypatch, redis):
    """A MAC that plays a channel two people watch."""
    one = SubscriptionFactory()
    SubscriptionFactory()
    ledger = Ledger(redis, "node:relay", settle_s=0)
    ledger.sweep(alone=True)
    ledger.take(ledger.want(one, key="channel:7", viewer="anna"))
    monkeypatch.setattr(in_use, "_namers", [lambda: {"channel:7": Shown("BBC <One>", ("anna", "ben"))}])
    return one


def test_lists_and_pages_tell_what_a_mac_is_busy_with(admin_client, busy):
    cells = text(admin_client, MACS).split("field-in_use")[1:]
    assert sum("BBC &lt;One&gt; · anna, ben · 0 min" in cell.split("</td>")[0] for cell in cells) == 1
    assert "BBC &lt;One&gt; · anna, ben" in text(admin_client, "admin:portals_mac_change", busy.pk)


def test_viewers_names_are_for_administrators(busy):
    (use,) = in_use.by_subscription(connection())[busy.pk]
    words = [subscription._in_words(use, may_know) for may_know in (True, False)]
    assert words == ["BBC <One> · anna, ben · 0 min", "BBC <One> · 0 min"]


def test_a_lease_nobody_can_name_shows_its_key(busy, monkeypatch):
    monkeypatch.setattr(in_use, "_namers", [])
    (use,) = in_use.by_subscription(connection())[busy.pk]
    assert (use.title, use.viewers) == ("channel:7", ("anna",))
