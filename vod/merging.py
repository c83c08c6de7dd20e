"""Curators join titles that are one and separate offers that are not; every decision is remembered and can be taken
back. The older title stays, because players know its id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from restreamer.lib.errors import RestreamerError
from vod import settling
from vod.models import Episode, EpisodeOffer, Merge, Movie, MovieOffer, Season, Series, SeriesOffer

_CURATED = ("custom_name", "enabled", "curated", "category_id", "adult")
_KEPT = (*_CURATED, "name", "year", "search_text")
_EPISODE = ("id", "custom_name", "enabled", "curated", "name", "number")

AnyTitle = Movie | Series
AnyOffer = MovieOffer | SeriesOffer


class NotMergeable(RestreamerError):
    """The titles cannot be joined, separated or taken back; the message says why."""

    permanent = True
    status = 409


@transaction.atomic
def merge(titles: Sequence[AnyTitle], by: str, *, by_person: bool = True) -> AnyTitle:
    """Make one of several: the oldest stays and takes the offers of the others. Raises NotMergeable.

    What no person joined is not a curator's for that."""
    stays, *others = sorted(titles, key=lambda title: title.pk)
    if not others or any(type(other) is not type(stays) for other in others):
        raise NotMergeable("Choose two or more movies, or two or more series.")
    for goes in others:
        _join(stays, goes, by, by_person=by_person)
    settling.settle(type(stays), [stays.pk])
    stays.refresh_from_db()
    return stays


@transaction.atomic
def split(offer: AnyOffer, by: str) -> AnyTitle:
    """The offer leaves its title for a new one of its own. Raises NotMergeable."""
    title = _title_of(offer)
    if title is None or title.offers.count() < 2:
        raise NotMergeable("This is the only offer; there is nothing to separate it from.")
    model = type(title)
    fresh: AnyTitle = model(
        name=offer.name, enabled=title.enabled, category=title.category, adult=offer.censored, curated=True
    )
    fresh.save()
    _move([offer], fresh)
    model._default_manager.filter(pk=title.pk).update(curated=True)
    if isinstance(offer, SeriesOffer) and isinstance(fresh, Series):
        _split_episodes(offer, fresh)
    settling.settle(model, [title.pk, fresh.pk])
    _remember(title, fresh, Merge.State.APART, by, {})
    fresh.refresh_from_db()
    return fresh


@transaction.atomic
def take_back(decision: Merge, by: str) -> AnyTitle:
    """What was joined comes back under its old id, with the offers that are still where they went; what was separated
    is joined again. Raises NotMergeable."""
    model: Any = Movie if decision.kind == "movie" else Series
    stays = model.objects.filter(pk=decision.stays_id).first()
    goes = model.objects.filter(pk=decision.goes_id).first()
    if decision.state == Merge.State.UNDONE or stays is None:
        raise NotMergeable("This decision was taken back already, or what it was about is gone.")
    if decision.state == Merge.State.APART:
        if goes is None:
            raise NotMergeable("What was separated is gone.")
        _close(decision, by)
        return merge([stays, goes], by)
    if goes is not None:
        raise NotMergeable("It is back already.")
    kept = decision.undo
    title: AnyTitle = model(id=decision.goes_id, **kept["title"])
    title.save(force_insert=True)
    offers = title.offers.model._default_manager
    for pk, rank in kept["offers"]:
        offers.filter(pk=pk, **{_field(title): stays}).update(**{_field(title): title, "rank": rank})
    model.objects.filter(pk=stays.pk).update(**kept["stays"])
    if isinstance(title, Series):
        _episodes_back(title, kept["episodes"])
    settling.settle(model, [stays.pk, title.pk])
    _close(decision, by)
    title.refresh_from_db()
    return title


def _join(stays: AnyTitle, goes: AnyTitle, by: str, *, by_person: bool) -> None:
    offers: list[Any] = list(goes.offers.all())
    undo: dict[str, Any] = {
        "title": {name: getattr(goes, name) for name in _KEPT},
        "offers": [[offer.pk, offer.rank] for offer in offers],
        "stays": {name: getattr(stays, name) for name in _CURATED},
    }
    _move(offers, stays)
    if isinstance(goes, Series) and isinstance(stays, Series):
        undo["episodes"] = _join_episodes(stays, goes)
    stays.enabled = stays.enabled or goes.enabled
    stays.custom_name = stays.custom_name or goes.custom_name
    stays.curated = by_person or stays.curated or goes.curated
    stays.save(update_fields=["enabled", "custom_name", "curated"])
    _remember(stays, goes, Merge.State.MERGED, by, undo)
    goes.delete()


def _join_episodes(stays: Series, goes: Series) -> list[dict[str, Any]]:
    """Episodes at the same place become one, the others move over; returns what would take that back."""
    here = {(e.season.number, e.number): e for e in stays.episodes.select_related("season").order_by("-id")}
    seasons = {season.number: season for season in stays.seasons.all()}
    undo: list[dict[str, Any]] = []
    moved: list[Episode] = []
    for episode in goes.episodes.select_related("season").prefetch_related("offers"):
        place = (episode.season.number, episode.number)
        offers = [offer.pk for offer in episode.offers.all()]
        row = {**{name: getattr(episode, name) for name in _EPISODE}, "season": place[0], "offers": offers}
        twin = here.get(place)
        undo.append({**row, "twin": twin.pk if twin else None})
        if twin is not None:
            EpisodeOffer.objects.filter(pk__in=offers).update(episode=twin)
            continue
        if place[0] not in seasons:
            seasons[place[0]] = Season.objects.create(series=stays, number=place[0], name=episode.season.name)
        episode.series, episode.season = stays, seasons[place[0]]
        moved.append(episode)
    Episode.objects.bulk_update(moved, ["series", "season"], batch_size=500)
    settling.settle_episodes(row["twin"] for row in undo if row["twin"])
    return undo


def _episodes_back(series: Series, rows: Sequence[dict[str, Any]]) -> None:
    seasons: dict[int, Season] = {}
    touched: list[int] = []
    for row in rows:
        number = row["season"]
        if number not in seasons:
            seasons[number], _ = Season.objects.get_or_create(series=series, number=number)
        Episode.objects.update_or_create(
            pk=row["id"],
            defaults={
                **{name: row[name] for name in _EPISODE if name != "id"}, "series": series, "season": seasons[number],
            },
        )  # fmt: skip
        EpisodeOffer.objects.filter(pk__in=row["offers"], series_offer__series=series).update(episode=row["id"])
        touched += [row["id"], *([row["twin"]] if row["twin"] else [])]
    settling.settle_episodes(touched)


def _split_episodes(offer: SeriesOffer, fresh: Series) -> None:
    """Episodes only this offer feeds move with it; those it shares are born again over there."""
    seasons: dict[int, Season] = {}
    touched: list[int] = []
    for row in offer.episodes.filter(episode__isnull=False).select_related("episode__season"):
        episode = row.episode
        assert episode is not None  # filtered above
        number = episode.season.number
        if number not in seasons:
            seasons[number] = Season.objects.create(series=fresh, number=number, name=episode.season.name)
        if EpisodeOffer.objects.filter(episode=episode).exclude(series_offer=offer).exists():
            touched.append(episode.pk)
            episode = Episode(name=row.name, number=row.number, enabled=episode.enabled)
        episode.series, episode.season = fresh, seasons[number]
        episode.save()
        row.episode = episode
        row.save(update_fields=["episode"])
        touched.append(episode.pk)
    settling.settle_episodes(touched)


def _move(offers: Sequence[Any], title: AnyTitle) -> None:
    pks = [offer.pk for offer in offers]
    title.offers.model._default_manager.filter(pk__in=pks).update(**{_field(title): title})


def _field(title: AnyTitle) -> str:
    return "movie" if isinstance(title, Movie) else "series"


def _title_of(offer: AnyOffer) -> AnyTitle | None:
    return offer.movie if isinstance(offer, MovieOffer) else offer.series


def _remember(stays: AnyTitle, goes: AnyTitle, state: str, by: str, undo: dict[str, Any]) -> None:
    Merge.objects.create(
        kind=_field(stays), stays_id=stays.pk, stays_name=stays.shown_name, goes_id=goes.pk,
        goes_name=goes.shown_name, state=state, decided_by=by, undo=undo,
    )  # fmt: skip


def _close(decision: Merge, by: str) -> None:
    decision.state = Merge.State.UNDONE
    decision.decided_by = by
    decision.save(update_fields=["state", "decided_by"])
