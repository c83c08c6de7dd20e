"""What playing and refreshing show of a subscription, and when a refusal is asked about again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portals import errors, standing
from portals.models import Subscription
from tests.factories import SubscriptionFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("before", "err", "state", "rest"),
    [
        ("ok", errors.SubscriptionBlocked("x"), "blocked", timedelta(minutes=10)),
        ("blocked", errors.SubscriptionBlocked("x"), "blocked", timedelta(hours=1)),
        ("ok", errors.SubscriptionExpired("x"), "expired", timedelta(days=1)),
        ("ok", errors.SessionLost("x"), "cooldown", timedelta(minutes=1)),
    ],
)
def test_what_a_refresh_passes_over_is_asked_about_again(before, err, state, rest):
    row = SubscriptionFactory(state=before)
    standing.passed_over(row, err)
    row.refresh_from_db()
    assert (row.state, row.last_error) == (state, "x")
    assert row.state_until - row.checked_at == rest
    assert row not in Subscription.objects.usable()


def test_what_only_a_person_can_change_is_not_asked_about_again():
    row = SubscriptionFactory(state="ok")
    standing.refused(row, errors.DeviceConflict("x"))
    row.refresh_from_db()
    assert (row.state, row.state_until) == ("conflict", None)


@pytest.mark.parametrize(
    ("before", "after"), [("new", "ok"), ("cooldown", "ok"), ("throttled", "ok"), ("blocked", "blocked")]
)
def test_a_list_ends_a_rest_but_lifts_no_refusal(before, after):
    row = SubscriptionFactory(state=before)
    standing.listed(row)
    row.refresh_from_db()
    assert row.state == after


def test_a_list_of_a_working_one_costs_no_query(django_assert_num_queries):
    row = SubscriptionFactory(state="ok")
    with django_assert_num_queries(0):
        standing.listed(row)
