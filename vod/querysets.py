"""Words about movies, series, episodes and their offers: a filter is a word, and words combine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db import models
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, Length, Lower, NullIf

from vod import search

if TYPE_CHECKING:
    from portals.models import Portal
    from vod.models import Episode  # noqa: F401 (named in the bases below)

T = TypeVar("T", bound=models.Model)


class TitleQuerySet(models.QuerySet[T]):
    """Movies or series as viewers see them."""

    def enabled(self) -> TitleQuerySet[T]:
        """Switched on by a curator or at birth."""
        return self.filter(enabled=True)

    def playable(self) -> TitleQuerySet[T]:
        """With at least one offer that an enabled portal still lists."""
        return self.filter(Exists(_offers_of(self.model).offered().filter(**{_field(self.model): OuterRef("pk")})))

    def visible(self) -> TitleQuerySet[T]:
        """What players may list: enabled and playable."""
        return self.enabled().playable()

    def for_children(self) -> TitleQuerySet[T]:
        """Without what is for adults."""
        return self.filter(adult=False)

    def in_category(self, name: str) -> TitleQuerySet[T]:
        """Sorted into the category of this name."""
        return self.filter(category__name=name)

    def of_portal(self, portal: Portal) -> TitleQuerySet[T]:
        """Offered by the portal, now or before."""
        return self.filter(offers__portal=portal).distinct()

    def of_portal_slug(self, slug: str) -> TitleQuerySet[T]:
        """Offered by the portal with this slug, now or before."""
        return self.filter(offers__portal__slug=slug).distinct()

    def search(self, text: str) -> TitleQuerySet[T]:
        """Whose names hold all the words, the last one perhaps unfinished; accents and case do not count.

        Best first: the very title, then titles that begin with it, then the shorter ones. Nothing asked = nothing
        found.
        """
        words = search.words_of(text)
        if not words:
            return self.none()
        title = " ".join(words)
        found = cast("TitleQuerySet[T]", search.matching(self, words))
        near = found.annotate(
            nearness=Case(
                When(Q(search_text__startswith=f"{title} |") | Q(search_text=title), then=Value(0)),
                When(search_text__startswith=f"{title} ", then=Value(1)),
                default=Value(2),
                output_field=IntegerField(),
            )
        )
        return cast("TitleQuerySet[T]", near.order_by("nearness", Length("search_text"), "name", "id"))

    def in_order(self) -> TitleQuerySet[T]:
        """As lists show them: by the shown name."""
        return self.order_by(Lower(Coalesce(NullIf("custom_name", Value("")), "name")), "id")

    def newest_first(self) -> TitleQuerySet[T]:
        """By when the portal added it, what tells nothing last."""
        return self.order_by(F("lead__added_at").desc(nulls_last=True), "-id")

    def switch(self, *, enabled: bool) -> int:
        """A curator shows or hides them all; returns how many changed."""
        chosen = self.model._default_manager.filter(pk__in=self.order_by().values("pk"))
        return chosen.exclude(enabled=enabled).update(enabled=enabled, curated=True)


class EpisodeQuerySet(models.QuerySet["Episode"]):
    """Episodes as viewers see them."""

    def enabled(self) -> EpisodeQuerySet:
        """Switched on, and their series too."""
        return self.filter(enabled=True, series__enabled=True)

    def playable(self) -> EpisodeQuerySet:
        """With at least one offer that an enabled portal still lists."""
        offers: Any = self.model._meta.get_field("offers").related_model
        return self.filter(
            Exists(
                offers._default_manager.filter(
                    episode=OuterRef("pk"),
                    stale_since__isnull=True,
                    series_offer__stale_since__isnull=True,
                    series_offer__portal__enabled=True,
                )
            )
        )

    def visible(self) -> EpisodeQuerySet:
        """What players may list: enabled and playable."""
        return self.enabled().playable()

    def in_order(self) -> EpisodeQuerySet:
        """By season and number."""
        return self.order_by("series_id", "season__number", "number", "id")


class OfferQuerySet(models.QuerySet[T]):
    """What portals offer."""

    def offered(self) -> OfferQuerySet[T]:
        """Still listed by an enabled portal."""
        return self.filter(stale_since__isnull=True, portal__enabled=True)

    def in_order(self) -> OfferQuerySet[T]:
        """As they are tried: the curator's rank, then the portal's priority."""
        return self.order_by("rank", "portal__priority", "id")


def _field(model: type[models.Model]) -> str:
    """How an offer names what it feeds."""
    return str(model._meta.get_field("offers").remote_field.name)  # type: ignore[union-attr]


def _offers_of(model: type[models.Model]) -> OfferQuerySet[Any]:
    related: Any = model._meta.get_field("offers").related_model
    return cast("OfferQuerySet[Any]", related._default_manager.all())
