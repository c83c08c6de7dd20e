"""The ground of the tests themselves."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from portals.models import Portal


def test_redis_is_empty_at_the_start_of_a_test(redis):
    assert redis.dbsize() == 0
    redis.set("left", "over")


def test_redis_is_empty_again_in_the_next_test(redis):
    assert redis.dbsize() == 0


@pytest.mark.django_db(transaction=True)
def test_a_thread_sees_the_rows_of_the_test():
    Portal.objects.create(name="Seen", slug="seen", address="http://seen.example/")
    seen: list[str] = []

    def look() -> None:
        seen.extend(Portal.objects.values_list("name", flat=True))
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(10)
    assert seen == ["Seen"]
