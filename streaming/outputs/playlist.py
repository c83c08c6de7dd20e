"""A queryset of channels as an M3U playlist, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from channels.models import Channel
from channels.querysets import ChannelQuerySet
from restreamer.lib import m3u

#: Rows fetched at once; keeps memory flat for any number of channels.
_ROWS = 2000


@dataclass(frozen=True, slots=True)
class PlaylistForm:
    """How a playlist is written. `base_url` has no closing slash; `token` is the viewer's."""

    base_url: str
    token: str
    #: The viewer's PIN, for channels marked as adult; empty when none was given.
    pin: str = ""
    with_groups: bool = True
    with_numbers: bool = True


def lines(channels: ChannelQuerySet, form: PlaylistForm) -> Iterator[str]:
    """The playlist in pieces of many entries; the queryset decides what is in it and in which order."""
    yield m3u.header()
    piece: list[str] = []
    for channel in channels.select_related("group").iterator(chunk_size=_ROWS):
        piece.append(entry(channel, form))
        if len(piece) == 200:
            yield "".join(piece)
            piece.clear()
    if piece:
        yield "".join(piece)


def entry(channel: Channel, form: PlaylistForm) -> str:
    """Both lines of one channel."""
    attributes = {
        "tvg-id": channel.tvg_id,
        "tvg-name": channel.name,
        "tvg-logo": channel.logo,
        "tvg-chno": channel.shown_number if form.with_numbers else "",
        "radio": "true" if channel.is_radio else "",
    }
    groups = [channel.group.name] if channel.group and form.with_groups else []
    return m3u.render_entry(channel.name, address(channel, form), attributes, groups=groups)


def address(channel: Channel, form: PlaylistForm) -> str:
    """Where players fetch the channel. Equal on every download: players take it as the channel's identity."""
    pin = f"&pin={quote(form.pin)}" if form.pin and channel.adult else ""
    return f"{form.base_url}/stream/{channel.id}?token={form.token}{pin}"
