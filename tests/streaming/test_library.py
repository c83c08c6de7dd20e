"""Movies and series as pages: whose, in which order, what is told of each, and what plays."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth import get_user_model

from accounts.models import AdultView
from streaming.views import library
from tests.factories import PortalFactory, ViewerFactory
from tests.streaming.titles import episode_on, movie_on
from vod import details
from vod.models import Category, Episode, EpisodeOffer, Movie, MovieOffer, Season, Series

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch):
    """The titles whose details were asked for; no portal hears of it."""
    found: list[object] = []
    monkeypatch.setattr(details, "ensure", found.append)
    return found


@pytest.fixture
def portal():
    return PortalFactory(slug="home")


@pytest.fixture
def viewer():
    return ViewerFactory(name="kitchen")


def text(answer) -> str:
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


def ask(client, viewer, path="/library/movies/", **query):
    return client.get(path, {"token": viewer.token, **query})


def names(client, viewer, path="/library/movies/", **query):
    return re.findall(r"</span>\s*<b>(.*?)</b>", text(ask(client, viewer, path, **query)))


def described(movie: Movie, **said: object) -> Movie:
    """The movie with what its offer tells of it."""
    offer = movie.offers.get()
    MovieOffer.objects.filter(pk=offer.pk).update(**said)
    Movie.objects.filter(pk=movie.pk).update(lead=offer)
    return movie


def test_movies_come_with_posters_of_ours_in_pages(client, viewer, portal, monkeypatch):
    monkeypatch.setattr(library, "TITLES_A_PAGE", 2)
    for name in ("Casablanca", "Alien", "Brazil"):
        described(
            movie_on(portal, name=name), provider_id=name, poster=f"http://provider.example/{name}.jpg", rating=7.25
        )
    page = text(ask(client, viewer))
    assert names(client, viewer) == ["Alien", "Brazil"]
    assert names(client, viewer, page=2) == ["Casablanca"]
    assert re.search(r'<img src="/logo/movie/\d+/\w+\?token=', page)
    assert "provider.example" not in page
    assert "★ 7.3" in page or "★ 7.2" in page
    for odd in ("x", "0", "9" * 30):
        assert ask(client, viewer, page=odd, category=odd, sort=odd).status_code == 200


def test_movies_are_searched_sorted_and_chosen_by_category(client, viewer, portal):
    drama = Category.objects.create(kind=Category.Kind.MOVIE, name="Drama")
    Category.objects.create(kind=Category.Kind.MOVIE, name="Unused")
    for number, name in enumerate(("Amélie", "Heat")):
        movie_on(portal, name=name)
        MovieOffer.objects.filter(name=name).update(provider_id=str(number))
    Movie.objects.filter(name="Heat").update(category=drama, search_text="heat")
    Movie.objects.filter(name="Amélie").update(search_text="amelie")
    assert names(client, viewer, q="AMELIE") == ["Amélie"]
    assert names(client, viewer, category=drama.pk) == ["Heat"]
    assert names(client, viewer, category=drama.pk, q="amelie") == []
    assert set(names(client, viewer, sort="new")) == {"Amélie", "Heat"}
    assert "Unused" not in text(ask(client, viewer))
    assert "Nothing is called so" in text(ask(client, viewer, q="nothing"))


def test_a_movie_tells_what_it_is_about_and_plays(client, viewer, portal, asked):
    movie = described(
        movie_on(portal, name="Heat"),
        plot="Two men.",
        cast="Pacino, De Niro",
        director="Mann",
        duration_s=10_200,
        rating=8.3,
        container="mp4",
    )
    page = text(ask(client, viewer, f"/library/movies/{movie.pk}/"))
    for said in ("Two men.", "Pacino, De Niro", "Mann", "170 min", "★ 8.3", f"/library/play/{movie.pk}/?token="):
        assert said in page
    assert asked == [movie]
    told = played(client, viewer, movie.pk)
    assert (told["name"], told["container"]) == ("Heat", "mp4")
    assert told["address"] == f"/vod/movie/{movie.pk}.mp4?token={viewer.token}"


def played(client, viewer, public_id, **query):
    page = text(ask(client, viewer, f"/library/play/{public_id}/", **query))
    found = re.search(r'<script id="told" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_series_shows_the_episodes_of_a_season_and_each_leads_to_the_next(client, viewer, portal, asked):
    first = episode_on(portal, season=1, number=1, name="Dark")
    offer = EpisodeOffer.objects.get()
    later = []
    for season, number in ((1, 2), (2, 1), (0, 1)):
        row, _ = Season.objects.get_or_create(series=first.series, number=season)
        episode = Episode.objects.create(
            name=f"S{season}E{number}", enabled=True, series=first.series, season=row, number=number
        )
        EpisodeOffer.objects.create(
            series_offer=offer.series_offer,
            episode=episode,
            provider_id=str(episode.pk),
            name="x",
            season=season,
            number=number,
        )
        later.append(episode)
    path = f"/library/series/{first.series_id}/"
    page = text(ask(client, viewer, path))
    assert re.findall(r"/library/play/(\d+)/", page) == [str(first.pk), str(later[0].pk)]
    assert "Season 2" in page
    assert "Specials" in page
    assert re.findall(r"/library/play/(\d+)/", text(ask(client, viewer, path, season=2))) == [str(later[1].pk)]
    for odd in ("x", "7", "9" * 30, "-1"):
        assert ask(client, viewer, path, season=odd).status_code == 200
    assert played(client, viewer, first.pk)["next"]["page"].startswith(f"/library/play/{later[0].pk}/?token=")
    assert played(client, viewer, later[0].pk)["next"]["name"] == "Next: 1. S2E1"
    assert "next" not in played(client, viewer, later[1].pk)
    assert names(client, viewer, "/library/series/") == ["Dark"]


def test_what_is_not_for_this_viewer_is_not_there(client, portal, asked):
    viewer = ViewerFactory(adult=AdultView.PIN)
    viewer.set_pin("1234")
    viewer.save()
    adult = movie_on(portal, name="Late", adult=True)
    MovieOffer.objects.update(provider_id="two")
    hidden = movie_on(portal, name="Off")
    Movie.objects.filter(pk=hidden.pk).update(enabled=False)
    episode = episode_on(portal)
    Series.objects.update(adult=True)
    for path in (
        f"/library/movies/{adult.pk}/",
        f"/library/play/{adult.pk}/",
        f"/library/series/{episode.series_id}/",
        f"/library/play/{episode.pk}/",
    ):
        assert ask(client, viewer, path).status_code == 404
        assert ask(client, viewer, path, pin="1234").status_code == 200
    assert names(client, viewer) == names(client, viewer, "/library/series/") == []
    assert names(client, viewer, pin="1234") == ["Late"]
    assert played(client, viewer, adult.pk, pin="1234")["address"].endswith("&pin=1234")
    for path in (
        f"/library/movies/{hidden.pk}/",
        f"/library/play/{hidden.pk}/",
        "/library/movies/99999999999/",
        "/library/play/99999999999/",
    ):
        assert ask(client, viewer, path, pin="1234").status_code == 404
    viewer.with_movies = viewer.with_series = False
    viewer.save()
    for path in (f"/library/movies/{adult.pk}/", f"/library/play/{adult.pk}/", f"/library/series/{episode.series_id}/"):
        assert ask(client, viewer, path, pin="1234").status_code == 404
    assert names(client, viewer, pin="1234") == []


def test_texts_stay_text_and_no_provider_is_named(client, viewer, portal, asked):
    evil = '</script><script>alert(1)</script>"'
    movie = described(
        movie_on(portal, name=evil), plot=evil, cast=evil, director=evil, genres=evil, poster="http://provider.example/p.jpg",
        more={"trailer": "http://provider.example/t", "backdrops": ["http://provider.example/b.jpg"], "country": evil},
    )  # fmt: skip
    for path in ("/library/movies/", f"/library/movies/{movie.pk}/", f"/library/play/{movie.pk}/"):
        answer = ask(client, viewer, path)
        assert "<script>alert" not in text(answer)
        assert "provider.example" not in text(answer)
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert "no-store" in answer["Cache-Control"]


def test_an_empty_library_says_what_to_do(client, admin_client, viewer):
    assert "An administrator chooses" in text(ask(client, viewer))
    viewer.owner = get_user_model().objects.get(username="admin")
    viewer.save()
    assert "/admin/vod/categorymap/" in text(admin_client.get("/library/series/"))


def test_the_library_begins_with_what_the_viewer_is_given(client, viewer):
    assert 'action="/library/movies/"' in text(ask(client, viewer, "/library/"))
    viewer.with_movies = False
    viewer.save()
    assert 'action="/library/series/"' in text(ask(client, viewer, "/library/"))


def test_a_page_costs_the_same_for_many_titles(client, viewer, portal, django_assert_max_num_queries):
    for n in range(30):
        described(movie_on(portal, name=f"Movie {n}"), provider_id=str(n))
    with django_assert_max_num_queries(8):
        assert len(names(client, viewer)) == 30
