"""What is kept of files between viewings: their sizes, for HEAD, and which archive layout a portal has."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict

from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering
from streaming.passthrough.seams import FileFacts

logger = logging.getLogger(__name__)

_SIZE_S = 6 * 3600
_LAYOUT_S = 30 * 24 * 3600


def item_of(key: str) -> str:
    """The file a viewing's key names, whoever views it."""
    return key.rpartition(":")[0]


def remember_size(client: Redis, key: str, facts: FileFacts) -> None:
    """A file was served. Never raises: HEAD then knows less."""
    if facts.length is None:
        return
    told = asdict(facts) | {"provider_etag": ""}
    try:
        with answering():
            client.set(redis_keys.file_facts(item_of(key)), json.dumps(told), ex=_SIZE_S)
    except RedisUnavailable as err:
        logger.warning("The size of a file is not remembered: %s", err)


def size(client: Redis, item: str) -> FileFacts | None:
    """What the last serving of the file told; None when nobody remembers."""
    try:
        with answering():
            raw = client.get(redis_keys.file_facts(item))
        return FileFacts(**json.loads(raw)) if raw else None
    except (RedisUnavailable, ValueError, TypeError):
        return None


def remember_layout(client: Redis, portal_id: int, layout: int) -> None:
    """This layout of the portal's archive plays. Never raises."""
    try:
        with answering():
            client.set(redis_keys.archive_layout(portal_id), layout, ex=_LAYOUT_S)
    except RedisUnavailable as err:
        logger.warning("The layout of an archive is not remembered: %s", err)


def layout(client: Redis, portal_id: int) -> int:
    """The layout that played last, 0 when nobody remembers."""
    try:
        with answering():
            return int(client.get(redis_keys.archive_layout(portal_id)) or 0)
    except (RedisUnavailable, ValueError):
        return 0
