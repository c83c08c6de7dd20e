"""What several subjects answer with."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models import QuerySet
from ninja import Field, Query, Schema

#: A page of a list.
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="So many left out before.")]
#: What names are looked through for; a database refuses patterns of any length.
Search = Annotated[str, Query(max_length=200)]
#: The public id of a channel or title.
PublicId = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Problem(Schema):
    """What is said instead."""

    detail: str = Field(examples=["There is no such channel."])


def page(rows: QuerySet[Any], limit: int, offset: int) -> dict[str, Any]:
    """`count` of all, and the items of this page."""
    return {"count": rows.count(), "items": list(rows[offset : offset + limit])}
