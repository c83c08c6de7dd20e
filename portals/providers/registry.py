"""Which provider speaks which portal's protocol."""

from __future__ import annotations

from importlib import import_module

from portals.models import Portal
from portals.providers.base import Provider
from restreamer.lib.errors import ConfigurationError

#: kind -> where its provider lives; imported at first use.
_PROVIDERS = {
    "stalker": "portals.providers.stalker.StalkerProvider",
}


def provider_for(portal: Portal) -> Provider:
    """The provider that speaks this portal's protocol. Raises ConfigurationError for a kind nobody speaks yet."""
    dotted = _PROVIDERS.get(portal.kind)
    if dotted is None:
        raise ConfigurationError(f"Portals of the kind {portal.get_kind_display()} come later.")
    module, _, name = dotted.rpartition(".")
    provider: Provider = getattr(import_module(module), name)(portal)
    return provider
