"""The counter behind public ids: integers below 2^31, one sequence for live, movies, series and episodes."""

from __future__ import annotations

from collections import deque

from django.db import models, transaction
from django.db.models import F

from restreamer.lib.errors import RestreamerError

_HIGHEST = 2**31 - 1


class PublicIdCounter(models.Model):
    """One row. It only counts up, so an id is never given twice, also after a row is deleted."""

    next_id = models.PositiveBigIntegerField(default=1001)

    def __str__(self) -> str:
        return f"next public id {self.next_id}"

    @classmethod
    def take(cls, count: int) -> range:
        """`count` fresh ids. The update locks the row, so two takers never get the same."""
        with transaction.atomic():
            cls.objects.get_or_create(pk=1)
            cls.objects.filter(pk=1).update(next_id=F("next_id") + count)
            end = cls.objects.get(pk=1).next_id
            if end > _HIGHEST:
                raise RestreamerError("The public ids are used up: 2,147,483,647 items have been seen.")
        return range(end - count, end)


class IdStock:
    """Ids taken ahead of the transaction that uses them, so that others who need one never wait for its end."""

    def __init__(self) -> None:
        self._ids: deque[int] = deque()

    def reserve(self, count: int) -> None:
        """Have at least `count` at hand. What is left over serves the next time."""
        missing = count - len(self._ids)
        if missing > 0:
            self._ids.extend(PublicIdCounter.take(missing))

    def take(self) -> int:
        """A fresh id."""
        self.reserve(1)
        return self._ids.popleft()
