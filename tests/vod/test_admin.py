"""The owner's pages of movies and series."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse

from portals.models import Run, RunKind
from portals.providers.vod_records import About, MovieRecord
from tests.factories import PortalFactory
from tests.vod.conftest import Shop, episode, movie, series
from vod import merging
from vod.models import CategoryMap, Merge, Movie, MovieOffer, Series, TitleRule

pytestmark = pytest.mark.django_db
OURS = [m for m in admin.site._registry if m._meta.app_label == "vod"]


def page(model, name, *args):
    return reverse(f"admin:vod_{model._meta.model_name}_{name}", args=args)


def act(client, model, action, rows):
    form = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(page(model, "changelist"), form, follow=True).content.decode()


@pytest.fixture
def shelf(refresh):
    refresh(
        [movie(1, "Léon <b>", year=1994, poster='http://p/1.jpg?"x', plot="A <script>."),
         movie(2, "Ran", poster="data:x")],
        [series(7, "Dark")], episodes=[episode(71, 7, 1, 1)],
    )  # fmt: skip


@pytest.mark.parametrize("model", OURS, ids=lambda m: m.__name__)
def test_lists_open_empty_and_filled_and_rows_open(admin_client, refresh, portal, model):
    assert admin_client.get(page(model, "changelist")).status_code == 200
    refresh([movie(1, "Heat"), movie(2, "Heat 2")], [series(7, "Dark")], episodes=[episode(71, 7, 1, 1)])
    merging.merge(list(Movie.objects.all()), "ann")
    TitleRule.objects.create(portal=portal, pattern="nothing", enabled=False)
    assert admin_client.get(page(model, "changelist")).status_code == 200
    row = model._default_manager.first()
    assert admin_client.get(page(model, "change", row.pk)).status_code == 200


def test_posters_are_lazy_send_no_referrer_and_nothing_is_unescaped(admin_client, shelf, settings):
    settings.PICTURES = "provider"
    text = admin_client.get(page(Movie, "changelist")).content.decode()
    assert text.count("referrerpolicy=") == text.count('loading="lazy"') == 1
    assert "http://p/1.jpg?&quot;x" in text
    assert "data:x" not in text
    text = admin_client.get(page(Movie, "change", Movie.objects.get(year=1994).pk)).content.decode()
    assert "A &lt;script&gt;." in text
    assert '<b>" ' not in text


def test_the_list_takes_the_same_statements_for_two_and_for_fifty(admin_client, refresh, django_assert_max_num_queries):
    refresh([movie(n, f"Film {n}", year=1999) for n in range(60)])
    with django_assert_max_num_queries(25):
        admin_client.get(page(Movie, "changelist"))


def test_searching_is_blind_to_accents(admin_client, shelf):
    text = admin_client.get(page(Movie, "changelist"), {"q": "leon"}).content.decode()
    assert "Léon" in text
    assert ">Ran<" not in text


def test_titles_are_shown_hidden_merged_and_split(admin_client, shelf):
    films = list(Movie.objects.order_by("pk"))
    assert "2 movies are now shown to viewers." in act(admin_client, Movie, "enable", films)
    assert "1 movies are now hidden" in act(admin_client, Movie, "disable", films[:1])
    assert "has 2 offers now" in act(admin_client, Movie, "merge_them", films)
    assert "1 offer(s) are titles of their own now." in act(admin_client, Movie, "split_them", films[:1])
    assert "two or more" in act(admin_client, Movie, "merge_them", films[:1])
    assert Movie.objects.count() == 2


def test_a_decision_is_taken_back(admin_client, shelf):
    merging.merge(list(Movie.objects.all()), "ann")
    assert "taken back." in act(admin_client, Merge, "take_back", Merge.objects.all())
    assert Movie.objects.count() == 2


def test_a_name_of_ours_is_kept_and_searched(admin_client, shelf):
    film = Movie.objects.get(name="Ran")
    offer = film.offers.get()
    form = {
        "custom_name": "Chaos", "enabled": "on",
        "offers-TOTAL_FORMS": "1", "offers-INITIAL_FORMS": "1",
        "offers-0-id": offer.pk, "offers-0-movie": film.pk, "offers-0-rank": "3",
    }  # fmt: skip
    answer = admin_client.post(page(Movie, "change", film.pk), form)
    assert answer.status_code == 302, answer.context["errors"]
    film = Movie.objects.search("chaos").get()
    assert (film.enabled, film.curated, film.offers.get().rank) == (True, True, 3)


def test_a_portals_category_is_shown_whole(admin_client, shelf):
    chosen = CategoryMap.objects.filter(genre__name="Action")
    assert "2 title(s) are now shown to viewers." in act(admin_client, CategoryMap, "show_all", chosen)
    assert chosen.get().show == "yes"


def test_details_are_fetched_with_a_click(admin_client, shelf, portal, stock):
    stock(portal, Shop(details={"2": MovieRecord("2", "", about=About(plot="Three sons."))}))
    film = Movie.objects.get(name="Ran")
    address = reverse("admin:vod_movie_details", args=[film.pk])
    assert admin_client.get(address).status_code == 405
    text = admin_client.post(address, follow=True).content.decode()
    assert "1 of 1 offer(s) were answered." in text
    assert "Three sons." in text
    assert MovieOffer.objects.get(provider_id="2").details_at is not None


def test_the_button_of_a_portal_fetches_all_details(admin_client, monkeypatch):
    monkeypatch.setattr("portals.jobs._put", lambda run_id: None)
    portal = PortalFactory()
    text = admin_client.get(reverse("admin:portals_portal_change", args=[portal.pk])).content.decode()
    address = reverse("admin:portals_portal_prefetch", args=[portal.pk])
    assert address in text
    admin_client.post(address)
    assert Run.objects.get().kind == RunKind.DETAILS


def test_a_series_leads_to_its_episodes(admin_client, shelf):
    show = Series.objects.get()
    text = admin_client.get(page(Series, "change", show.pk)).content.decode()
    address = f"?season__id__exact={show.seasons.get().pk}"
    assert address in text
    assert "S1E1" in admin_client.get(reverse("admin:vod_episode_changelist") + address).content.decode()
