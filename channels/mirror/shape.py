"""Live streams as the mirror sees them."""

from __future__ import annotations

from typing import Any

from channels.mirror.births import Births
from channels.models import Channel, Stream
from portals.mirror.shape import Shape
from portals.mirror.spool import Form
from portals.models import Genre, Portal
from portals.models.genre import GenreKind
from portals.providers.records import StreamRecord
from restreamer.lib import storable


class LiveShape(Shape[StreamRecord]):
    """Columns, births and words of live channels."""

    noun = "channels"
    one = "Channel"
    kind = GenreKind.LIVE
    form = Form(StreamRecord, {"offered_to": tuple})
    offered = Stream
    shown = Channel
    fed_by = "links"
    columns = ("number", "logo", "guide_id", "is_radio", "censored", "subscribed", "archive_hours")
    batch = 500

    def genre_id(self, record: StreamRecord) -> str:
        """The portal's id of the genre."""
        return record.genre_id

    def cmd(self, record: StreamRecord) -> str:
        """The play order."""
        return record.cmd

    def own(self, record: StreamRecord, genre: Genre | None) -> tuple[Any, ...]:
        """Values for `columns`."""
        return (
            storable.text(record.number, 20),
            storable.text(record.logo, 2000),
            storable.text(record.guide_id, 300),
            record.is_radio,
            record.censored or bool(genre and genre.censored),
            record.subscribed,
            record.archive_hours,
        )

    def births(self, portal: Portal) -> Births:
        """Channels for new streams."""
        return Births(portal)


LIVE = LiveShape()
