"""Archives that were changed by hand, honest in size and digest: only their meaning is wrong."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Change = Callable[[dict[str, bytes], dict[str, Any]], object]


def rewritten(path: Path, change: Change) -> Path:
    """A copy whose members and manifest `change` has changed."""
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist() if name != "manifest.json"}
        manifest = json.loads(source.read("manifest.json"))
    change(members, manifest)
    manifest["members"] = {
        name: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rows": max(0, body.count(b"\n") - 1)}
        for name, body in members.items()
    }
    return packed(path.with_name("changed.zip"), members, manifest)


def packed(path: Path, members: dict[str, bytes], manifest: dict[str, Any]) -> Path:
    """A zip of these."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, body in members.items():
            target.writestr(name, body)
        target.writestr("manifest.json", json.dumps(manifest))
    return path
