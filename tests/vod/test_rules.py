"""Which movies and series are taken at all, and the preview of it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portals.errors import RunHeld
from portals.models import Run
from tests.factories import PortalFactory
from tests.vod.conftest import movie, series
from vod.models import MovieOffer, SeriesOffer, TitleRule
from vod.rules import preview

pytestmark = pytest.mark.django_db

MOVIES = [movie(1, "Heat (1995)"), movie(2, "Ran", category="2", year=1985), movie(3, "DE: Alien", year=1979)]
SERIES = [series(7, "Dark"), series(8, "DE: Tatort")]


def taken() -> set[str]:
    return {
        name
        for model in (MovieOffer, SeriesOffer)
        for name in model.objects.filter(stale_since__isnull=True).values_list("name", flat=True)
    }


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ([("exclude", "name", "^DE:")], {"Heat (1995)", "Ran", "Dark"}),
        ([("include", "category", "^action$"), ("include", "kind", "series")],
         {"Heat (1995)", "DE: Alien", "Dark", "DE: Tatort"}),
        ([("exclude", "year", "^19[78]")], {"Heat (1995)", "Dark", "DE: Tatort"}),
        ([("include", "name", "^DE:"), ("exclude", "kind", "^movie$")], {"DE: Tatort"}),
    ],
)  # fmt: skip
def test_rules_decide_what_is_taken(refresh, portal, rules, left):
    for position, (action, field, pattern) in enumerate(rules):
        TitleRule.objects.create(portal=portal, position=position, action=action, field=field, pattern=pattern)
    refresh(MOVIES, SERIES)
    assert taken() == left


def test_a_rule_that_is_off_or_of_another_portal_does_nothing(refresh, portal):
    TitleRule.objects.create(portal=portal, pattern=".", enabled=False)
    TitleRule.objects.create(portal=PortalFactory(), pattern=".")
    refresh(MOVIES, SERIES)
    assert len(taken()) == 5


def test_rules_that_leave_nothing_are_no_empty_list_of_the_portal(refresh, portal):
    refresh(MOVIES, SERIES)
    TitleRule.objects.create(portal=portal, field="kind", pattern="series")
    run = refresh(MOVIES, SERIES)
    assert run.counts["gone series"] == 2
    assert taken() == {"Heat (1995)", "Ran", "DE: Alien"}


def test_rules_that_lose_much_wait_for_a_person_like_any_loss(refresh, portal):
    portal.hold_percent = 30
    portal.save()
    many = [movie(n, f"Film {n}", year=2000) for n in range(30)]
    refresh(many)
    TitleRule.objects.create(portal=portal, pattern="Film 1")
    with pytest.raises(RunHeld):
        refresh(many)
    assert "would lose 11 of 30 movies" in Run.objects.latest("id").error


def test_the_preview_tells_both_sides(refresh, portal):
    refresh(MOVIES, SERIES)
    shown = preview(portal, [TitleRule(portal=portal, action="exclude", field="category", pattern="drama|serien")])
    assert (shown.taken, shown.left_out, shown.left_out_names) == (2, 3, ["Ran", "Dark", "DE: Tatort"])


def test_the_pages_open_and_refuse_a_pattern_that_cannot_work(admin_client, refresh, portal):
    TitleRule.objects.create(portal=portal, pattern="ran")
    refresh(MOVIES, SERIES)
    page = admin_client.get(reverse("admin:vod_titlerule_preview", args=[portal.pk])).content.decode()
    assert "4 would be taken" in page
    assert "preview" in admin_client.get(reverse("admin:vod_titlerule_changelist")).content.decode()
    form = {"portal": portal.pk, "position": 0, "action": "exclude", "field": "name", "pattern": "("}
    answer = admin_client.post(reverse("admin:vod_titlerule_add"), form).content.decode()
    assert "no regular expression" in answer
