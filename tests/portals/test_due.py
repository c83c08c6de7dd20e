"""When the clock refreshes a portal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portals import due
from portals.models import Run, RunKind, RunState
from tests.factories import PortalFactory, SubscriptionFactory

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def portal(**values):
    return PortalFactory.build(refresh_hours=12, created_at=NOW - HOUR, **values)


def ended(state, at):
    return Run(kind=RunKind.LIVE, state=state, created_at=at - HOUR, finished_at=at)


def test_a_portal_that_never_was_refreshed_is_due_at_once():
    assert due.due_at(portal(), None) == NOW - HOUR


def test_a_refreshed_portal_is_due_after_its_interval():
    assert due.due_at(portal(refreshed_at=NOW), None) == NOW + 12 * HOUR


def test_the_interval_counts_from_the_end_of_the_last_run():
    assert due.due_at(portal(refreshed_at=NOW - 2 * HOUR), ended(RunState.DONE, NOW)) == NOW + 12 * HOUR


def test_a_failed_refresh_is_tried_again_after_an_hour():
    assert due.due_at(portal(), ended(RunState.FAILED, NOW)) == NOW + HOUR


def test_a_refresh_whose_worker_died_begins_again_soon():
    assert due.due_at(portal(), ended(RunState.INTERRUPTED, NOW)) == NOW + due.AGAIN_AFTER


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.HELD])
def test_what_a_person_decides_is_not_repeated_before_its_interval(state):
    assert due.due_at(portal(), ended(state, NOW)) == NOW + 12 * HOUR


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING])
def test_nothing_is_due_while_a_run_is_under_way(state):
    assert due.due_at(portal(), Run(kind=RunKind.LIVE, state=state, created_at=NOW)) is None


def test_a_portal_refreshed_by_hand_only_is_never_due():
    by_hand = portal()
    by_hand.refresh_hours = 0
    assert due.due_at(by_hand, None) is None


@pytest.mark.django_db(transaction=True)
def test_every_due_portal_gets_one_run_of_each_kind_however_often_we_look():
    subscription = SubscriptionFactory(portal__refresh_hours=12)
    PortalFactory(refresh_hours=12, name="without a subscription", slug="none")
    first = due.enqueue_due(NOW + timedelta(days=3650))
    assert [(run.portal, run.kind, run.asked_by) for run in first] == [
        (subscription.portal, RunKind.LIVE, "timer"),
        (subscription.portal, RunKind.VOD, "timer"),
    ]
    assert due.enqueue_due(NOW + timedelta(days=3650)) == []
    assert Run.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_portal_without_movies_has_no_run_for_them():
    SubscriptionFactory(portal__with_vod=False)
    assert [run.kind for run in due.enqueue_due(NOW + timedelta(days=3650))] == [RunKind.LIVE]


@pytest.mark.django_db
def test_a_disabled_portal_is_not_refreshed():
    SubscriptionFactory(portal__enabled=False)
    assert due.enqueue_due(NOW + timedelta(days=3650)) == []
