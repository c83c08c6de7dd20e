"""From a listed play order to the address to open: when to ask create_link, and how to read its answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from portals import errors
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.sentences import Say, quoting
from portals.providers.stalker.values import clean, flag, is_set, words

#: Words in front of an address that name a player, and the odd ones that hide it.
_PLAYER = re.compile(r"^(?:ff\w*|auto|rtp|rtsp|mp\d*|extTimeShift|dvb|udp)(?:\s+|$)", re.IGNORECASE)
#: The portal's own placeholder: digits (stock: a link id) with an optional tail (panels: `_`).
_PLACEHOLDER = re.compile(r"^/+ch/(\d+)_?$")
_LOCAL = re.compile(r"^(localhost|127(\.\d+){3}|0\.0\.0\.0|\[?::1\]?)?$", re.IGNORECASE)
#: What something other than a box can open.
_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "srt", "mms", "mmsh")
_ADVERT_KINDS = ("advert", "ad", "ads")

_TMP_FIELDS = ("use_http_tmp_link", "wowza_tmp_link", "nginx_secure_link", "flussonic_tmp_link")
#: The fields of a channel row `flags_of` reads.
FLAG_FIELDS = (*_TMP_FIELDS, "use_load_balancing")

MAC_MARK = "%mac%"
TOKEN_MARK = "%play_token%"
_PLAY_TOKEN = re.compile(r"(?<=[?&]play_token=)[^&\s]+")


def needs_create_link(cmd: str, flags: Mapping[str, Any], *, forced: bool, home: str) -> bool:
    """Does the portal have to make an address for this order?

    A placeholder always; else when a flag of the row says so, the profile forces it, or the listed address cannot be
    opened from outside. A finished address is left alone: asking for it is what empties `stream=` on panels.
    """
    address = listed_address(cmd)
    if _is_placeholder(address) or not is_public(address, home):
        return True
    if forced or any(flag(flags.get(name)) for name in ("tmp", "balanced")):
        return True
    # Neither flag was listed at all: an old dialect whose every address is made on demand.
    return not flags.get("known", False)


def is_box_only(cmd: str) -> bool:
    """The box's own aerial: nothing we could fetch."""
    return listed_address(cmd).lower().startswith("dvb://")


def listed_address(cmd: str) -> str:
    """The address inside an order: the first word with `://`, else what follows a player's name.

    Never "the last word": time-shift orders end in ` position:123 media_len:456`.
    """
    text = cmd.replace("\\/", "/").strip().strip("\"'").strip()
    for word in text.split():
        if "://" in word:
            return word.strip("\"'")
    rest = _PLAYER.sub("", text).strip()
    return rest.split()[0] if rest else ""


def is_public(address: str, home: str) -> bool:
    """Could somebody other than the portal's own machine open this address?

    `home` is the portal's own root: a portal we reach by a loopback name may name that one.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        ours = urlsplit(home).hostname
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and (not _LOCAL.match(host) or host == ours)


def is_finished(address: str, home: str) -> bool:
    """An address the portal listed ready to be opened."""
    return is_public(address, home) and not _is_placeholder(address)


def portable(cmd: str, mac: str, play_token: str) -> str:
    """The order without what is the MAC's and the session's own: the same for every MAC and at every refresh."""
    if mac:
        cmd = re.sub(mac.replace(":", "(?::|%3[aA])"), MAC_MARK, cmd, flags=re.IGNORECASE)
    return cmd.replace(f"play_token={play_token}", f"play_token={TOKEN_MARK}") if play_token else cmd


def play_token_in(cmd: str) -> str:
    """The play token a finished address carries, "" without."""
    found = _PLAY_TOKEN.search(cmd)
    return found.group(0) if found else ""


def personal(cmd: str, mac: str, play_token: str) -> str:
    """The order with the MAC's own values filled in."""
    return cmd.replace(MAC_MARK, mac).replace(TOKEN_MARK, play_token)


def made_address(said: Envelope, listed: str, home: str) -> str:
    """The address in a create_link answer, extracted and repaired.

    Raises ItemRefused and its kinds.
    """
    js = said.js
    if isinstance(js, list):
        js = _behind_adverts(js)
    if isinstance(js, str):
        js = {"cmd": js}
    if not isinstance(js, dict):
        raise errors.ItemRefused(Say.ITEM_NOTHING.of())
    error = words(js.get("error") or said.beside.get("error"))
    if error:
        raise _item_error(error)
    answer = js.get("cmd") or js.get("url") or js.get("link")
    if not isinstance(answer, str) or not is_set(answer):
        raise errors.ItemRefused(Say.ITEM_EMPTY.of())
    if listed_address(answer).startswith("/media/"):
        raise errors.ItemRefused(Say.ITEM_ON_BOX_DISK.of())
    address = _absolute(listed_address(answer), listed_address(listed), home)
    address = _with_stream_id(address, listed)
    if not is_public(address, home):
        raise errors.ItemRefused(Say.ITEM_LOCAL.of())
    return address


def form_of(address: str) -> str:
    """ "hls" for a playlist, "" when only the first bytes will tell."""
    return "hls" if urlsplit(address).path.lower().endswith(".m3u8") else ""


def wants_second_call(said: Envelope, listed: str) -> bool:
    """An advert list whose real element only repeats our order: it must be asked again without adverts."""
    if not isinstance(said.js, list):
        return False
    element = _behind_adverts(said.js)
    return isinstance(element, dict) and str(element.get("cmd", "")).strip() == listed.strip()


def _is_placeholder(address: str) -> bool:
    try:
        return bool(_PLACEHOLDER.match(urlsplit(address).path))
    except ValueError:
        return False


def _behind_adverts(items: list[Any]) -> Mapping[str, Any]:
    real = [item for item in items if isinstance(item, dict) and _kind(item) not in _ADVERT_KINDS]
    if real:
        return dict(real[-1])
    raise errors.ItemRefused((Say.ITEM_ADVERTS if items else Say.ITEM_NOTHING).of())


def _kind(item: Mapping[str, Any]) -> str:
    return words(item.get("media_type") or item.get("type")).lower()


def _item_error(error: str) -> errors.PortalError:
    low = error.lower()
    if "link_fault" in low or "temporary unavailable" in low:
        return errors.ItemRefused(Say.ITEM_LINK_FAULT.of())
    if "nothing_to_play" in low:
        return errors.ItemRefused(Say.ITEM_NOTHING.of())
    if low == "limit":
        return errors.ItemBusy(Say.ITEM_LIMIT.of())
    if "access_denied" in low or "access denied" in low:
        return errors.ItemNotSubscribed(Say.ITEM_NOT_SUBSCRIBED.of())
    return errors.ItemRefused(quoting(Say.ITEM_ODD.of(), error))


def _absolute(address: str, listed: str, home: str) -> str:
    """An address made whole: `?query` belongs to the listed address, `/path` and `//host/…` to the portal."""
    if address.startswith("?"):
        return listed.partition("?")[0] + address
    try:
        whole = urljoin(home + "/", address) if "://" not in address.partition("?")[0] else address
        parts = urlsplit(whole)
    except ValueError as err:
        raise errors.ItemRefused(Say.ITEM_EMPTY.of()) from err
    return whole if parts.scheme else ""


def _with_stream_id(address: str, listed: str) -> str:
    """Put the item's id into an empty `stream=`, a known fault of panels."""
    if not re.search(r"[?&]stream=\.?(?=&|$)", address):
        return address
    found = re.search(r"/ch/(\d+)", listed) or re.search(r"[?&]stream=(\d+)", listed)
    if not found:
        raise errors.ItemRefused(Say.ITEM_EMPTY.of())
    return re.sub(r"(?<=[?&]stream=)\.?(?=&|$)", found.group(1), address)


def flags_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the decision needs of a channel row, small enough to store with the stream."""
    flags: dict[str, Any] = {}
    if any(flag(row.get(name)) for name in _TMP_FIELDS):
        flags["tmp"] = True
    if flag(row.get("use_load_balancing")):
        flags["balanced"] = True
    if "use_http_tmp_link" in row or "use_load_balancing" in row:
        flags["known"] = True
    return flags


def alternates_of(row: Mapping[str, Any], mac: str, play_token: str) -> list[str]:
    """The row's further orders, in the portal's own ranking, without the first."""
    first = str(row.get("cmd") or "")
    orders = []
    if isinstance(row.get("cmds"), list):
        orders = [str(item.get("url") or "") for item in row["cmds"] if isinstance(item, dict)]
    orders += [str(row.get(name) or "") for name in ("cmd_1", "cmd_2", "cmd_3")]
    further = [clean(order, 4000) for order in dict.fromkeys(orders) if order and order != first]
    return [portable(order, mac, play_token) for order in further][:5]
