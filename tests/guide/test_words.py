"""Programmes are found by words, whatever accents and case, the soonest first, as the window tells them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from guide.importer import import_guide
from guide.models import EpgSource, Programme
from guide.records import GuideChannelRecord, GuideRecord, GuideRef
from guide.words import words_of
from tests.guide.feeds import NOW, at

pytestmark = pytest.mark.django_db


def guide(name: str, *broadcasts: tuple[str, str, str], channel: str = "a", **options: object) -> None:
    """A source whose broadcasts are begin, end, title and, behind a slash, description."""
    source = EpgSource.objects.create(name=name, address="http://g/", days_back=60, days_ahead=60, **options)
    rows = []
    for start, stop, said in broadcasts:
        title, _, description = said.partition("/")
        rows.append(GuideRecord(channel, at(start), at(stop), title, description=description))
    import_guide(source, [GuideChannelRecord(channel), *rows], now=NOW)


def found(text: str, *refs: GuideRef, start: str = "1 00:00", stop: str = "8 00:00", limit: int = 10) -> list[str]:
    rows = Programme.objects.search(refs or (GuideRef("a"),), words_of(text), at(start), at(stop), limit)
    return [showing.programme.title for _, showing in rows]


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("NEWS", "Evening news"),
        ("news eve", "Evening news"),
        ("eclair", "Un Éclair au café"),
        ("ÉCLAIR cafe", "Un Éclair au café"),
        ("ärzte", "DIE ÄRZTE"),
        ("straße", "In der Straße"),
        ("вести", "ВЕСТИ"),
        ("ещё", "Еще раз"),
        ("ζεστη", "Ζέστη"),
        ("ニュース", "朝のニュース"),
        ("24/7", "24 hours, 7 days"),
        ("[a]*", "Plan [a]"),
    ],
)
def test_accents_case_and_signs_do_not_count(asked, title):
    guide("G", ("1 18:00", "1 19:00", title), ("1 19:00", "1 20:00", "Other"))
    assert found(asked) == [title]


def test_every_word_is_wanted_in_any_of_the_texts():
    guide("G", ("1 18:00", "1 19:00", "Match/Football from Leeds"), ("1 19:00", "1 20:00", "Football"))
    assert found("football leeds match") == ["Match"]
    assert found("football") == ["Match", "Football"]
    assert found("football handball") == []
    assert found("%_*?[") == found("") == []


def test_the_soonest_come_first_over_days_and_no_more_than_asked_for():
    guide("G", *((f"{day} 18:00", f"{day} 19:00", f"News {day}") for day in range(1, 7)))
    assert found("news", limit=3) == ["News 1", "News 2", "News 3"]
    assert found("news", start="2 18:30", stop="4 00:00") == ["News 2", "News 3"]


def test_a_long_one_over_midnight_is_found_once():
    guide("G", ("1 23:00", "3 01:00", "Marathon"))
    assert found("marathon") == ["Marathon"]
    assert found("marathon", start="2 12:00") == ["Marathon"]


def test_shifts_count_and_channels_that_share_a_guide_are_all_named():
    guide("G", ("1 18:00", "1 19:00", "News"), shift_minutes=60)
    late = GuideRef("a", shift_minutes=60)
    by_id = Programme.objects.search(["a"], ["news"], at("1 00:00"), at("2 00:00"), 5)
    assert [(ref, showing.start) for ref, showing in by_id] == [("a", at("1 19:00"))]
    rows = Programme.objects.search([GuideRef("a"), late], ["news"], at("1 00:00"), at("2 00:00"), 5)
    assert [(ref, showing.start - at("1 19:00")) for ref, showing in rows] == [
        (GuideRef("a"), timedelta()),
        (late, timedelta(hours=1)),
    ]
    assert found("news", late, stop="1 20:00") == []


def test_only_the_source_that_answers_is_searched():
    guide("first", ("1 18:00", "1 19:00", "News"), priority=10)
    guide("second", ("1 18:00", "1 19:00", "Other news"), ("3 18:00", "3 19:00", "Late news"), priority=20)
    assert found("news", stop="2 00:00") == ["News"]
    assert found("news", start="3 00:00", stop="4 00:00") == ["Late news"]


def test_a_search_costs_as_many_statements_for_many_channels_as_for_one(django_assert_max_num_queries):
    guide("G", ("1 18:00", "1 19:00", "News"))
    many = [GuideRef("a", shift_minutes=0), *(GuideRef(f"other{n}") for n in range(300))]
    with django_assert_max_num_queries(4):
        assert found("news", *many, stop="2 00:00") == ["News"]
