"""The refresh of movies and series: what it writes, and above all what it leaves alone."""

from __future__ import annotations

import pytest

from channels.models import Channel
from portals import refreshing, runs
from portals.errors import CatalogueIncomplete, PortalUnreachable, RunHeld
from portals.models import Run, RunKind, RunState
from portals.runs import Unrecorded
from tests.factories import ChannelFactory, PortalFactory
from tests.vod.conftest import CATEGORIES, Shop, episode, movie, series
from vod.models import Category, CategoryMap, Episode, EpisodeOffer, Movie, MovieOffer, Season, Series, SeriesOffer
from vod.refresh import undo_run

pytestmark = pytest.mark.django_db


def films(count):
    return [movie(n, f"Film number {n}", year=1950 + n % 60) for n in range(1, count + 1)]


def test_each_offer_is_born_with_a_hidden_title_in_a_category_of_its_name(refresh):
    run = refresh([movie(1, "Heat", year=1995, plot="A heist.")], [series(7, "Dark")])
    assert run.state == RunState.DONE
    assert run.counts["new movies"] == run.counts["new series"] == 1
    film = Movie.objects.get()
    assert (film.name, film.year, film.enabled, film.category.name) == ("Heat", 1995, False, "Action")
    assert film.lead.plot == "A heist."
    assert Series.objects.get().category == Category.objects.get(kind="series", name="Serien")


def test_a_second_refresh_changes_nothing(refresh):
    films = [movie(1, "Heat", year=1995, rating=8.2, backdrops=("http://b/1.jpg",)), movie(2, "Ran")]
    refresh(films, [series(7, "Dark")])
    before = [list(model.objects.order_by("pk").values()) for model in (Movie, MovieOffer, Series, SeriesOffer)]
    run = refresh(films, [series(7, "Dark")])
    assert run.counts["unchanged movies"] == 2
    assert run.counts["unchanged series"] == 1
    assert before == [list(model.objects.order_by("pk").values()) for model in (Movie, MovieOffer, Series, SeriesOffer)]


def test_public_ids_are_one_sequence_over_everything_and_never_reused(refresh):
    ChannelFactory()
    refresh([movie(1, "Heat")], [series(7, "Dark")], episodes=[episode(71, 7, 1, 1)])
    models = (Channel, Movie, Series, Episode)
    ids = [pk for model in models for pk in model.objects.values_list("pk", flat=True)]
    assert len(set(ids)) == len(ids) == 4
    for model in (MovieOffer, Movie):
        model.objects.all().delete()
    refresh([movie(1, "Heat")], [series(7, "Dark")], episodes=[episode(71, 7, 1, 1)])
    assert Movie.objects.get().pk > max(ids)


def test_a_curator_keeps_what_he_set_and_the_rest_follows_the_portal(refresh):
    refresh([movie(1, "Heat", year=1995)])
    mine = Category.objects.create(kind="movie", name="Mine")
    Movie.objects.update(enabled=True, category=mine, curated=True)
    refresh([movie(1, "Heat (Director's Cut)", year=1996, category="2")])
    film = Movie.objects.get()
    assert (film.name, film.year) == ("Heat (Director's Cut)", 1996)
    assert (film.enabled, film.category) == (True, mine)
    Movie.objects.update(custom_name="Die Hitze")
    refresh([movie(1, "Heat", year=1995)])
    assert Movie.objects.get().shown_name == "Die Hitze"
    assert Movie.objects.search("hitze").exists()
    assert Movie.objects.search("heat").exists()


def test_new_ids_for_the_same_titles_keep_the_movies(refresh):
    refresh([movie(1, "Heat"), movie(2, "Ran")])
    before = dict(Movie.objects.values_list("pk", "name"))
    run = refresh([movie(901, "Heat"), movie(902, "Ran")])
    assert dict(Movie.objects.values_list("pk", "name")) == before
    assert run.counts["moved movies"] == 2
    assert run.counts["new movies"] == run.counts["gone movies"] == 0


def test_what_is_gone_goes_stale_and_comes_back_as_itself(refresh):
    refresh([movie(1, "Heat"), movie(2, "Ran")])
    Movie.objects.update(enabled=True)
    ids = set(Movie.objects.values_list("pk", flat=True))
    assert refresh([movie(1, "Heat")]).counts["gone movies"] == 1
    assert list(Movie.objects.visible().values_list("name", flat=True)) == ["Heat"]
    assert refresh([movie(1, "Heat"), movie(2, "Ran")]).counts["back movies"] == 1
    assert set(Movie.objects.visible().values_list("pk", flat=True)) == ids


def test_an_empty_list_leaves_everything_and_says_so(refresh):
    refresh([movie(1, "Heat")], [series(7, "Dark")])
    with pytest.raises(CatalogueIncomplete, match="empty list of movies"):
        refresh([], [series(7, "Dark")])
    assert MovieOffer.objects.filter(stale_since__isnull=True).count() == 1


def test_a_portal_without_movies_is_refreshed_all_the_same(refresh):
    run = refresh([], [], categories=())
    assert run.state == RunState.DONE


def test_a_list_that_dies_half_way_leaves_everything(refresh):
    refresh([movie(1, "Heat")])
    with pytest.raises(PortalUnreachable):
        refresh(films(50), dies_after=30)
    assert MovieOffer.objects.count() == 1


def test_a_refresh_that_would_lose_too_much_is_held_whole_and_applied_as_it_was_listed(refresh, portal, stock):
    portal.hold_percent = 30
    portal.save()
    refresh(films(30), [series(7, "Dark")])
    with pytest.raises(RunHeld, match="would lose 10 of 30 movies"):
        refresh(films(20), [series(7, "Dark"), series(8, "Lost", original_name="Lost", backdrops=("http://b/1",))])
    assert not Series.objects.filter(name="Lost").exists()
    run = Run.objects.first()
    assert runs.confirm(run)
    run.refresh_from_db()
    stock(portal, Shop())
    refreshing.perform(run)
    assert MovieOffer.objects.filter(stale_since__isnull=True).count() == 20
    assert SeriesOffer.objects.get(name="Lost").about.backdrops == ("http://b/1",)


def test_undo_brings_back_names_offers_and_search(refresh):
    refresh([movie(1, "Heat"), movie(2, "Ran")])
    before = list(Movie.objects.order_by("pk").values())
    offers = list(MovieOffer.objects.order_by("pk").values())
    run = refresh([movie(1, "Cold"), movie(3, "Kagemusha")])
    assert Movie.objects.search("cold").exists()
    undo_run(run)
    assert list(Movie.objects.order_by("pk").values()) == before
    assert list(MovieOffer.objects.order_by("pk").values()) == offers
    assert not Movie.objects.search("cold").exists()
    assert Movie.objects.search("ran").exists()


def test_categories_decide_what_is_taken_and_what_is_shown(refresh):
    refresh([movie(1, "Heat", category="1"), movie(2, "Ran", category="2"), movie(3, "Late", category="3")])
    assert set(CategoryMap.objects.values_list("genre__name", flat=True)) == {"Action", "Drama", "XXX"}
    assert Movie.objects.get(name="Late").adult
    CategoryMap.objects.filter(genre__name="Action").update(show="yes")
    CategoryMap.objects.filter(genre__name="Drama").update(ignored=True)
    refresh([movie(1, "Heat"), movie(4, "Ronin"), movie(5, "Dersu", category="2"), movie(3, "Late", category="3")])
    assert list(Movie.objects.enabled().values_list("name", flat=True)) == ["Ronin"]
    assert not Movie.objects.filter(name="Dersu").exists()


def test_a_portal_may_show_new_movies_at_once(refresh, portal):
    portal.enable_new_vod = True
    portal.save()
    refresh([movie(1, "Heat")])
    assert Movie.objects.get().enabled


def test_statements_grow_by_batch_and_not_by_item(refresh, django_assert_max_num_queries):
    with django_assert_max_num_queries(200):
        refresh(films(2500))
    with django_assert_max_num_queries(30):
        refresh(films(2500))


@pytest.mark.parametrize("name", ["New\nline", "😀", "עברית", "x" * 900, "nul\x00", "\ud800 broken", "", '"', "%_\\'"])
def test_any_name_can_be_stored_and_searched(refresh, name):
    refresh([movie(1, name, plot=name, original_name=name)], [series(7, name)])
    assert Movie.objects.count() == Series.objects.count() == 1
    list(Movie.objects.search(name))


def test_listed_episodes_are_stored_and_keep_their_ids_over_new_provider_ids(refresh):
    listed = [episode(70 + n, 7, 1 + n // 3, n % 3 + 1, f"Part {n}") for n in range(6)]
    refresh([], [series(7, "Dark")], episodes=listed)
    before = dict(Episode.objects.values_list("pk", "name"))
    assert len(before) == 6
    assert list(Season.objects.values_list("number", flat=True)) == [1, 2]
    refresh(
        [], [series(7, "Dark")], episodes=[episode(f"n{r.provider_id}", 7, r.season, r.number, r.name) for r in listed]
    )
    assert dict(Episode.objects.values_list("pk", "name")) == before
    assert EpisodeOffer.objects.filter(stale_since__isnull=True).count() == 6
    refresh([], [series(7, "Dark")], episodes=listed[:2])
    Series.objects.update(enabled=True)
    assert Episode.objects.visible().count() == 2


def test_two_portals_with_one_series_have_one_set_of_episodes(refresh):
    other = PortalFactory(hold_percent=100)
    refresh([], [series(7, "Dark", tmdb_id="70523")], episodes=[episode(71, 7, 1, 1), episode(72, 7, 1, 2)])
    refresh(
        [],
        [series("d", "DE: Dark", tmdb_id="70523")],
        of=other,
        episodes=[episode("d1", "d", 1, 1), episode("d3", "d", 1, 3)],
    )
    assert Series.objects.count() == 1
    assert list(Episode.objects.in_order().values_list("number", flat=True)) == [1, 2, 3]
    assert Episode.objects.get(number=1).offers.count() == 2


def test_switching_movies_off_leaves_what_is_stored(refresh, portal):
    refresh([movie(1, "Heat")])
    portal.with_vod = False
    portal.save()
    refresh([])
    assert runs.under_way(portal, RunKind.VOD) is None
    assert Movie.objects.count() == 1


def test_a_difference_is_told_and_nothing_is_changed(refresh, portal, stock):
    refresh([movie(1, "Heat"), movie(2, "Ran")], [series(7, "Dark")])
    before = list(MovieOffer.objects.order_by("pk").values())
    stock(portal, Shop([movie(1, "Heat (Director's Cut)"), movie(3, "Alien")], [series(7, "Dark")], CATEGORIES))
    told = refreshing.difference(portal, RunKind.VOD, Unrecorded(portal, RunKind.VOD))
    assert told.report["new movies"] == [["Alien"]]
    assert told.report["renamed movies"] == [["Heat", "Heat (Director's Cut)"]]
    assert (told.counts["gone movies"], told.counts["unchanged series"]) == (1, 1)
    assert list(MovieOffer.objects.order_by("pk").values()) == before
