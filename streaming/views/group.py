"""`/chplay/<group>`: a group as one channel, the first of its channels that works (capability S-034)."""

from __future__ import annotations

import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from channels.models import Group
from streaming.errors import ChannelUnknown
from streaming.views.access import admitted
from streaming.views.errors import for_players
from streaming.views.live import watch_any

#: So many alternates are enough for anybody.
MOST_CHANNELS = 30


@for_players
def play(request: HttpRequest, group: str, token: str = "") -> HttpResponseBase:
    """By id, as the playlist of groups has it, or by name. Only channels the viewer sees count."""
    sight = admitted(request, token)
    row = _group(group)
    ids = [one.pk for one in sight.channels().filter(group=row)[:MOST_CHANNELS]] if row is not None else []
    if row is None or not ids:
        raise ChannelUnknown("There is no such group, or nothing in it that this viewer sees.")
    return watch_any(request, sight.viewer, ids, row.name)


def _group(asked: str) -> Group | None:
    by_id = Group.objects.filter(pk=int(asked)).first() if re.fullmatch(r"[0-9]{1,9}", asked) else None
    return by_id or Group.objects.filter(name=asked[:200].replace("\0", "")).first()
