"""Playlists as providers. Import from here."""

from portals.providers.m3u.login_address import LoginAddress, login_address
from portals.providers.m3u.provider import M3uProvider
from portals.providers.m3u.source import MAX_LIST_BYTES, Fetched, allowed_folders, is_allowed, pieces_of
from portals.providers.m3u.upload import forget_upload, judge, keep_upload

__all__ = [
    "MAX_LIST_BYTES",
    "Fetched",
    "LoginAddress",
    "M3uProvider",
    "allowed_folders",
    "forget_upload",
    "is_allowed",
    "judge",
    "keep_upload",
    "login_address",
    "pieces_of",
]
