"""The one data folder: secret key, database, sockets."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from restreamer.lib.errors import ConfigurationError

#: sun_path of a unix socket holds 108 bytes with its closing NUL (unix(7)).
_LONGEST_SOCKET_PATH = 100


def make_private(folder: Path) -> Path:
    """The folder, existing and readable by its owner only.

    Raises ConfigurationError when it cannot be made or written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigurationError(
            f"The data folder {folder} cannot be made: {err.strerror}. Set RESTREAMER_DATA to a folder you may write."
        ) from err
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"The data folder {folder} is not writable. Set RESTREAMER_DATA to a folder you may write."
        )
    return folder


def secret_key(data_folder: Path) -> str:
    """The installation's secret key, made at the first call; its file is readable by the owner only."""
    path = data_folder / "secret_key"
    make_private(data_folder)
    if not path.exists():
        # Written whole under another name first: a second process never reads half a key.
        draft = data_folder / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return _read_key(path)


def run_folder(data_folder: Path) -> Path:
    """Where sockets live: `run/` in the data folder, or a private temporary folder when that path is too long."""
    folder = data_folder / "run"
    if len(str(folder)) > _LONGEST_SOCKET_PATH - 20:
        digest = hashlib.sha256(str(data_folder).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"restreamer-{os.getuid()}-{digest}"
    return folder


def _read_key(path: Path) -> str:
    try:
        key = path.read_text(encoding="ascii").strip()
    except OSError as err:
        raise ConfigurationError(f"The secret key {path} cannot be read: {err.strerror}.") from err
    if len(key) < 40:
        raise ConfigurationError(f"The secret key in {path} is too short; delete the file to have a new one made.")
    return key
