"""The refresh of movies and series: what is fetched of a portal and taken by its category maps; the mirror
(portals/mirror) does the rest. Curated columns are never written here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from portals.errors import CatalogueIncomplete
from portals.mirror import known, mirroring
from portals.mirror.mirroring import Part
from portals.mirror.shape import Shape
from portals.mirror.spool import Spool
from portals.models import Genre, Portal, Run, RunPayload
from portals.models.genre import GenreKind
from portals.new_genres import left_out
from portals.providers.records import GenreRecord
from portals.providers.registry import vod_provider_for
from portals.providers.vod_records import CategoryRecord, MovieRecord, SeriesRecord, VodProvider
from portals.rules import RuleSet
from portals.runs import Progress
from vod import doubles, episodes, settling
from vod.models import CategoryMap, EpisodeOffer, Movie, MovieOffer, Series, SeriesOffer
from vod.rules import filtered
from vod.shapes import MOVIES, SERIES

R = TypeVar("R", MovieRecord, SeriesRecord)

_SHAPES: Sequence[Shape[Any]] = (MOVIES, SERIES)
#: What is known of the one download that tells both kinds.
_TITLES = "titles"


def refresh_vod(run: Run, progress: Progress) -> None:
    """Refresh the movies and series of the run's portal; counts and examples go to `progress`.

    Raises PortalError, or RunHeld when a person has to look first; then nothing was changed.
    """
    portal = run.portal
    if portal is None or not portal.with_vod:
        return
    provider = vod_provider_for(portal)
    if not hasattr(provider, "movies"):
        return
    rules, download = _rules_sha256(portal), None
    if isinstance(provider, known.Downloads) and not run.payloads.filter(purpose=RunPayload.HELD).exists():
        state = known.download_state(portal, _TITLES, _SHAPES)
        download = known.newer(provider, state, rules, "vod", progress)
        if download.not_modified:
            progress.counts.update(_unchanged(portal))
            return
    known.forget(portal, _TITLES)
    fetched = mirroring.refresh(_SHAPES, run, progress, lambda p, told: _fetched(provider, p, told))
    _map_new_categories(portal)
    if fetched and provider.lists_episodes:
        progress.step("storing the episodes")
        progress.counts["episodes"] = episodes.store_listed(portal, provider.episodes(progress))
    if any(progress.counts.get(f"{word} {shape.noun}") for word in ("new", "changed", "back") for shape in _SHAPES):
        progress.step("joining titles that are one")
        doubles.join_certain(portal, progress)
    if download is not None:
        known.remember_shared_download(portal, _TITLES, _SHAPES, download, rules)


def difference(portal: Portal, progress: Progress) -> mirroring.Difference:
    """What a refresh would change; changes nothing. Raises PortalError."""
    provider = vod_provider_for(portal)
    if not hasattr(provider, "movies"):
        return mirroring.Difference({}, {}, would_be_held=False)
    return mirroring.difference(_SHAPES, portal, progress, lambda p, told: _fetched(provider, p, told))


def undo_run(run: Run) -> None:
    """Take back what a run changed. Raises RunNotUndoable with the reason."""
    mirroring.undo_run(run)
    settling.settle(
        Movie, MovieOffer.objects.filter(portal=run.portal, movie__isnull=False).values_list("movie", flat=True)
    )
    settling.settle(
        Series, SeriesOffer.objects.filter(portal=run.portal, series__isnull=False).values_list("series", flat=True)
    )


def _fetched(provider: VodProvider, portal: Portal, progress: Progress) -> list[Part]:
    """Both lists; a kind the portal does not have and never had is left out."""
    progress.step("reading the categories")
    parts: list[Part] = []
    movies: Spool[MovieRecord] = Spool(MOVIES.form, _genres(provider.movie_categories()))
    series: Spool[SeriesRecord] = Spool(SERIES.form, _genres(provider.series_categories()))
    progress.step("reading the movies")
    listed_movies = _Counted(provider.movies(progress))
    movies.fill(_wanted(portal, GenreKind.MOVIE, listed_movies, movies.genres))
    progress.step("reading the series")
    listed_series = _Counted(provider.series(progress))
    series.fill(_wanted(portal, GenreKind.SERIES, listed_series, series.genres))
    for part, listed in ((Part(MOVIES, movies), listed_movies), (Part(SERIES, series), listed_series)):
        if listed.count:
            parts.append(part)
        elif part.shape.offered._default_manager.filter(portal=portal, stale_since__isnull=True).exists():
            raise CatalogueIncomplete(
                f"The portal sent an empty list of {part.shape.noun}. What was stored before stays as it is; "
                "test the portal to see whether the subscription still works."
            )
    return parts


def _unchanged(portal: Portal) -> dict[str, int]:
    """The counts of a run that found what it knew."""
    counts = {
        f"{word} {shape.noun}": count
        for shape in _SHAPES
        for word, count in known.nothing_changed(known.offered(shape, portal)).items()
    }
    listed = EpisodeOffer.objects.filter(series_offer__portal=portal, stale_since__isnull=True)
    return {**counts, "episodes": listed.count()}


def _rules_sha256(portal: Portal) -> str:
    """Of everything that decides what is taken from a list."""
    maps = CategoryMap.objects.filter(genre__portal=portal, ignored=True).order_by("pk").values_list("genre_id")
    rules = portal.title_rules.order_by("position", "pk").values_list(
        "action", "field", "pattern", "exact_case", "enabled"
    )
    return hashlib.sha256(repr((portal.address, portal.with_censored, list(maps), list(rules))).encode()).hexdigest()


def _genres(categories: Sequence[CategoryRecord]) -> list[GenreRecord]:
    return [GenreRecord(c.provider_id, c.name, c.censored) for c in categories]


class _Counted(Generic[R]):
    """Counts what a portal lists, so that a list the rules leave nothing of is no empty list."""

    def __init__(self, records: Iterable[R]) -> None:
        self.count = 0
        self._records: Iterable[R] = records

    def __iter__(self) -> Iterator[R]:
        for record in self._records:
            self.count += 1
            yield record


def _wanted(portal: Portal, kind: GenreKind, records: Iterable[R], genres: Sequence[GenreRecord]) -> Iterable[R]:
    """What the portal's rules and category maps take."""
    kept = _mapped(portal, kind, records, left_out(portal, kind, (genre.provider_id for genre in genres)))
    rules = RuleSet(portal.title_rules.all())
    return filtered(rules, kept, kind, {genre.provider_id: genre.name for genre in genres}) if rules else kept


def _mapped(portal: Portal, kind: GenreKind, records: Iterable[R], new: set[str]) -> Iterator[R]:
    """An item in several categories is taken unless its first is ignored, or one of the new ones to be left out."""
    maps = CategoryMap.objects.filter(genre__portal=portal, genre__kind=kind, ignored=True)
    ignored = new.union(maps.values_list("genre__provider_id", flat=True))
    for record in records:
        if not record.category_ids or record.category_ids[0] not in ignored:
            yield record


def _map_new_categories(portal: Portal) -> None:
    """A row for every category, so that the owner finds them all in one list and sets them there."""
    new: Any = Genre.objects.filter(
        portal=portal, kind__in=[GenreKind.MOVIE, GenreKind.SERIES], category_map__isnull=True
    )
    CategoryMap.objects.bulk_create([CategoryMap(genre=genre) for genre in new], batch_size=500, ignore_conflicts=True)
