"""Alerts: each trouble opens one, its end closes it; one that a person resolved is back only when it happens again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from guide.models import EpgSource, SourceKind
from monitoring import alerts, conditions
from monitoring.dashboard import open_alerts
from monitoring.models import Alert, Kind
from portals.models import Run, RunKind, RunState, SubscriptionState
from streaming.models import PlaySession
from tests.factories import ChannelFactory, PortalFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def shown():
    return [(alert.kind, alert.subject) for alert in Alert.objects.open()]


def viewing(channel, end, *, minutes=5, faults=0, title="News"):
    ended = NOW - timedelta(minutes=minutes)
    return PlaySession.objects.create(
        session_id=f"s{PlaySession.objects.count()}",
        viewer_name="sofa",
        channel=channel,
        title=title,
        started_at=ended - timedelta(minutes=1),
        ended_at=ended,
        end=end,
        faults=faults,
        sentence="All sources failed.",
    )


def test_nothing_is_wrong_with_an_installation_that_is_well():
    SubscriptionFactory(state=SubscriptionState.OK, expires_at=NOW + timedelta(days=90))
    alerts.look(NOW)
    assert shown() == []


def test_a_refused_mac_is_told_without_showing_it_whole():
    SubscriptionFactory(portal=PortalFactory(name="Home"), mac="00:1A:79:AA:BB:CC", state=SubscriptionState.BLOCKED)
    alerts.look(NOW)
    (alert,) = Alert.objects.open()
    assert (alert.kind, alert.severity) == (Kind.REFUSED, "error")
    assert alert.subject == "Home · 00:1A:79:**:**:CC"
    assert "AA:BB" not in alert.text


@pytest.mark.parametrize(
    ("days", "kind", "severity"), [(-1, Kind.EXPIRED, "error"), (3, Kind.EXPIRES, "warning"), (15, None, None)]
)
def test_a_subscription_that_runs_out_is_told_two_weeks_before(days, kind, severity):
    SubscriptionFactory(state=SubscriptionState.OK, expires_at=NOW + timedelta(days=days))
    alerts.look(NOW)
    assert [(alert.kind, alert.severity) for alert in Alert.objects.open()] == ([(kind, severity)] if kind else [])


def test_what_is_switched_off_alarms_nobody():
    SubscriptionFactory(state=SubscriptionState.BLOCKED, enabled=False)
    SubscriptionFactory(state=SubscriptionState.BLOCKED, portal=PortalFactory(enabled=False))
    EpgSource.objects.create(name="off", address="http://127.0.0.1:9/x", failed=True, enabled=False)
    alerts.look(NOW)
    assert shown() == []


def test_only_the_newest_refresh_of_a_kind_counts():
    portal = PortalFactory(name="Home")
    Run.objects.create(portal=portal, kind=RunKind.LIVE, state=RunState.FAILED, error="The portal is away.")
    alerts.look(NOW)
    assert shown() == [(Kind.REFRESH_FAILED, "Home")]
    assert "The portal is away." in Alert.objects.get().text
    Run.objects.create(portal=portal, kind=RunKind.VOD, state=RunState.DONE)
    Run.objects.create(portal=portal, kind=RunKind.LIVE, state=RunState.QUEUED)
    alerts.look(NOW)
    assert shown() == [(Kind.REFRESH_FAILED, "Home")]
    Run.objects.create(portal=portal, kind=RunKind.LIVE, state=RunState.DONE)
    alerts.look(NOW)
    assert shown() == []
    assert Alert.objects.get().resolved_by == ""


def test_a_held_refresh_leads_to_its_page():
    run = Run.objects.create(portal=PortalFactory(), kind=RunKind.LIVE, state=RunState.HELD)
    alerts.look(NOW)
    assert Alert.objects.get().page == reverse("admin:portals_run_change", args=[run.pk])


def test_a_guide_that_failed():
    EpgSource.objects.create(
        name="Guide", kind=SourceKind.URL, address="http://127.0.0.1:9/x", failed=True, status="No."
    )
    alerts.look(NOW)
    assert shown() == [(Kind.GUIDE_FAILED, "Guide")]


@pytest.mark.parametrize(
    ("end", "faults", "told"),
    [
        ("no_source", 2, True),
        ("died", 0, True),
        ("defect", 0, True),
        ("refused", 3, True),
        # Limits are no trouble of the channel.
        ("refused", 0, False),
        ("left", 1, False),
        ("too_slow", 0, False),
    ],
)
def test_a_channel_that_could_not_be_played(end, faults, told):
    viewing(ChannelFactory(), end, faults=faults)
    alerts.look(NOW)
    assert shown() == ([(Kind.NOT_PLAYED, "News")] if told else [])


def test_a_channel_that_plays_again_is_well_and_old_failures_say_nothing():
    channel = ChannelFactory()
    viewing(channel, "no_source", minutes=30)
    viewing(channel, "no_source", minutes=20)
    alerts.look(NOW)
    assert Alert.objects.get().count == 2
    viewing(channel, "left", minutes=10)
    viewing(ChannelFactory(), "no_source", minutes=25 * 60, title="Long ago")
    alerts.look(NOW)
    assert shown() == []


def test_what_a_person_resolved_comes_back_only_when_it_happens_again():
    portal = PortalFactory()
    Run.objects.create(portal=portal, kind=RunKind.LIVE, state=RunState.FAILED)
    alerts.look(NOW)
    assert alerts.resolve([Alert.objects.get().pk], "ada", NOW) == 1
    alerts.look(NOW + timedelta(minutes=1))
    assert shown() == []
    Run.objects.create(portal=portal, kind=RunKind.LIVE, state=RunState.FAILED)
    alerts.look(NOW + timedelta(minutes=2))
    assert len(shown()) == 1
    assert Alert.objects.filter(resolved_by="ada").count() == 1


def test_one_that_goes_to_and_fro_stays_one_alert():
    one = SubscriptionFactory(state=SubscriptionState.BLOCKED)
    for minute in range(0, 40, 10):
        one.state = SubscriptionState.BLOCKED if minute % 20 == 0 else SubscriptionState.OK
        one.save()
        alerts.look(NOW + timedelta(minutes=minute))
    one.state = SubscriptionState.BLOCKED
    one.save()
    alerts.look(NOW + timedelta(minutes=41))
    (alert,) = Alert.objects.all()
    assert (alert.resolved_at, alert.count) == (None, 3)


def test_the_same_trouble_looked_at_often_is_written_once():
    SubscriptionFactory(state=SubscriptionState.BLOCKED)
    alerts.look(NOW)
    before = Alert.objects.values().get()
    alerts.look(NOW + timedelta(minutes=1))
    assert Alert.objects.values().get() == before


def test_the_number_of_statements_does_not_grow_with_what_is_wrong(django_assert_max_num_queries):
    for _ in range(30):
        SubscriptionFactory(state=SubscriptionState.BLOCKED)
        Run.objects.create(portal=PortalFactory(), kind=RunKind.LIVE, state=RunState.FAILED)
        viewing(ChannelFactory(), "no_source")
    alerts.look(NOW)
    with django_assert_max_num_queries(12):
        alerts.look(NOW)


def test_old_ones_are_forgotten():
    SubscriptionFactory(state=SubscriptionState.BLOCKED)
    alerts.look(NOW)
    alerts.resolve([Alert.objects.get().pk], "ada", NOW)
    alerts.look(NOW + timedelta(days=91))
    # The old one is forgotten, so what is still true is told anew.
    alerts.look(NOW + timedelta(days=91))
    assert len(shown()) == 1


def test_a_backup_that_was_not_made():
    Run.objects.create(kind=RunKind.BACKUP, state=RunState.FAILED, error="The disk is full.")
    alerts.look(NOW)
    assert shown() == [(Kind.NO_BACKUP, "Backup")]
    Run.objects.create(kind=RunKind.BACKUP, state=RunState.DONE)
    alerts.look(NOW)
    assert shown() == []


def test_a_disk_that_is_nearly_full(monkeypatch):
    monkeypatch.setattr(conditions, "LEAST_FREE_BYTES", 2**70)
    alerts.look(NOW)
    assert shown() == [(Kind.DISK_FULL, "Data folder")]


def test_resolving_and_taking_it_back_on_the_page(admin_client, rf, admin_user):
    SubscriptionFactory(state=SubscriptionState.BLOCKED)
    alerts.look(NOW)
    alert = Alert.objects.get()
    page = reverse("admin:monitoring_alert_changelist")
    request = rf.get("/")
    request.user = admin_user
    assert open_alerts(request) == "1"

    answer = admin_client.post(page, {"action": "resolve", "_selected_action": [alert.pk]}, follow=True)
    assert "Resolved: 1." in answer.content.decode()
    alert.refresh_from_db()
    assert alert.resolved_by == "admin"
    assert open_alerts(request) == ""
    assert alert.subject not in admin_client.get(page).content.decode()

    admin_client.post(f"{page}?state=resolved", {"action": "reopen", "_selected_action": [alert.pk]})
    assert len(shown()) == 1


def test_two_resolved_alerts_of_one_trouble_are_not_both_opened_again():
    for _ in range(2):
        Alert.objects.create(key="k", evidence="e", first_at=NOW, last_at=NOW, resolved_at=NOW, resolved_by="ada")
    assert alerts.reopen(list(Alert.objects.values_list("pk", flat=True))) == 1
