"""Which provider speaks which portal's protocol."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from portals.models import Portal
from portals.providers.base import Provider
from portals.providers.vod_records import BulkGuideProvider, VodProvider
from restreamer.lib.errors import ConfigurationError

#: kind -> where its provider lives; imported at first use.
_PROVIDERS = {
    "stalker": "portals.providers.stalker.provider.StalkerProvider",
    "xtream": "portals.providers.xtream.XtreamProvider",
    "m3u": "portals.providers.m3u.M3uProvider",
}


def provider_for(portal: Portal) -> Provider:
    """The provider that speaks this portal's protocol.

    Raises ConfigurationError for a kind nobody speaks yet.
    """
    provider: Provider = _made(portal)
    return provider


def vod_provider_for(portal: Portal) -> VodProvider:
    """The same provider, asked for movies and series.

    Raises ConfigurationError for a kind nobody speaks yet.
    """
    provider: VodProvider = _made(portal)
    return provider


def bulk_guide_provider_for(portal: Portal) -> BulkGuideProvider:
    """The same provider, asked for its guide; Stalker portals only, the others have theirs at an address.

    Raises ConfigurationError for a kind nobody speaks yet.
    """
    provider: BulkGuideProvider = _made(portal)
    return provider


def _made(portal: Portal) -> Any:
    module, _, name = _PROVIDERS[portal.kind].rpartition(".")
    try:
        room = import_module(module)
    except ModuleNotFoundError as err:
        # Only the room itself may be missing; what it imports must be there.
        if err.name != module:
            raise
        raise ConfigurationError(f"Portals of the kind {portal.get_kind_display()} come later.") from err
    return getattr(room, name)(portal)
