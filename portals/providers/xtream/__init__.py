"""Xtream panels as providers. Import from here."""

from portals.providers.xtream.provider import XtreamProvider

__all__ = ["XtreamProvider"]
