"""Playlists as providers. Import from here."""

from portals.providers.m3u.login_address import LoginAddress, login_address
from portals.providers.m3u.provider import M3uProvider
from portals.providers.m3u.source import Fetched, allowed_folders
from portals.providers.m3u.upload import keep_upload

__all__ = ["Fetched", "LoginAddress", "M3uProvider", "allowed_folders", "keep_upload", "login_address"]
