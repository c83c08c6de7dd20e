"""The command line of movies and series."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portals.models import Run, RunKind
from tests.factories import PortalFactory
from tests.vod.conftest import Shop, movie, series
from vod.models import Movie, Series

pytestmark = pytest.mark.django_db(transaction=True)


def as_json(*words):
    out = StringIO()
    call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def shop(monkeypatch, settings):
    """A portal with two movies and a series."""
    settings.PREFETCH_SPACING_S = 0
    found = Shop([movie(1, "Léon", year=1994), movie(2, "Ran")], [series(7, "Dark")])
    for place in ("vod.refresh", "vod.details", "vod.prefetch"):
        monkeypatch.setattr(f"{place}.vod_provider_for", lambda portal: found)
    PortalFactory(name="Mine")
    return found


def test_refresh_list_search_and_switch(shop):
    (row,) = as_json("vod", "refresh", "Mine")
    assert (row["kind"], row["state"], row["counts"]["new movies"]) == ("vod", "done", 2)
    assert as_json("vod", "list") == []
    assert as_json("vod", "enable", "--portal", "Mine", "--kind", "movies")["changed"] == {"movies": 2}
    assert [row["name"] for row in as_json("vod", "list")] == ["Léon", "Ran"]
    assert [row["name"] for row in as_json("vod", "search", "leon")] == ["Léon"]
    assert [row["name"] for row in as_json("vod", "search", "dark", "--all")] == ["Dark"]
    as_json("vod", "disable", "--id", str(Movie.objects.get(name="Ran").pk))
    assert Movie.objects.enabled().count() == 1
    assert not Series.objects.enabled().exists()


def test_prefetch_asks_about_everything(shop):
    as_json("vod", "refresh")
    (row,) = as_json("vod", "prefetch", "Mine")
    assert (row["state"], row["counts"]["details"]) == ("done", 3)
    assert shop.asked == ["1", "2", "7"]


def test_a_portal_is_refreshed_in_the_kinds_that_are_asked_for(shop):
    as_json("portal", "refresh", "--kind", "vod")
    assert list(Run.objects.values_list("kind", flat=True)) == [RunKind.VOD]


@pytest.mark.parametrize("words", [["enable"], ["list", "--portal", "Nobody"], ["refresh", "Nobody"]])
def test_what_is_not_said_clearly_is_refused_in_words(shop, words):
    with pytest.raises(CommandError):
        call_command("vod", *words)
