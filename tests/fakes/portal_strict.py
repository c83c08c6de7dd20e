"""What a request of a well-behaved box must look like; anything else is a violation the test fails on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import unquote

PROFILE_PARAMETERS = (
    "hd",
    "ver",
    "num_banks",
    "sn",
    "stb_type",
    "client_type",
    "image_version",
    "video_out",
    "device_id",
    "device_id2",
    "signature",
    "auth_second_step",
    "hw_version",
    "not_valid_token",
    "metrics",
    "hw_version_2",
    "timestamp",
    "api_signature",
    "prehash",
    "JsHttpRequest",
)


_LINK = {"cmd", "series", "forced_storage", "disable_ad", "download"}
_TITLES = {
    "movie_id", "season_id", "episode_id", "row", "category", "fav", "sortby", "hd", "not_ended", "abc", "genre",
    "years", "search", "p",
}  # fmt: skip
#: The actions a box asks, with exactly the parameters it sends.
PARAMETERS: Mapping[str, set[str]] = {
    "stb.handshake": {"token", "prehash"},
    "stb.get_profile": {*PROFILE_PARAMETERS} - {"JsHttpRequest"},
    "stb.do_auth": {"login", "password", "device_id", "device_id2"},
    "account_info.get_main_info": set(),
    "watchdog.get_events": {"init", "cur_play_type", "event_active_id"},
    "itv.get_genres": set(),
    "itv.get_all_channels": {"force_ch_link_check"},
    "itv.get_ordered_list": {"genre", "force_ch_link_check", "fav", "sortby", "hd", "p"},
    "itv.create_link": {*_LINK, "force_ch_link_check"},
    "itv.get_epg_info": {"period"},
    "itv.get_short_epg": {"ch_id", "size"},
    "epg.get_simple_data_table": {"ch_id", "date", "p"},
    "tv_archive.create_link": _LINK,
    "radio.get_ordered_list": {"all", "sortby", "p"},
    "vod.get_categories": set(),
    "vod.get_ordered_list": _TITLES,
    "vod.create_link": _LINK,
    "series.get_categories": set(),
    "series.get_ordered_list": _TITLES,
}


def parameter_violations(action: str, query: Mapping[str, str]) -> list[str]:
    """Parameters a box does not send, and ones it always sends. Unknown actions are the dialects' to refuse."""
    if action not in PARAMETERS:
        return []
    told = set(query) - {"type", "action", "JsHttpRequest"}
    found = [f"{action} with {name}" for name in sorted(told - PARAMETERS[action])]
    # What a sign-in lacks is told in its own words.
    missing = PARAMETERS[action] - told if not action.startswith("stb.") else set()
    return found + [f"{action} without {name}" for name in sorted(missing)]


def request_violations(headers: Mapping[str, str], cookies: Mapping[str, str], query: Mapping[str, str]) -> list[str]:
    """Faults every API request may have."""
    found = []
    if "MAG" not in headers.get("User-Agent", ""):
        found.append("User-Agent is no box's")
    if not re.match(r"Model: MAG\w+; Link: ", headers.get("X-User-Agent", "")):
        found.append("X-User-Agent missing")
    if not headers.get("Referer", "").endswith("/c/"):
        found.append(f"Referer {headers.get('Referer')!r} is not the page of a box")
    for name in ("mac", "stb_lang"):
        if name not in cookies:
            found.append(f"cookie {name} missing")
    for name in ("mac_emu", "debug"):
        if name in cookies:
            found.append(f"cookie {name} must never be sent")
    if query.get("JsHttpRequest") != "1-xml":
        found.append("JsHttpRequest missing")
    return found


def handshake_violations(headers: Mapping[str, str], query: Mapping[str, str]) -> list[str]:
    """Faults of a handshake."""
    found = []
    if "Authorization" in headers:
        found.append("handshake with Authorization")
    if "token" not in query or "prehash" not in query:
        found.append("handshake without token or prehash")
    return found


def profile_violations(
    headers: Mapping[str, str], cookies: Mapping[str, str], query: Mapping[str, str], now: float
) -> list[str]:
    """Faults of a get_profile."""
    found = [f"get_profile without {name}" for name in PROFILE_PARAMETERS if name not in query]
    if not headers.get("Authorization", "").startswith("Bearer "):
        found.append("get_profile without Bearer: it opens the account to everybody")
    if not query.get("sn"):
        found.append("get_profile without sn")
    engine = re.search(r"Player Engine version: 0x(\w+)", query.get("ver", ""))
    if not engine or int(engine.group(1), 16) < 0x566:
        found.append("ver without a Player Engine version of 0x566")
    try:
        metrics = json.loads(query.get("metrics", ""))
    except ValueError:
        return [*found, "metrics is no JSON"]
    told = {
        "mac": unquote(cookies.get("mac", "")),
        "sn": query.get("sn"),
        "model": query.get("stb_type"),
        "type": "STB",
        "uid": query.get("device_id2"),
    }
    found += [f"metrics.{name} says something else" for name, value in told.items() if metrics.get(name) != value]
    if not metrics.get("random"):
        found.append("metrics.random missing")
    if f"Model: {query.get('stb_type')};" not in headers.get("X-User-Agent", ""):
        found.append("X-User-Agent names another model than stb_type")
    if not query.get("timestamp", "").isdigit() or abs(int(query["timestamp"]) - now) > 3 * 24 * 3600:
        found.append("timestamp is not now")
    return found
