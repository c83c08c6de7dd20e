"""The addresses we tell people: what a player types to reach us."""

from __future__ import annotations

from accounts.addresses import ready_addresses
from accounts.models import Viewer
from restreamer.lib.base_url import asked_base_url, base_url, lan_address

__all__ = ["asked_base_url", "base_url", "lan_address", "viewer_addresses"]


def viewer_addresses(viewer: Viewer) -> dict[str, str]:
    """The ready addresses of one viewer by name, in one word each."""
    return {one.name: one.value for one in ready_addresses(viewer, base_url())}
