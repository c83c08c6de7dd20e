"""What is chosen about the genres of live channels: their genre maps, and whether what is there is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.urls import reverse

from channels.models import Channel, ChannelStream, GenreMap, Group, Stream
from guide.jobs import ask_for_match
from portals.genre_choices import Facts, Wish
from portals.models import Genre
from portals.models.genre import GenreKind

_WRITTEN = ("ignored", "show", "group", "numbering")
_AT_ONCE = 5000


class LiveGenres:
    """Genres of live channels (portals.genre_choices.GenreRoom)."""

    kinds = frozenset({str(GenreKind.LIVE)})
    rights: tuple[str, ...] = ("channels.change_genremap", "channels.change_channel")

    def facts(self, genres: Sequence[int]) -> Mapping[int, Facts]:
        """Maps and counts in two queries."""
        maps = {row.genre_id: row for row in GenreMap.objects.filter(genre__in=genres).select_related("group")}
        listed = Stream.objects.filter(genre__in=genres, stale_since__isnull=True).order_by().values("genre")
        shown = Count("pk", filter=Q(link__channel__enabled=True))
        counted = listed.annotate(entries=Count("pk"), shown=shown)
        counts = {row["genre"]: (row["entries"], row["shown"]) for row in counted}
        return {pk: _facts(pk, maps.get(pk), counts.get(pk, (0, 0))) for pk in genres}

    def left_out(self) -> Q:
        """By their maps."""
        return Q(map__ignored=True)

    @transaction.atomic
    def choose(self, genres: Sequence[int], wish: Wish) -> Any:
        """The maps, then the channels that are there."""
        maps = {row.genre_id: row for row in GenreMap.objects.filter(genre__in=genres).select_related("group")}
        before = [[pk, _values(maps.get(pk))] for pk in genres]
        group = Group.objects.get_or_create(name=wish.group[:200])[0] if wish.group else None
        rows = []
        for pk in genres:
            now = maps.get(pk) or GenreMap()
            row = GenreMap(genre_id=pk, group=now.group if wish.group is None else group)
            row.ignored = now.ignored if wish.taken is None else not wish.taken
            row.show = wish.show or now.show
            row.numbering = wish.numbering or now.numbering
            rows.append(row)
        _write(rows)
        switched: list[int] = []
        if wish.entries is not None:
            feeding = ChannelStream.objects.filter(stream__genre__in=genres, stream__stale_since__isnull=True)
            others = Channel.objects.filter(pk__in=feeding.values("channel")).exclude(enabled=wish.entries)
            switched = list(others.order_by().values_list("pk", flat=True))
            _switch(switched, enabled=wish.entries)
        return {"maps": before, "enabled": wish.entries, "switched": switched}

    @transaction.atomic
    def take_back(self, before: Any) -> None:
        """A map that was not there goes again."""
        groups = set(Group.objects.values_list("pk", flat=True))
        present = set(Genre.objects.filter(pk__in=[pk for pk, _ in before["maps"]]).values_list("pk", flat=True))
        rows = []
        for pk, values in before["maps"]:
            if values is not None and pk in present:
                ignored, show, group, numbering = values
                group = group if group in groups else None
                rows.append(GenreMap(genre_id=pk, ignored=ignored, show=show, group_id=group, numbering=numbering))
        GenreMap.objects.filter(genre__in=[pk for pk, values in before["maps"] if values is None]).delete()
        _write(rows)
        _switch(before["switched"], enabled=not before["enabled"])

    def settled(self) -> None:
        """Other channels are shown now: the guide looks for them."""
        ask_for_match()


def _write(rows: list[GenreMap]) -> None:
    """Over those that are there; what is not named in _WRITTEN stays as it is in them."""
    GenreMap.objects.bulk_create(rows, update_conflicts=True, unique_fields=["genre"], update_fields=_WRITTEN)


def _switch(channels: Sequence[int], *, enabled: bool) -> None:
    for start in range(0, len(channels), _AT_ONCE):
        Channel.objects.filter(pk__in=channels[start : start + _AT_ONCE]).update(enabled=enabled)


def _values(row: GenreMap | None) -> list[Any] | None:
    return [row.ignored, row.show, row.group_id, row.numbering] if row else None


def _facts(genre: int, row: GenreMap | None, counts: tuple[int, int]) -> Facts:
    if row is None:
        page = f"{reverse('admin:channels_genremap_add')}?genre={genre}"
        row = GenreMap(genre_id=genre)
    else:
        page = reverse("admin:channels_genremap_change", args=[row.pk])
    group = row.group.name if row.group else ""
    return Facts(not row.ignored, row.show, group, row.numbering, *counts, page)
