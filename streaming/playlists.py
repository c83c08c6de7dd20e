"""What a request for a playlist asks for: checked, and turned into the rows of a viewer's channels, movies, series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, TypeVar

from django import forms
from django.db import models
from django.utils.datastructures import MultiValueDict

from channels.listing import ListedChannel, listed
from channels.models import Group
from channels.querysets import ChannelQuerySet
from restreamer.lib.errors import InvalidInput
from streaming.outputs import playlist as output
from streaming.outputs.playlist import PlaylistForm
from streaming.visible import Sight
from vod import listing
from vod.querysets import TitleQuerySet

T = TypeVar("T", bound=models.Model)

#: A switch in an address; left out means its usual value.
_SWITCH = [("1", "yes"), ("0", "no")]
KINDS = ("live", "movies", "series")
_SORTS = [("number", "by number"), ("name", "by name"), ("group", "by group"), ("lineup", "as the lineup has it")]
_DIGITS = re.compile(r"(\d+)")


class Choice(forms.Form):
    """What the address may ask for. An unknown value is an error; it never silently means “all”."""

    group = forms.CharField(required=False, max_length=200)
    portal = forms.SlugField(required=False)
    lineup = forms.SlugField(required=False)
    kind = forms.CharField(required=False, max_length=40)
    genres = forms.ChoiceField(required=False, choices=_SWITCH)
    numbers = forms.ChoiceField(required=False, choices=_SWITCH)
    commas = forms.ChoiceField(required=False, choices=_SWITCH)
    sort = forms.ChoiceField(required=False, choices=_SORTS)
    form = forms.ChoiceField(required=False, choices=[("ts", "MPEG-TS"), ("hls", "HLS")])
    flavour = forms.ChoiceField(required=False, choices=[("plain", "plain"), ("xui", "as the XUI family writes it")])
    episodes = forms.ChoiceField(required=False, choices=_SWITCH)
    mimetype = forms.ChoiceField(required=False, choices=_SWITCH)
    direct = forms.ChoiceField(required=False, choices=_SWITCH)

    def clean_kind(self) -> list[str]:
        """Kinds by commas; none named = live television."""
        named = [word.strip() for word in self.cleaned_data["kind"].split(",") if word.strip()] or ["live"]
        unknown = [word for word in named if word not in KINDS]
        if unknown:
            raise forms.ValidationError(f"There is no kind {unknown[0]!r}; there are {', '.join(KINDS)}.")
        return named

    def clean(self) -> dict[str, Any]:
        """A lineup holds channels: it would silently mean nothing where none are asked for."""
        if self.cleaned_data.get("lineup") and "live" not in self.cleaned_data.get("kind", ["live"]):
            raise forms.ValidationError({"lineup": "Lineups hold channels; movies and series have none."})
        return self.cleaned_data

    def is_on(self, name: str, *, usually: bool) -> bool:
        """A switch's value."""
        value = self.cleaned_data[name]
        return value == "1" if value else usually


def read_choice(query: MultiValueDict[str, str], *, credentials: Iterable[str]) -> Choice:
    """The checked choice. Raises InvalidInput with the parameter that is wrong."""
    unknown = set(query) - set(Choice.base_fields) - set(credentials)
    if unknown:
        sentence = f"There is no parameter {min(unknown)[:40]!r} here."
        raise InvalidInput(sentence, public=sentence)
    choice = Choice(query)
    if not choice.is_valid():
        name, errors = next(iter(choice.errors.items()))
        raise InvalidInput(f"{name}: {errors[0]}", public=f"{name}: {errors[0]}")
    return choice


def channels_of(choice: Choice, sight: Sight) -> ChannelQuerySet:
    """Of the channels the viewer sees those asked for, in order. Raises LineupUnknown."""
    slug = choice.cleaned_data["lineup"]
    chosen = sight.channels(sight.lineup(slug) if slug else None)
    if choice.cleaned_data["group"]:
        chosen = chosen.in_group(choice.cleaned_data["group"])
    if choice.cleaned_data["portal"]:
        chosen = chosen.of_portal_slug(choice.cleaned_data["portal"])
    return chosen


def text(choice: Choice, sight: Sight, form: PlaylistForm) -> Iterator[str]:
    """The playlist, in pieces."""
    yield output.head(form)
    kinds = choice.cleaned_data["kind"]
    if "live" in kinds:
        rows = _sorted(listed(channels_of(choice, sight)), choice.cleaned_data["sort"])
        yield from output.pieces(output.channel_entry(row, form) for row in rows)
    if "movies" in kinds:
        movies = titles_of(choice, sight.movies()).in_order()
        yield from output.pieces(output.movie_entry(row, form) for row in listing.movies(movies))
    if "series" in kinds:
        yield from output.pieces(_episodes(choice, sight, form))


def groups_text(choice: Choice, sight: Sight, form: PlaylistForm) -> Iterator[str]:
    """The playlist with one entry for each group of which the viewer sees a channel."""
    yield output.head(form)
    shown = channels_of(choice, sight).filter(group__isnull=False).order_by()
    groups = shown.values_list("group__position", "group__name", "group_id", "group__logo").distinct()
    yield from output.pieces(output.group_entry(pk, name, logo, form) for _, name, pk, logo in sorted(groups))


def _episodes(choice: Choice, sight: Sight, form: PlaylistForm) -> Iterator[str]:
    shown = titles_of(choice, sight.series()).in_order()
    all_series = {row.id: row for row in listing.series(shown)}
    rows = listing.episodes(sight.episodes().in_order())
    for series_id, group in groupby(rows, key=lambda row: row.series_id):
        series = all_series.get(series_id)
        if series is None:
            continue
        for row in group:
            yield output.episode_entry(series, row, form)
            if not choice.is_on("episodes", usually=True):
                # One entry for each series: its first episode.
                break


def titles_of(choice: Choice, titles: TitleQuerySet[T]) -> TitleQuerySet[T]:
    """Of the movies or series the viewer sees those asked for."""
    if choice.cleaned_data["group"]:
        titles = titles.in_category(choice.cleaned_data["group"])
    if choice.cleaned_data["portal"]:
        titles = titles.of_portal_slug(choice.cleaned_data["portal"])
    return titles


def _sorted(rows: Iterator[ListedChannel], sort: str) -> Iterable[ListedChannel]:
    if sort == "name":
        return sorted(rows, key=lambda row: natural(row.name))
    if sort == "group":
        # As the owner has put them; what is in none comes last.
        places = dict(Group.objects.values_list("name", "position"))
        return sorted(rows, key=lambda row: (not row.group, places.get(row.group, 0), natural(row.group)))
    if sort == "number":
        return sorted(rows, key=lambda row: (not row.number, float(row.number or 0)))
    return rows


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts `Sport 2` before `Sport 10`, upper and lower case alike."""
    parts = _DIGITS.split(name.casefold())
    return [(int(part[:18]), "") if at % 2 else (0, part) for at, part in enumerate(parts)]
