"""What portals told our boxes lately (messages, a stream cut off, a reload), kept for the owner to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import answering

_KEPT = 20
_LIFETIME_S = 30 * 24 * 3600

#: The portal's words for it, in ours.
_MEANINGS = {
    "send_msg": "a message",
    "send_msg_with_video": "a message with a video",
    "reboot": "asked the box to start again",
    "reload_portal": "asked for a new sign-in",
    "update_channels": "says its channel list has changed",
    "update_subscription": "says the subscription has changed",
    "update_epg": "says its guide has changed",
    "cut_off": "cut this MAC off",
    "cut_on": "let this MAC in again",
    "play_channel": "asked the box to show a channel",
}


@dataclass(frozen=True, slots=True)
class PortalEvent:
    """One thing a portal said. `text` is the portal's own, plain and short."""

    at: datetime
    kind: str
    text: str

    @property
    def sentence(self) -> str:
        """What it means, and the portal's own words."""
        meaning = _MEANINGS.get(self.kind, f"“{self.kind}”")
        return f"{meaning}: {self.text}" if self.text else meaning


def keep(client: Redis, subscription_id: int, event: PortalEvent) -> None:
    """Put it in front of what was said before. Raises RedisUnavailable."""
    raw = json.dumps({"at": event.at.timestamp(), "kind": event.kind, "text": event.text})
    key = redis_keys.portal_events(subscription_id)
    with answering():
        pipeline = client.pipeline(transaction=True)
        pipeline.lpush(key, raw)
        pipeline.ltrim(key, 0, _KEPT - 1)
        pipeline.expire(key, _LIFETIME_S)
        pipeline.execute()


def lately(client: Redis, subscription_id: int) -> list[PortalEvent]:
    """The last ones, newest first. Raises RedisUnavailable."""
    with answering():
        rows: list[bytes] = client.lrange(redis_keys.portal_events(subscription_id), 0, -1)  # type: ignore[assignment]
    return [_event(json.loads(row)) for row in rows]


def _event(row: Mapping[str, Any]) -> PortalEvent:
    return PortalEvent(datetime.fromtimestamp(row["at"], UTC), row["kind"], row["text"])
