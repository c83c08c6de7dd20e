"""What the mirror must know of one kind of item: its record, its rows, its columns and its births."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.db.models import Model

from portals.mirror.spool import Form
from portals.models import Genre, Portal
from portals.models.genre import GenreKind


class Record(Protocol):
    """What every record of a list has."""

    @property
    def provider_id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def censored(self) -> bool: ...

    @property
    def provider_data(self) -> Mapping[str, Any]: ...

    @property
    def offered_to(self) -> tuple[int, ...]: ...


R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class NewRow(Generic[R]):
    """A row in the making; a model instance would cost as much as storing it."""

    provider_id: str
    name: str
    genre: Genre | None
    record: R
    position: int
    fingerprint: str
    #: Values of the shape's own columns, in their order.
    own: tuple[Any, ...]
    pk: int = 0

    @property
    def censored(self) -> bool:
        """The item itself or its genre is for adults."""
        return self.record.censored or bool(self.genre and self.genre.censored)


class Births(Protocol[R]):
    """Gives new rows what viewers see of them, and keeps that in step with rows that changed."""

    #: For the run's report: kind of change -> examples.
    report: dict[str, list[list[str]]]

    def meet(self, genres: Sequence[Genre]) -> None:
        """The portal names these for the first time, after it named others before; nothing is born in them yet."""

    def reserve(self, count: int) -> None:
        """So many rows come next; called outside of their transaction."""

    def give(self, born: Sequence[NewRow[R]]) -> list[int]:
        """Something shown for each row; returns the public ids that are new."""

    def follow(self, pks: Sequence[int]) -> None:
        """These rows changed, came back or went away."""


class Shape(Protocol[R]):
    """One kind of item. Every `offered` model has the columns provider_id, name, genre, cmd, provider_data,
    offered_to, position, fingerprint, stale_since, portal and first_seen_at, and `columns` besides."""

    #: Written in sentences: "channels".
    noun: str
    #: What an item without a name is called: "Channel".
    one: str
    kind: GenreKind
    form: Form[R]
    offered: type[Model]
    shown: type[Model]
    #: From what is shown to the rows that feed it.
    fed_by: str
    columns: tuple[str, ...]
    #: Rows written in one transaction: others who write wait for its end.
    batch: int

    def genre_id(self, record: R) -> str:
        """The portal's id of the record's genre."""

    def cmd(self, record: R) -> str:
        """The portal's play order."""

    def own(self, record: R, genre: Genre | None) -> tuple[Any, ...]:
        """Values for `columns`, as the database takes them."""

    def births(self, portal: Portal) -> Births[R]:
        """For one run."""
