"""Channels without a logo take the icon of their guide channel."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from channels.models import Channel
from guide.icons import icons_of
from restreamer.lib.pictures import is_web_address

_AT_ONCE = 500


def take_given() -> int:
    """All channels, of guides whose owner has them give their icons; how many took one."""
    bare = Channel.objects.filter(logo="").order_by().values_list("pk", flat=True)
    return _take(icons_of(bare, given_only=True))


def take(channel_ids: Iterable[int]) -> int:
    """These channels, of any guide; how many took one. Those that have a logo keep it."""
    chosen = list(channel_ids)
    bare: list[int] = []
    for at in range(0, len(chosen), _AT_ONCE):
        some = Channel.objects.filter(pk__in=chosen[at : at + _AT_ONCE], logo="")
        bare += some.order_by().values_list("pk", flat=True)
    return _take(icons_of(bare))


def _take(icons: dict[int, str]) -> int:
    pairs = [(pk, icon) for pk, icon in icons.items() if is_web_address(icon)]
    taken = 0
    for at in range(0, len(pairs), _AT_ONCE):
        with transaction.atomic():
            # Asked again of each row: a curator may have given it one meanwhile.
            taken += sum(Channel.objects.filter(pk=pk, logo="").update(logo=i) for pk, i in pairs[at : at + _AT_ONCE])
    return taken
