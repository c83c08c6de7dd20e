"""Public ids: never twice, and taken ahead of the transaction that uses them."""

from __future__ import annotations

from typing import Any

import pytest

from portals.models import IdStock, PublicIdCounter

pytestmark = pytest.mark.django_db


def test_reserved_ids_are_given_without_asking_again(django_assert_num_queries: Any) -> None:
    stock = IdStock()
    stock.reserve(3)
    with django_assert_num_queries(0):
        ids = [stock.take() for _ in range(3)]
    assert len(set(ids)) == 3


def test_what_is_left_over_serves_the_next_time(django_assert_num_queries: Any) -> None:
    stock = IdStock()
    stock.reserve(3)
    first = stock.take()
    with django_assert_num_queries(0):
        stock.reserve(2)
        assert stock.take() > first


def test_no_two_stocks_hold_the_same_id() -> None:
    one, other = IdStock(), IdStock()
    one.reserve(2)
    other.reserve(2)
    ids = [one.take(), other.take(), one.take(), other.take(), one.take(), *PublicIdCounter.take(2)]
    assert len(set(ids)) == len(ids)
