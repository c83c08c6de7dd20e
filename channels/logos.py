"""Logos an owner gave: uploaded pictures, kept in the database so that every node has them, and addresses.

Channels and groups name their logo by its address, whoever gave it; an uploaded one by a word made from its bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

from django.apps import apps
from django.db import models, transaction

from restreamer.lib.errors import InvalidInput
from restreamer.lib.pictures import HEAD_BYTES, UPLOADED, is_web_address, media_type, size_of

#: Of an uploaded picture: bytes, and pixels of its longer side. Players show logos at 300 or so.
MOST_BYTES, MOST_PIXELS = 512 * 1024, 4096
_AT_ONCE = 500
T = TypeVar("T")


class Logo(models.Model):
    """A logo to be given to channels and groups."""

    name = models.CharField(max_length=200)
    address = models.CharField(max_length=2000, blank=True, help_text="http:// or https://; empty when uploaded.")
    #: Of the bytes; "" for an address.
    digest = models.CharField(max_length=32, blank=True, editable=False, db_index=True)
    blob = models.BinaryField(default=bytes, editable=False)
    media_type = models.CharField(max_length=20, blank=True, editable=False)
    size_bytes = models.PositiveIntegerField(default=0, editable=False)
    width = models.PositiveIntegerField(default=0, editable=False)
    height = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["digest"], condition=~models.Q(digest=""), name="one_row_per_uploaded_picture"
            ),
            models.UniqueConstraint(
                fields=["address"], condition=~models.Q(address=""), name="one_row_per_logo_address"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """What stands in the `logo` of who has it."""
        return self.address or f"{UPLOADED}{self.digest}"


def keep(data: bytes, name: str) -> Logo:
    """The uploaded picture as a row; the same picture again is the same row. Raises InvalidInput."""
    told = check(data)
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    width, height = size_of(data) or (0, 0)
    row, _ = Logo.objects.get_or_create(
        digest=digest,
        defaults={
            "name": name[:200] or "logo",
            "blob": data,
            "media_type": told,
            "size_bytes": len(data),
            "width": width,
            "height": height,
        },
    )
    return row


def check(data: bytes) -> str:
    """What kind of picture it is. Raises InvalidInput, in words, for what is none or too large."""
    if len(data) > MOST_BYTES:
        raise InvalidInput(f"The picture is larger than {MOST_BYTES // 1024} KB.")
    told = media_type(data[:HEAD_BYTES])
    size = size_of(data) if told else None
    if size is None:
        raise InvalidInput("This is no picture: PNG, JPEG, GIF and WebP are known.")
    if not 0 < max(size) <= MOST_PIXELS or not min(size):
        raise InvalidInput(f"The picture has {size[0]} x {size[1]} pixels; at most {MOST_PIXELS} on a side are taken.")
    return told


def check_reference(reference: str) -> None:
    """Raises InvalidInput for what cannot be a logo: neither on the web nor uploaded here."""
    uploaded = reference.startswith(UPLOADED)
    if uploaded and Logo.objects.filter(digest=reference.removeprefix(UPLOADED)).exclude(digest="").exists():
        return
    if uploaded or not is_web_address(reference):
        raise InvalidInput("A logo's address begins with http:// or https://; or upload a picture.")


def blob_of(reference: str) -> bytes | None:
    """The bytes of an uploaded picture; None when it was removed."""
    digest = reference.removeprefix(UPLOADED)
    found = Logo.objects.filter(digest=digest).exclude(digest="").values_list("blob", flat=True).first()
    return bytes(found) if found is not None else None


def uses(references: Iterable[str]) -> dict[str, int]:
    """How many channels and groups have each of these logos; who is not named has none."""
    found: dict[str, int] = {}
    for some in _pieces(list(references)):
        for model in _wearers():
            rows = model._default_manager.filter(logo__in=some).order_by().values_list("logo")
            for reference, count in rows.annotate(models.Count("pk")):
                found[reference] = found.get(reference, 0) + count
    return found


def unused() -> list[Logo]:
    """Logos nobody has, without their bytes."""
    rows = list(Logo.objects.defer("blob"))
    used = uses(row.reference for row in rows)
    return [row for row in rows if row.reference not in used]


@transaction.atomic
def remove(rows: Iterable[Logo]) -> int:
    """Remove logos; who had one has none any more. Returns how many channels and groups that were."""
    doomed = list(rows)
    bare = 0
    for some in _pieces([row.reference for row in doomed]):
        bare += sum(model._default_manager.filter(logo__in=some).update(logo="") for model in _wearers())
    for keys in _pieces([row.pk for row in doomed]):
        Logo.objects.filter(pk__in=keys).delete()
    return bare


def _wearers() -> list[type[models.Model]]:
    return [apps.get_model("channels", "Channel"), apps.get_model("channels", "Group")]


def _pieces(values: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
