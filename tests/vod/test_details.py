"""Details on demand, their age, and prefetching."""

from __future__ import annotations

from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone

from portals import refreshing, runs
from portals.errors import PortalUnreachable, RunCancelled, RunGoesOn, SubscriptionBlocked
from portals.jobs import REFRESH_QUEUE
from portals.models import Run, RunKind, RunState
from portals.providers.vod_records import About, MovieRecord, SeasonRecord, SeriesDetails
from portals.runs import Progress, recorded
from tests.factories import PortalFactory
from tests.vod.conftest import Shop, episode, movie, series
from vod import details, jobs, listing
from vod.models import Episode, Movie, MovieOffer, Season, Series, SeriesOffer
from vod.prefetch import prefetch

pytestmark = pytest.mark.django_db


def told(provider_id, **about):
    return MovieRecord(str(provider_id), "", about=About(**about), detailed=True)


def show(provider_id, *episodes, **about):
    seasons = tuple(SeasonRecord(str(provider_id), n, name=f"Staffel {n}") for n in {e.season for e in episodes})
    return SeriesDetails(series(provider_id, "", **about), seasons, episodes)


def test_details_are_asked_for_once_a_day(refresh, portal, stock):
    refresh([movie(1, "Heat", plot="Short.", year=1995)])
    shop = stock(portal, Shop(details={"1": told(1, plot="Long.", cast="Pacino", backdrops=("http://b/1",))}))
    film = Movie.objects.get()
    details.ensure(film)
    details.ensure(film)
    assert shop.asked == ["1"]
    about = listing.about(film)
    assert (about.plot, about.cast, about.year, about.backdrops) == ("Long.", "Pacino", 1995, ("http://b/1",))
    MovieOffer.objects.update(details_at=timezone.now() - timedelta(hours=25), details_tried_at=None)
    details.ensure(film)
    assert shop.asked == ["1", "1"]


def test_a_refresh_does_not_overwrite_details(refresh, portal, stock):
    refresh([movie(1, "Heat", plot="Short.")])
    stock(portal, Shop(details={"1": told(1, plot="Long.")}))
    details.ensure(Movie.objects.get())
    refresh([movie(1, "Heat", plot="Short.", rating=8.0)])
    about = listing.about(Movie.objects.get())
    assert (about.plot, about.rating) == ("Long.", 8.0)


def test_a_portal_that_fails_leaves_what_is_stored_and_the_next_is_asked(refresh, portal, stock):
    other = PortalFactory(priority=200)
    refresh([movie(1, "Heat", year=1995, plot="Short.")])
    refresh([movie("a", "Heat", year=1995)], of=other)
    stock(portal, Shop(details={"1": PortalUnreachable("Nobody answers at http://h/?mac=00:1A:79:12:34:56")}))
    stock(other, Shop(details={"a": told("a", cast="De Niro")}))
    film = Movie.objects.get()
    details.ensure(film)
    about = listing.about(film)
    assert (about.plot, about.cast) == ("Short.", "De Niro")
    assert "12:34:56" not in MovieOffer.objects.get(provider_id="1").details_error


def test_what_has_nothing_more_to_tell_is_not_asked_again(refresh, portal, stock):
    refresh([movie(1, "Heat")])
    shop = stock(portal, Shop())
    for _ in range(2):
        details.ensure(Movie.objects.get())
    assert shop.asked == ["1"]


def test_seasons_and_episodes_come_with_a_series_details(refresh, portal, stock):
    refresh([], [series(7, "Dark")])
    stock(
        portal, Shop(details={"7": show(7, episode(71, 7, 1, 1, "Geheimnisse"), episode(72, 7, 2, 1), plot="A town.")})
    )
    details.ensure(Series.objects.get())
    assert list(Season.objects.values_list("number", "name")) == [(1, "Staffel 1"), (2, "Staffel 2")]
    assert [e.shown_name for e in Episode.objects.in_order()] == ["Geheimnisse", "S2E1"]
    assert SeriesOffer.objects.get().about.plot == "A town."


def test_an_episode_keeps_id_and_custom_name_whatever_the_portal_renames_and_renumbers(refresh, portal, stock):
    refresh([], [series(7, "Dark")])
    offer = SeriesOffer.objects.get()
    stock(portal, Shop(details={"7": show(7, episode(71, 7, 1, 1), episode(72, 7, 1, 2))}))
    details.fetch(offer)
    first = Episode.objects.get(number=1)
    Episode.objects.filter(pk=first.pk).update(custom_name="Mine")
    stock(portal, Shop(details={"7": show(7, episode(71, 7, 2, 5, "Renamed"), episode("n72", 7, 1, 2))}))
    details.fetch(offer)
    moved = Episode.objects.get(pk=first.pk)
    assert (moved.shown_name, moved.name, moved.season.number, moved.number) == ("Mine", "Renamed", 2, 5)
    assert Episode.objects.count() == 2


def test_statements_for_a_long_series_do_not_grow_with_its_episodes(
    refresh, portal, stock, django_assert_max_num_queries
):
    refresh([], [series(7, "Soap")])
    stock(portal, Shop(details={"7": show(7, *(episode(n, 7, 1, n) for n in range(900)))}))
    with django_assert_max_num_queries(30):
        details.fetch(SeriesOffer.objects.get())


@pytest.fixture
def prefetching(refresh, portal, stock):
    """A portal with three movies and a series nobody asked about."""
    refresh([movie(n, f"Film {n}") for n in (1, 2, 3)], [series(7, "Dark")])
    answers = {str(n): told(n, plot=f"Plot {n}") for n in (1, 2, 3)} | {"7": show(7, episode(71, 7, 1, 1))}
    return stock(portal, Shop(details=answers))


def begun(portal):
    return runs.begin(portal, RunKind.DETAILS, "test")


def test_prefetch_asks_about_everything_once_shown_titles_first(prefetching, portal, settings):
    settings.PREFETCH_SPACING_S = 0
    Movie.objects.filter(name="Film 3").update(enabled=True)
    run = refreshing.perform(begun(portal))
    assert run.counts == {"details": 4, "without answer": 0}
    assert prefetching.asked == ["3", "1", "2", "7"]
    assert Episode.objects.count() == 1
    refreshing.perform(begun(portal))
    assert len(prefetching.asked) == 4


def test_prefetch_is_paced_and_makes_room_for_others(prefetching, portal, settings):
    settings.PREFETCH_SPACING_S = 0.5
    pauses: list[float] = []
    run = begun(portal)
    with pytest.raises(RunGoesOn), recorded(run) as progress:
        prefetch(run, progress, sleep=pauses.append, clock=iter(range(0, 1000, 10)).__next__, share_s=15)
    assert (run.state, run.counts["details"], pauses) == (RunState.QUEUED, 2, [0.5])
    with recorded(run) as progress:
        prefetch(run, progress, sleep=pauses.append)
    assert (run.state, run.counts["details"]) == (RunState.DONE, 4)
    assert prefetching.asked == ["1", "2", "3", "7"]


def test_prefetch_stops_when_the_portal_refuses_or_a_person_says_so(prefetching, portal, settings, monkeypatch):
    settings.PREFETCH_SPACING_S = 0
    prefetching.details["2"] = SubscriptionBlocked("The portal has blocked it.")
    with pytest.raises(SubscriptionBlocked):
        refreshing.perform(begun(portal))
    assert Run.objects.first().state == RunState.FAILED
    monkeypatch.setattr(Progress, "__call__", lambda self, done, total: runs.cancel(self.run) and self.step("next"))
    prefetching.details["2"] = told(2)
    with pytest.raises(RunCancelled):
        refreshing.perform(begun(portal))
    assert Run.objects.first().state == RunState.CANCELLED


def test_further_offers_of_a_series_are_asked_about_in_the_background(
    refresh, portal, stock, redis, django_capture_on_commit_callbacks
):
    other = PortalFactory(hold_percent=100)
    refresh([], [series(7, "Dark", tmdb_id="5")])
    refresh([], [series("a", "Dark", tmdb_id="5")], of=other)
    first = stock(portal, Shop(details={"7": show(7, episode(71, 7, 1, 1))}))
    second = stock(other, Shop(details={"a": show("a", episode("a1", "a", 1, 1))}))
    with django_capture_on_commit_callbacks(execute=True):
        details.ensure(Series.objects.get())
    assert (first.asked, second.asked) == (["7"], [])
    (job,) = django_rq.get_queue(REFRESH_QUEUE).jobs
    assert jobs.fetch_details(*job.args) == 1
    assert Episode.objects.get().offers.count() == 2
