"""From any pasted address to the API endpoints worth asking. Pure: nothing here opens a connection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from portals.errors import NotAPortal
from portals.providers.stalker.sentences import Say
from restreamer.lib import redact

#: Directories that hold the box's web pages; the API lies beside them.
_UI_FOLDERS = ("c", "c_", "client")
_SCRIPT_FOLDERS = ("/c/", "/client/", "/c_/", "/stalker_portal/c/", "/stalker_portal/c_/")
_ENDPOINTS = (
    "/portal.php",
    "/server/load.php",
    "/stalker_portal/server/load.php",
    "/c/portal.php",
    "/mag/c/portal.php",
)
SCRIPT = "xpcom.common.js"
_PATTERN = re.compile(r"var\s+pattern\s*=\s*/(.+)/[a-z]*\s*;?")
_FIELD = re.compile(r"this\.(portal_protocol|portal_ip|portal_path)=document\.URL\.replace\(pattern,[\"']\$(\d)[\"']\)")
_LOADER = re.compile(r"this\.ajax_loader=([^;\n]{1,300}?\.php[\"'])")


@dataclass(frozen=True, slots=True)
class Pasted:
    """A pasted address taken apart. `origin` keeps scheme, userinfo, host and port; `base` is the tenant path."""

    origin: str
    base: str
    #: The directory the pasted page lies in, with a slash at its end.
    folder: str
    #: The path of a pasted .php endpoint, else "".
    endpoint_path: str = ""


def parse_address(address: str) -> Pasted:
    """Take a pasted address apart; query and fragment are dropped, http:// is assumed.

    Raises NotAPortal when it is no address.
    """
    text = address.strip().strip("\"'<>").strip()
    if text and not re.match(r"(?i)[a-z][a-z0-9+.-]*://", text):
        text = "http://" + text.lstrip("/")
    try:
        parts = urlsplit(text)
        valid = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        valid = valid and not re.search(r"\s", parts.netloc)
    except ValueError:
        valid = False
    if not valid:
        raise NotAPortal(Say.NO_ADDRESS.of(address=redact.text(address.strip()[:200])))
    origin = f"{parts.scheme.lower()}://{parts.netloc}"
    path = re.sub(r"/{2,}", "/", parts.path or "/")
    if path.lower().endswith(".php"):
        folder = path.rpartition("/")[0]
        return Pasted(origin, re.sub(r"/server$", "", folder), folder + "/", path)
    if re.search(r"/[^/]*\.(html?|js)$", path, re.IGNORECASE):
        path = path.rpartition("/")[0]
    folder = path.rstrip("/")
    head, _, last = folder.rpartition("/")
    base = head if last in _UI_FOLDERS else folder
    return Pasted(origin, base, folder + "/")


def script_addresses(pasted: Pasted) -> list[str]:
    """Where the box's own start script may lie, likeliest first."""
    folders = [pasted.folder, *(pasted.base + folder for folder in _SCRIPT_FOLDERS)]
    return _unique([pasted.origin + folder + SCRIPT for folder in folders])


def endpoint_addresses(pasted: Pasted) -> list[str]:
    """Endpoints worth a handshake when no script tells, likeliest first."""
    paths = [pasted.endpoint_path] if pasted.endpoint_path else []
    base = re.sub(r"/stalker_portal$", "", pasted.base)
    paths += [pasted.base + path for path in _ENDPOINTS[:2]]
    paths += [base + path for path in _ENDPOINTS[2:]]
    return _unique([pasted.origin + path for path in paths])


def endpoint_in_script(script: str, script_url: str) -> str:
    """The API address a portal's start script would make of its own page address; "" when it cannot be read.

    The script applies its own expression to the address. It is foreign code, so it is not run: only how many groups
    it has is read, and the two shapes portals ship (5 groups: protocol, host, path above, last directory, rest;
    4 groups: protocol, host, directory, rest) are worked out by ourselves.
    """
    script = script[:400_000]
    pattern = _PATTERN.search(script)
    if pattern is None:
        return ""
    groups = _count_groups(pattern.group(1)[:500])
    packed = re.sub(r"\s+", "", script)
    fields = {name: int(place) for name, place in _FIELD.findall(packed)}
    loader = _LOADER.search(packed)
    meanings = _group_meanings(groups, script_url)
    if loader is None or not meanings or any(place not in meanings for place in fields.values()):
        return ""
    return _evaluate(loader.group(1), {f"this.{name}": meanings[place] for name, place in fields.items()})


def referer_of(endpoint: str) -> str:
    """The page a box would be on while it asks this endpoint."""
    parts = urlsplit(endpoint)
    folder = parts.path.rpartition("/")[0]
    folder = re.sub(r"/server$", "", folder)
    page = folder if folder.rpartition("/")[2] in _UI_FOLDERS else folder + "/c"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], page + "/", "", ""))


def base_of(endpoint: str) -> str:
    """The portal's own root: what logos and relative addresses are relative to, without a slash at its end."""
    return re.sub(r"/[^/]+/?$", "", referer_of(endpoint))


def endpoint_after(url: str) -> str:
    """The endpoint itself, from the address an answer finally came from."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _count_groups(pattern: str) -> int:
    """Capturing groups of an expression."""
    plain = re.sub(r"\\.|\[[^\]]*\]", "", pattern)
    return len(re.findall(r"\((?!\?)", plain))


def _group_meanings(groups: int, script_url: str) -> dict[int, str]:
    parts = urlsplit(script_url)
    folders = [folder for folder in parts.path.split("/")[:-1] if folder]
    if not folders or groups not in (4, 5):
        return {}
    path = "/".join(folders[:-1]) if groups == 5 else "/".join(folders)
    return {1: parts.scheme, 2: parts.netloc, 3: path}


def _evaluate(expression: str, names: dict[str, str]) -> str:
    """A sum of string literals and known names; "" for anything else."""
    out = ""
    for term in expression.split("+"):
        if re.fullmatch(r"'[^']*'|\"[^\"]*\"", term):
            out += term[1:-1]
        elif term in names:
            out += names[term]
        else:
            return ""
    scheme, mark, rest = out.partition("://")
    out = scheme + mark + re.sub(r"/{2,}", "/", rest)
    return out if re.fullmatch(r"https?://[^/\s]+/\S*\.php", out) else ""


def _unique(items: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(items))
