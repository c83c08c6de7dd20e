"""What a person types into a player: the ready addresses of one viewer."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from accounts.models import Viewer


@dataclass(frozen=True, slots=True)
class ReadyAddress:
    """One line to copy. `name` for programs, `label` and `hint` for people."""

    name: str
    label: str
    value: str
    hint: str


def ready_addresses(viewer: Viewer, base_url: str) -> list[ReadyAddress]:
    """All of them, in the order people need them; `base_url` has no closing slash. The password is in none."""
    token = urlencode({"token": viewer.token})
    playlist = f"{base_url}/playlist.m3u8?{token}"
    guide = f"{base_url}/epg.xml?{token}"
    tuner = f"{base_url}/hdhr/{viewer.token}"
    return [
        ReadyAddress("playlist", "Playlist (M3U)", playlist, "VLC, Kodi, TiviMate, most apps"),
        ReadyAddress("guide", "Guide (EPG, XMLTV)", guide, "where an app asks for an EPG address"),
        ReadyAddress("xtream_server", "Xtream: server", base_url, "Xtream Codes apps, with the name below"),
        ReadyAddress("xtream_name", "Xtream: name", viewer.name, "and the password you were shown once"),
        ReadyAddress("tuner", "Network tuner (HDHomeRun)", tuner, "Plex, Jellyfin, Emby, Channels"),
    ]
