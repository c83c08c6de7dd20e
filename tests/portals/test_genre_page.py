"""All genres of a portal on one page: what is told, changed at once, shown before, taken back; and new ones."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from accounts.roles import Role, give_role
from channels.models import Channel, GenreMap, Group
from portals import refreshing, runs
from portals.models import Genre, RunKind
from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.vod_records import CategoryRecord
from tests.factories import GenreFactory, LinkFactory, PortalFactory, StreamFactory
from tests.vod.conftest import Shop, movie, series
from vod.models import Category, CategoryMap, Movie, MovieOffer, Series

pytestmark = pytest.mark.django_db
LISTING = "admin:portals_genre_changelist"
NOTHING = {"taken": "", "entries": "", "show": "", "group": "", "group_name": "", "numbering": ""}


@pytest.fixture
def portal():
    return PortalFactory(name="Sofa")


@pytest.fixture
def news(portal):
    """A genre of channels: two offered, one of them shown, and one that is gone."""
    genre = GenreFactory(portal=portal, name="News")
    for enabled in (True, False):
        LinkFactory(channel__enabled=enabled, stream=StreamFactory(portal=portal, genre=genre))
    LinkFactory(stream=StreamFactory(portal=portal, genre=genre, stale_since="2026-01-01T00:00Z"))
    return genre


@pytest.fixture
def action(portal):
    """A category of movies with one hidden film."""
    genre = GenreFactory(portal=portal, name="Action", kind="movie")
    film = Movie.objects.create(name="Heat")
    MovieOffer.objects.create(portal=portal, provider_id="1", name="Heat", genre=genre, movie=film)
    return genre


def rows(client, **filters):
    found = client.get(reverse(LISTING), filters).context["cl"].result_list
    return {genre.name: genre.facts for genre in found}


def change(client, genres, step, **wish):
    data = {"action": "change_many", "_selected_action": [g.pk for g in genres], step: "1", **NOTHING, **wish}
    return client.post(reverse(LISTING), data, follow=True).content.decode()


def shown():
    return Channel.objects.filter(enabled=True, streams__stale_since__isnull=True).count()


def test_each_genre_tells_how_it_stands(admin_client, portal, news, action):
    GenreMap.objects.create(genre=news, ignored=True, group=Group.objects.create(name="Welt"), numbering="next_free")
    GenreFactory(name="elsewhere")
    facts = rows(admin_client, portal__id__exact=portal.pk)
    assert set(facts) == {"News", "Action"}
    told = facts["News"]
    assert (told.entries, told.shown, told.taken, told.group, told.numbering) == (2, 1, False, "Welt", "next_free")
    told = facts["Action"]
    assert (told.entries, told.shown, told.taken, told.numbering) == (1, 0, True, "")
    assert set(rows(admin_client, taken="no")) == {"News"}
    assert set(rows(admin_client, taken="yes")) == {"Action", "elsewhere"}
    page = admin_client.get(reverse(LISTING), {"portal__id__exact": portal.pk}).content.decode()
    assert "left out" in page
    assert "2 (1 shown)" in page


def test_what_it_would_change_is_shown_and_nothing_done_before_the_word(admin_client, news, action):
    page = change(admin_client, [news, action], "preview", taken="no", entries="yes", numbering="none")
    assert "next refresh: taken → <span" in page
    assert "shown now: 1 of 2 → <span" in page
    assert "numbers: the portal" in page
    assert "Change 2" in page
    assert not GenreMap.objects.exists()
    assert shown() == 1
    assert "Nothing would change" in change(admin_client, [action], "preview", taken="yes")
    assert "Choose what is to change" in change(admin_client, [action], "preview")
    assert "Say which group" in change(admin_client, [action], "preview", group="named")


def test_many_are_changed_at_once_and_taken_back(admin_client, news, action):
    GenreMap.objects.create(genre=news, number_from=500, rename_pattern="x")
    wish = {"taken": "no", "entries": "yes", "show": "yes", "group": "named", "group_name": "Mine"}
    assert "2 genre(s) changed" in change(admin_client, [news, action], "apply", **wish)
    kept = GenreMap.objects.get()
    assert (kept.ignored, kept.show, kept.group.name) == (True, "yes", "Mine")
    assert (kept.number_from, kept.rename_pattern) == (500, "x"), "what was not asked about stays"
    mapped = CategoryMap.objects.get()
    assert (mapped.ignored, mapped.show, mapped.category) == (True, "yes", Category.objects.get(name="Mine"))
    assert shown() == 2
    assert list(Movie.objects.values_list("enabled", "curated")) == [(True, True)]

    page = admin_client.get(reverse(LISTING)).content.decode()
    assert "Last change: 2 genres of live, movies by admin" in page
    page = admin_client.post(reverse("admin:portals_genre_undo"), follow=True).content.decode()
    assert "2 genre(s) are as they were" in page
    kept.refresh_from_db()
    assert (kept.ignored, kept.show, kept.group, kept.number_from) == (False, "portal", None, 500)
    assert not CategoryMap.objects.get().ignored
    assert shown() == 1
    assert list(Movie.objects.values_list("enabled", "curated")) == [(False, False)]
    page = admin_client.post(reverse("admin:portals_genre_undo"), follow=True).content.decode()
    assert "nothing to take back" in page


def test_all_that_a_filter_found_change_without_naming_each(admin_client, portal, news, action):
    where = f"{reverse(LISTING)}?kind__exact=live"
    data = {"action": "change_many", "_selected_action": [0], "select_across": "1", **NOTHING, "taken": "no"}
    page = admin_client.post(where, {**data, "preview": "1"}).content.decode()
    assert 'name="select_across" value="1"' in page
    assert "Change 1<" in page
    admin_client.post(where, {**data, "apply": "1"})
    assert [row.genre for row in GenreMap.objects.filter(ignored=True)] == [news]
    assert not CategoryMap.objects.exists()


def test_hiding_what_is_there_leaves_what_others_feed(admin_client, news):
    other = LinkFactory().channel
    change(admin_client, [news], "apply", entries="no")
    assert list(Channel.objects.filter(enabled=True, links__stream__genre=None)) == [other]
    assert shown() == 1


def test_a_curator_changes_genres_but_not_what_a_portal_is_to_do_with_new_ones(client, portal, news):
    user = User.objects.create_user("cleo", password="x")
    give_role(user, Role.CURATOR)
    client.force_login(user)
    page = client.get(reverse(LISTING), {"portal__id__exact": portal.pk}).content.decode()
    assert "names later" not in page
    assert "1 genre(s) changed" in change(client, [news], "apply", show="no")
    policy = client.post(reverse("admin:portals_genre_policy", args=[portal.pk]), {"new_live_genres": "leave"})
    assert policy.status_code == 403
    give_role(user, Role.VIEWER)
    assert client.post(reverse("admin:portals_genre_undo")).status_code == 302
    assert GenreMap.objects.get().show == "no"


def test_the_page_keeps_what_becomes_of_new_genres(admin_client, portal):
    assert (
        "Genres that Sofa names later"
        in admin_client.get(reverse(LISTING), {"portal__id__exact": portal.pk}).content.decode()
    )
    wish = {"new_live_genres": "leave", "new_movie_genres": "show", "new_series_genres": "hide"}
    admin_client.post(reverse("admin:portals_genre_policy", args=[portal.pk]), wish)
    portal.refresh_from_db()
    assert [str(portal.new_genres(kind)) for kind in ("live", "movie", "series")] == ["leave", "show", "hide"]
    admin_client.post(reverse("admin:portals_genre_policy", args=[portal.pk]), {**wish, "new_live_genres": "eat"})
    portal.refresh_from_db()
    assert portal.new_live_genres == "leave"


@pytest.mark.parametrize(("wanted", "enabled"), [("usual", False), ("show", True), ("hide", False), ("leave", None)])
def test_new_genres_of_channels_do_as_the_owner_said(monkeypatch, wanted, enabled):
    portal = PortalFactory(new_live_genres=wanted, enable_new=wanted == "hide")
    listed = {"7": "News"}

    class Listed:
        def live_genres(self):
            return [GenreRecord(i, name) for i, name in listed.items()]

        def live_streams(self, progress):
            yield from (StreamRecord(i, name, genre_id=i) for i, name in listed.items())

    monkeypatch.setattr("channels.refresh.provider_for", lambda portal: Listed())
    for more in ({}, {"8": "Sport"}, {"9": "Sport 2"}):
        listed.update(more)
        refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))
    born = dict(Channel.objects.values_list("name", "enabled"))
    assert born.pop("News") is (wanted == "hide"), "the first list is as the portal's own switch says"
    assert born == ({} if enabled is None else {"Sport": enabled, "Sport 2": enabled})
    assert set(Genre.objects.values_list("name", flat=True)) == {"News", "Sport", "Sport 2"}


def test_new_categories_of_movies_and_of_series_do_so_too(monkeypatch):
    portal = PortalFactory(new_movie_genres="show", new_series_genres="leave", hold_percent=100)
    shop = Shop([movie(1, "Heat", category="1")], [series(7, "Dark", category="5")])
    shop.categories = [CategoryRecord("1", "Action", "movie"), CategoryRecord("5", "Serien", "series")]
    monkeypatch.setattr("vod.refresh.vod_provider_for", lambda portal: shop)
    refreshing.perform(runs.begin(portal, RunKind.VOD, "test"))
    shop.listed_movies.append(movie(2, "Ran", category="2"))
    shop.listed_series.append(series(8, "1899", category="6"))
    shop.categories += [CategoryRecord("2", "Drama", "movie"), CategoryRecord("6", "Neu", "series")]
    for _ in range(2):
        refreshing.perform(runs.begin(portal, RunKind.VOD, "test"))
    assert dict(Movie.objects.values_list("name", "enabled")) == {"Heat": False, "Ran": True}
    assert list(Series.objects.values_list("name", flat=True)) == ["Dark"]
    assert CategoryMap.objects.get(genre__name="Neu").ignored
