"""How streams measured up, on the pages of streams and channels."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import StackedInline
from unfold.decorators import display

from channels.admin.channel import StreamsInline
from channels.models import ChannelStream, Stream
from channels.stream_health import StreamHealth


class HealthInline(StackedInline):
    """The score of a stream with its parts, and what was measured of it."""

    model = StreamHealth
    fields = ("in_words", "properties", "watched")
    readonly_fields = fields
    extra = 0
    can_delete = False
    verbose_name = verbose_name_plural = "health"

    def has_add_permission(self, request: HttpRequest, obj: Stream | None = None) -> bool:
        return False

    @display(description="score")
    def in_words(self, row: StreamHealth) -> str:
        """With what takes points away."""
        return row.in_words(timezone.now())

    @display(description="measured")
    def properties(self, row: StreamHealth) -> str:
        """Size, codecs, bitrate."""
        return row.properties or "–"

    @display(description="watched")
    def watched(self, row: StreamHealth) -> str:
        """For how long it was measured in all."""
        return f"{row.measured_s / 60:.0f} min"


@display(description="health")
def health(link: ChannelStream) -> str:
    """The score of one of a channel's streams."""
    row = StreamHealth.objects.filter(stream=link.stream_id).first() if link.stream_id else None
    if row is None:
        return "not watched yet"
    properties = f"; {row.properties}" if row.properties else ""
    return f"{row.in_words(timezone.now())}{properties}"


def join_pages() -> None:
    """The rooms below measure nothing: their pages get the part from here."""
    page = type(admin.site.get_model_admin(Stream))
    page.inlines = [*page.inlines, HealthInline]
    StreamsInline.fields = (*StreamsInline.fields, health)  # type: ignore[assignment]
    StreamsInline.readonly_fields = (*StreamsInline.readonly_fields, health)


join_pages()
