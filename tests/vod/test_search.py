"""Searching by name, the same on both databases."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.vod.conftest import movie, series
from vod import search
from vod.models import Movie, Series

pytestmark = pytest.mark.django_db


def names(text):
    return [title.shown_name for title in Movie.objects.search(text)]


@pytest.fixture
def shelf(refresh):
    titles = ["Léon", "Leonardo", "The Lion King", "Amélie - Le fabuleux destin", "Быть", "千と千尋の神隠し", "X-Men 2"]
    refresh([movie(n, name, year=1990 + n) for n, name in enumerate(titles)], [series(1, "Léon's Kitchen")])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("leon", ["Léon", "Leonardo"]),
        ("LÉON", ["Léon", "Leonardo"]),
        ("lion king", ["The Lion King"]),
        ("king lion", ["The Lion King"]),
        ("amelie fab", ["Amélie - Le fabuleux destin"]),
        ("быть", ["Быть"]),
        ("千尋", ["千と千尋の神隠し"]),
        ("x-men", ["X-Men 2"]),
        ("xmen", []),
        ("lion 1992", ["The Lion King"]),
        ("lion OR leon", []),
        ('"', []),
        ("", []),
    ],
)
def test_all_words_count_and_accents_case_and_order_do_not(shelf, asked, found):
    assert names(asked) == found


def test_the_very_title_comes_first_then_what_begins_with_it(refresh):
    refresh([movie(n, name) for n, name in enumerate(["In the Heat of the Night", "Heat Wave Summer", "Heat"])])
    assert names("heat") == ["Heat", "Heat Wave Summer", "In the Heat of the Night"]


def test_search_combines_with_the_other_words(shelf):
    Movie.objects.filter(name="Leonardo").update(enabled=True)
    assert [m.name for m in Movie.objects.visible().in_category("Action").search("leon")] == ["Leonardo"]
    assert [s.name for s in Series.objects.search("kitchen")] == ["Léon's Kitchen"]


def test_what_is_deleted_or_renamed_is_not_found_by_its_old_name(shelf):
    Movie.objects.filter(name="Léon").delete()
    Movie.objects.filter(name="Leonardo").update(search_text="painter")
    assert names("leon") == []
    assert names("painter") == ["Leonardo"]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL keeps its index when a table changes")
def test_an_index_lost_to_a_rebuilt_table_is_made_again(shelf):
    with connection.cursor() as cursor:
        for name in ("new", "old", "changed"):
            cursor.execute(f"DROP TRIGGER vod_movie_search_{name}")
    Movie.objects.filter(name="Leonardo").update(search_text="painter")
    search.ensure_index()
    assert names("painter") == ["Leonardo"]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has a table of its own for it")
def test_postgresql_searches_by_its_index(shelf):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "vod_movie_search" in Movie.objects.search("leon").explain()
