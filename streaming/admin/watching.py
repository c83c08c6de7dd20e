"""Buttons on the pages of channels and streams: they play what is shown, or tell a channel's addresses.

What they lead to is in streaming.views.looking and streaming.views.channel_addresses.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from channels.admin.channel import StreamsInline
from channels.models import Channel, ChannelStream, Stream

_BUTTON = (
    '<a href="{}" target="_blank" data-watch="{}" title="Play {}" aria-label="Play {}" '
    'class="flex w-fit text-primary-600 dark:text-primary-500">'
    '<span class="material-symbols-outlined">play_circle</span></a>'
)
_BOTH = (
    '<span class="flex gap-3 w-fit">{}<a href="{}" target="_blank" data-addresses="{}" title="Copy link" '
    'aria-label="Copy the link of {}" class="flex"><span class="material-symbols-outlined">link</span></a></span>'
)


@display(description="play")
def play_channel(channel: Channel) -> SafeString | str:
    """For channels that have a stream; `streams_total` is counted by the list."""
    if not getattr(channel, "streams_total", 0):
        return "–"
    address = reverse("watch_channel_addresses", args=[channel.pk])
    return format_html(_BOTH, _button("channel", channel.pk, channel.name), address, channel.name, channel.name)


@display(description="play")
def play_stream(stream: Stream) -> SafeString | str:
    """For streams that a portal offers now."""
    offered = stream.stale_since is None and stream.subscribed and stream.portal.enabled
    return _button("stream", stream.pk, stream.name) if offered else "–"


@display(description="play")
def play_link(link: ChannelStream) -> SafeString | str:
    """One of a channel's streams, and no other when it fails."""
    return _button("stream", link.stream_id, link.stream.name) if link.stream_id else "–"


def _button(kind: str, pk: int, name: str) -> SafeString:
    return format_html(_BUTTON, reverse(f"watch_{kind}", args=[pk]), name, name, name)


def join_pages() -> None:
    """The rooms below play nothing: their pages get the buttons from here, and the window they open."""
    for model, play in ((Channel, play_channel), (Stream, play_stream)):
        page: Any = type(admin.site.get_model_admin(model))
        first, *others = page.list_display
        page.list_display = (first, play, *others)
        page.list_before_template = "streaming/watch_window.html"
        page.change_form_outer_before_template = f"streaming/watch_{model._meta.model_name}.html"
    StreamsInline.fields = (*StreamsInline.fields, play_link)  # type: ignore[assignment]
    StreamsInline.readonly_fields = (*StreamsInline.readonly_fields, play_link)


join_pages()
