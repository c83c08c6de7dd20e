"""What is on now, next, and in a window; with shifts, priorities and few queries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from guide.importer import import_guide
from guide.models import EpgSource, Programme
from guide.querysets import feeds_of
from guide.records import GuideChannelRecord, GuideRecord, GuideRef
from tests.guide.feeds import NOW, at

pytestmark = pytest.mark.django_db


def guide(name: str, *broadcasts: tuple[str, str, str], channel="a", **options) -> EpgSource:
    source = EpgSource.objects.create(name=name, address="http://g/", days_back=60, days_ahead=60, **options)
    rows = [GuideRecord(channel, at(start), at(stop), title) for start, stop, title in broadcasts]
    import_guide(source, [GuideChannelRecord(channel), *rows], now=NOW)
    return source


def now_next(ref, moment) -> tuple[str | None, str | None]:
    found = Programme.objects.now_and_next([ref], at(moment))[ref]
    return tuple(showing.programme.title if showing else None for showing in (found.now, found.next))  # type: ignore[return-value]


EVENING = (("1 18:00", "1 19:00", "six"), ("1 19:00", "1 20:00", "seven"), ("1 21:00", "1 22:00", "nine"))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("1 18:00", ("six", "seven")),
        ("1 18:59", ("six", "seven")),
        ("1 19:00", ("seven", "nine")),
        ("1 20:30", (None, "nine")),
        ("1 21:30", ("nine", None)),
        ("1 17:00", (None, "six")),
        ("1 23:00", (None, None)),
        ("1 05:00", (None, None)),
    ],
)
def test_now_and_next(moment, expected):
    guide("G", *EVENING)
    assert now_next("a", moment) == expected


def test_a_long_broadcast_that_began_yesterday_is_on_now():
    guide("G", ("1 02:00", "2 01:00", "marathon"))
    assert now_next("a", "2 00:30") == ("marathon", None)


def test_shifts_of_source_and_reference_add_up():
    guide("G", *EVENING, shift_minutes=60)
    assert now_next("a", "1 19:30") == ("six", "seven")
    late = GuideRef("a", shift_minutes=60)
    assert now_next(late, "1 20:30") == ("six", "seven")
    showing = Programme.objects.now_and_next([late], at("1 20:30"))[late].now
    assert (showing.start, showing.stop) == (at("1 20:00"), at("1 21:00"))


def test_ids_are_found_whatever_their_case():
    guide("G", *EVENING, channel="BBC1.uk")
    assert now_next("bbc1.UK ", "1 18:30") == ("six", "seven")


def test_the_first_source_that_has_something_answers():
    guide("late", ("1 18:00", "1 19:00", "second"), ("1 20:00", "1 21:00", "only here"), priority=20)
    guide("first", ("1 18:00", "1 19:00", "first"), priority=10)
    assert now_next("a", "1 18:30")[0] == "first"
    assert now_next("a", "1 20:30")[0] == "only here"
    window = Programme.objects.window(["a"], at("1 00:00"), at("2 00:00"))
    assert [showing.programme.title for showing in window["a"]] == ["first"]


def test_a_reference_may_name_its_source():
    guide("first", ("1 18:00", "1 19:00", "first"), priority=10)
    second = guide("second", ("1 18:00", "1 19:00", "second"), priority=20)
    assert now_next(GuideRef("a", source_id=second.pk), "1 18:30") == ("second", None)


@pytest.mark.parametrize("facts", [{"enabled": False}, {"live_generation": 99}])
def test_sources_that_are_off_and_generations_that_are_not_live_say_nothing(facts):
    source = guide("G", *EVENING)
    EpgSource.objects.filter(pk=source.pk).update(**facts)
    assert now_next("a", "1 18:30") == (None, None)


def test_a_window_holds_what_touches_it():
    guide("G", *EVENING)
    found = Programme.objects.window(["a", "unknown"], at("1 18:30"), at("1 21:00"))
    assert [showing.programme.title for showing in found["a"]] == ["six", "seven"]
    assert found["unknown"] == []


def test_one_channel_with_two_shifts_is_two_answers():
    guide("G", *EVENING)
    plain, late = GuideRef("a"), GuideRef("a", shift_minutes=90)
    found = Programme.objects.window([plain, late], at("1 18:00"), at("1 19:00"))
    assert [[s.programme.title for s in found[ref]] for ref in (plain, late)] == [["six"], []]
    found = Programme.objects.window([plain, late], at("1 19:00"), at("1 20:00"))
    assert [[s.programme.title for s in found[ref]] for ref in (plain, late)] == [["seven"], ["six"]]


@pytest.mark.parametrize("asked", [["a"], ["a", "b", "x", "y"]])
def test_whether_few_or_more_than_there_are_is_asked_for_the_answer_is_the_same(asked, monkeypatch):
    monkeypatch.setattr("guide.querysets._MANY_KEYS", 1)
    for name in ("a", "b", "c"):
        guide(name.upper(), *EVENING, channel=name)
    feeds = feeds_of(asked)
    assert list(feeds) == asked
    assert {ref: len(found) for ref, found in feeds.items()} == {ref: int(ref in "abc") for ref in asked}
    assert len({feed.channel_pk for found in feeds.values() for feed in found}) == sum(ref in "abc" for ref in asked)


def test_nothing_asked_nothing_answered(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert Programme.objects.now_and_next([], NOW) == {}
        assert Programme.objects.window([], NOW, NOW) == {}


def test_queries_do_not_grow_with_channels(django_assert_num_queries):
    source = EpgSource.objects.create(name="G", address="http://g/", days_back=60, days_ahead=60)
    ids = [f"c{n}" for n in range(200)]
    rows = [GuideRecord(guide_id, NOW + timedelta(hours=h), None, f"{h}") for guide_id in ids for h in range(4)]
    import_guide(source, rows, now=NOW)
    with django_assert_num_queries(3):
        found = Programme.objects.now_and_next(ids, NOW)
    assert len(found) == 200
    assert {showing.next.programme.title for showing in found.values()} == {"1"}
    with django_assert_num_queries(2):
        window = Programme.objects.window(ids, NOW, NOW + timedelta(hours=4))
    assert {len(showings) for showings in window.values()} == {4}


def test_pages_lose_nothing(monkeypatch):
    monkeypatch.setattr("guide.querysets.PAGE_ROWS", 3)
    source = EpgSource.objects.create(name="G", address="http://g/", days_back=60, days_ahead=60)
    rows = [GuideRecord(f"c{c}", NOW + timedelta(hours=h), None, f"{c}{h}") for c in range(3) for h in range(7)]
    import_guide(source, rows, now=NOW)
    pks = list(source.channels.live().values_list("pk", flat=True))
    found = [row.title for page in Programme.objects.pages(pks, NOW, NOW + timedelta(days=1)) for row in page]
    assert sorted(found) == sorted(f"{c}{h}" for c in range(3) for h in range(7))


def test_a_broadcast_in_full_is_what_was_imported():
    record = GuideRecord(
        "a", at("1 20:00"), at("1 21:00"), "T & <b>", "S", "D", "en", ("Drama",), "http://h/i.png", "2024", "DE",
        {"xmltv_ns": "0.4.", "onscreen": "S01E05"}, {"actor": ("A|R",), "director": ("D",)}, (("FSK", "12"),), "8/10",
        True, True, True,
    )  # fmt: skip
    source = EpgSource.objects.create(name="G", address="http://g/", days_back=60, days_ahead=60)
    import_guide(source, [record], now=NOW)
    assert Programme.objects.get().record("a") == record
