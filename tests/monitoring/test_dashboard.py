"""The first page after logging in: for a newcomer, for one with everything, and for a curator."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role, give_role
from monitoring import alerts, dashboard
from portals.models import Run, RunKind, SubscriptionState
from restreamer.lib.redis_client import RedisUnavailable
from streaming.models import PlaySession
from tests.factories import ChannelFactory, PortalFactory, SubscriptionFactory, ViewerFactory

pytestmark = pytest.mark.django_db


def page(client):
    answer = client.get(reverse("admin:index"))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_newcomer_is_led_to_the_first_picture(admin_client):
    shown = page(admin_client)
    assert "To the first picture" in shown
    assert reverse("admin:portals_portal_add") in shown


def test_the_steps_go_when_somebody_has_watched(admin_client):
    SubscriptionFactory()
    ChannelFactory()
    ViewerFactory()
    now = timezone.now()
    PlaySession.objects.create(
        session_id="1", viewer_name="sofa", title="<News>", started_at=now, ended_at=now, end="left"
    )
    shown = page(admin_client)
    assert "To the first picture" not in shown
    assert "sofa: &lt;News&gt;" in shown


def test_what_needs_a_person_stands_there_with_a_way_to_it(admin_client):
    one = SubscriptionFactory(
        portal=PortalFactory(name="Home"),
        mac="00:1A:79:AA:BB:CC",
        state=SubscriptionState.BLOCKED,
        expires_at=timezone.now() + timedelta(days=3),
    )
    alerts.look(timezone.now())
    shown = page(admin_client)
    assert "Home · 00:1A:79:**:**:CC: refused by the provider" in shown
    assert reverse("admin:portals_mac_change", args=[one.pk]) in shown
    assert "AA:BB" not in shown


def test_a_curator_sees_neither_providers_nor_alerts(client):
    SubscriptionFactory(portal=PortalFactory(name="Home"), state=SubscriptionState.BLOCKED)
    Run.objects.create(portal=PortalFactory(name="Other"), kind=RunKind.LIVE)
    alerts.look(timezone.now())
    user = User.objects.create_user("cora")
    give_role(user, Role.CURATOR)
    client.force_login(user)
    shown = page(client)
    assert "Other" in shown
    assert "Needs you" not in shown
    assert "Providers</h2>" not in shown
    assert reverse("admin:monitoring_alert_changelist") not in shown


def test_statements_do_not_grow_with_what_there_is(admin_client, django_assert_max_num_queries):
    for _ in range(20):
        SubscriptionFactory(state=SubscriptionState.BLOCKED)
        ChannelFactory()
    alerts.look(timezone.now())
    with django_assert_max_num_queries(40):
        page(admin_client)


def test_a_redis_that_does_not_answer_is_said_and_the_rest_stays(admin_client, monkeypatch):
    def away():
        raise RedisUnavailable

    monkeypatch.setattr(dashboard, "connection", away)
    SubscriptionFactory(portal=PortalFactory(name="Home"))
    shown = page(admin_client)
    assert RedisUnavailable.public in shown
    assert "Home · " in shown
