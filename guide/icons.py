"""Icons of guide channels as logos of ours: which there are, and who is told when there may be new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from guide.models import GuideChannel, GuideMatch
from guide.records import key_of

#: Gives icons to channels that have no logo; hung in by the channels room when it is ready.
Taker = Callable[[], int]
_takers: list[Taker] = []
_AT_ONCE = 2000


def offer_to(taker: Taker) -> Callable[[], None]:
    """From now on `taker` is called when a guide that gives its icons was read or matched. Returns its own undo."""
    _takers.append(taker)
    return lambda: _takers.remove(taker)


def offer() -> None:
    """There may be new icons for channels of ours."""
    for taker in _takers:
        taker()


def icons_of(channel_ids: Iterable[int], *, given_only: bool = False) -> dict[int, str]:
    """The icon of each channel's accepted guide channel, where it has one. Two queries for each 2,000 channels.

    With `given_only`, only of guides whose owner has them become logos by themselves.
    """
    found: dict[int, str] = {}
    ids = sorted(channel_ids)
    for at in range(0, len(ids), _AT_ONCE):
        pairs = GuideMatch.objects.accepted().filter(channel_id__in=ids[at : at + _AT_ONCE], source__isnull=False)
        if given_only:
            pairs = pairs.filter(source__icons_as_logos=True)
        wanted: dict[tuple[int, str], list[int]] = {}
        for channel_id, source_id, guide_id in pairs.values_list("channel_id", "source_id", "guide_id"):
            if source_id is not None:
                wanted.setdefault((source_id, key_of(guide_id)), []).append(channel_id)
        known = GuideChannel.objects.readable().filter(key__in={key for _, key in wanted}).exclude(icon="")
        for source_id, key, icon in known.values_list("source_id", "key", "icon"):
            found.update(dict.fromkeys(wanted.get((source_id, key), ()), icon))
    return found
