"""What a row says after its portal was asked, and when it is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portals import checking, errors, jobs
from portals.models import Subscription, SubscriptionState
from portals.providers.records import SubscriptionReport
from tests.factories import SubscriptionFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def portal_says(monkeypatch):
    """The provider's next answer: a report, or an error to raise."""
    answers: list[object] = []

    class Provider:
        def check(self, subscription):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    monkeypatch.setattr(checking, "provider_for", lambda portal: Provider())
    return answers.append


def check(subscription: Subscription) -> Subscription:
    try:
        checking.check_subscription(subscription, now=lambda: NOW)
    finally:
        subscription.refresh_from_db()
    return subscription


def test_a_working_subscription_is_stored_as_working(portal_says):
    ends = NOW + timedelta(days=30)
    portal_says(SubscriptionReport("ok", "fine", expires_at=ends, warning="mind this"))
    row = check(SubscriptionFactory(state="blocked", last_error="old", state_until=NOW))
    assert (row.state, row.last_error, row.warning, row.expires_at) == ("ok", "", "mind this", ends)
    assert (row.state_until, row.checked_at) == (None, NOW)


def test_an_expiry_the_portal_does_not_tell_stays(portal_says):
    portal_says(SubscriptionReport("ok", "fine"))
    assert check(SubscriptionFactory(expires_at=NOW)).expires_at == NOW


@pytest.mark.parametrize(
    ("state", "before", "again"),
    [
        ("blocked", "ok", 10 * MINUTE),
        ("blocked", "blocked", HOUR),
        ("unknown", "new", 10 * MINUTE),
        ("unknown", "unknown", HOUR),
        ("expired", "ok", 24 * HOUR),
        ("cooldown", "ok", MINUTE),
        ("conflict", "ok", None),
        ("login_needed", "ok", None),
    ],
)
def test_a_refusal_says_when_it_is_looked_at_again(portal_says, state, before, again):
    portal_says(SubscriptionReport(state, "why"))
    row = check(SubscriptionFactory(state=before))
    assert (row.state, row.last_error) == (state, "why")
    assert row.state_until == (NOW + again if again else None)


def test_a_limit_the_provider_names_replaces_the_default_only(portal_says):
    portal_says(SubscriptionReport("ok", "fine", streams=4))
    portal_says(SubscriptionReport("ok", "fine", streams=4))
    assert check(SubscriptionFactory()).streams == 4
    assert check(SubscriptionFactory(streams=2)).streams == 2


def test_a_portal_that_does_not_answer_leaves_the_state(portal_says):
    portal_says(errors.PortalUnreachable("down"))
    row = SubscriptionFactory(state="ok")
    with pytest.raises(errors.PortalUnreachable):
        check(row)
    assert (row.state, row.last_error, row.checked_at) == ("ok", "down", NOW)


def test_a_throttled_portal_is_left_alone_as_long_as_it_wishes(portal_says):
    portal_says(errors.PortalThrottled("wait", retry_after_s=90))
    row = SubscriptionFactory(state="ok")
    with pytest.raises(errors.PortalThrottled):
        check(row)
    assert (row.state, row.state_until) == ("throttled", NOW + timedelta(seconds=90))


def test_a_throttled_portal_does_not_lift_a_refusal(portal_says):
    portal_says(errors.PortalThrottled("wait", retry_after_s=90))
    row = SubscriptionFactory(state="conflict")
    with pytest.raises(errors.PortalThrottled):
        check(row)
    assert row.state == "conflict"


def test_a_refusal_met_while_playing_is_kept():
    row = SubscriptionFactory(state="ok")
    checking.note_failure(row, errors.SubscriptionBlocked("blocked now"), now=lambda: NOW)
    row.refresh_from_db()
    assert (row.state, row.last_error, row.state_until) == ("blocked", "blocked now", NOW + 10 * MINUTE)
    assert row not in Subscription.objects.usable()


def test_a_lost_session_rests_a_minute():
    row = SubscriptionFactory(state="ok")
    checking.note_failure(row, errors.SessionLost("another device"), now=lambda: NOW)
    row.refresh_from_db()
    assert (row.state, row.state_until) == (SubscriptionState.COOLDOWN, NOW + MINUTE)


@pytest.mark.parametrize(
    "err", [errors.PortalUnreachable("down"), errors.PortalThrottled("wait"), errors.ItemRefused("x")]
)
def test_what_the_portal_is_to_blame_for_is_not_the_subscriptions(err):
    row = SubscriptionFactory(state="ok")
    checking.note_failure(row, err, now=lambda: NOW)
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("ok", "")


def test_success_ends_a_rest():
    row = SubscriptionFactory(state="cooldown", last_error="x")
    checking.note_success(row, now=lambda: NOW)
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("ok", "")


def test_success_lifts_no_refusal_written_meanwhile():
    row = SubscriptionFactory(state="cooldown")
    Subscription.objects.update(state="blocked", last_error="why")
    checking.note_success(row, now=lambda: NOW)
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("blocked", "why")


def test_success_of_a_working_one_costs_no_query(django_assert_num_queries):
    row = SubscriptionFactory(state="ok")
    with django_assert_num_queries(0):
        checking.note_success(row)


def test_only_refused_ones_whose_time_has_come_are_due():
    due = SubscriptionFactory(state="blocked", state_until=NOW - MINUTE)
    SubscriptionFactory(state="blocked", state_until=NOW + MINUTE)
    SubscriptionFactory(state="conflict")
    SubscriptionFactory(state="ok", state_until=NOW - MINUTE)
    SubscriptionFactory(state="expired", state_until=NOW - MINUTE, enabled=False)
    assert list(checking.due_for_recheck(NOW)) == [due]


def test_a_recheck_is_enqueued_once():
    SubscriptionFactory(state="blocked", state_until=NOW - MINUTE)
    assert [jobs.enqueue_rechecks(NOW), jobs.enqueue_rechecks(NOW)] == [1, 0]


def test_the_recheck_job_survives_a_dead_portal_and_a_deleted_row(portal_says):
    portal_says(errors.PortalUnreachable("down"))
    row = SubscriptionFactory(state="blocked")
    assert jobs.recheck(row.pk) == "blocked"
    assert jobs.recheck(row.pk + 1) == "gone"


def test_what_the_provider_tells_of_the_account_is_kept(portal_says):
    portal_says(SubscriptionReport("ok", "fine", facts={"Status": "Active"}))
    assert check(SubscriptionFactory()).facts == {"Status": "Active"}


@pytest.mark.parametrize(("checked", "due"), [(None, True), (NOW - 25 * HOUR, True), (NOW - HOUR, False)])
def test_one_whose_end_has_come_is_asked_once_a_day_whether_it_was_renewed(checked, due):
    SubscriptionFactory(state="ok", expires_at=NOW - HOUR, checked_at=checked)
    SubscriptionFactory(state="ok", expires_at=NOW + HOUR)
    assert checking.due_for_recheck(NOW).exists() is due
