"""The stock Stalker / Ministra dialect, as section 13 of the reference saw it run."""

from __future__ import annotations

import math
import re
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.fakes import portal_strict
from tests.fakes.portal_accounts import Account
from tests.fakes.portal_catalogue import FakeChannel
from tests.fakes.portal_guide import StockGuide
from tests.fakes.portal_vod import StockTitles
from tests.fakes.portal_wire import PAGE, Asked, Reply, js, paged, text

if TYPE_CHECKING:
    from tests.fakes.portal import FakePortal

#: Zones an old server does not know yet.
TOO_NEW_ZONES = ("Europe/Kyiv",)
ZONE_FATAL = (
    "<br />\n<b>Fatal error</b>: Uncaught Exception: DateTimeZone::__construct(): Unknown or bad timezone "
    "(Mars/Base) in /var/www/stalker_portal/server/common.php:12"
)
SCRIPT = r"""
    this.get_server_params = function(){
        var pattern = /(\w+):\/\/([^\/]+)\/([\w\/]+)*\/([^\/]+)\/(.*)/;
        this.portal_protocol = document.URL.replace(pattern, "$1");
        this.portal_ip = document.URL.replace(pattern, "$2");
        this.portal_path = document.URL.replace(pattern, "$3");
        this.ajax_loader = this.portal_protocol+'://'+this.portal_ip+'/'+this.portal_path+'/server/load.php';
    };
"""


class Stock(StockTitles, StockGuide):
    """Answers as stock does. Scalars are strings, as they come out of MySQL; computed ones are ints."""

    script = SCRIPT
    api_path = "/server/load.php"
    ui_path = "/c/"
    content_type = "application/json"

    def __init__(self, portal: FakePortal) -> None:
        self.portal = portal

    # --- entry ---------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        if not self._zone_is_known(asked):
            return text(ZONE_FATAL)
        handler = getattr(self, "on_" + asked.action.replace(".", "_"), None)
        if asked.query.get("type") == "stb":
            return handler(asked) if handler else js(False)
        refused = self._refused(asked)
        if refused is not None:
            return refused
        return handler(asked) if handler else js(False)

    def _zone_is_known(self, asked: Asked) -> bool:
        zone = unquote(asked.cookies.get("timezone", ""))
        if not zone or zone == "undefined":
            return True
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            return False
        return zone not in TOO_NEW_ZONES

    def _refused(self, asked: Asked) -> Reply | None:
        if "mac" not in asked.cookies:
            return text("Unauthorized request.")
        account = self.portal.accounts.get(asked.mac)
        if account is None:
            return text("Authorization failed." if asked.query.get("type") == "account_info" else "Access denied.")
        if account.token is not None and asked.token != account.token:
            return text("Authorization failed.")
        open_to_blocked = asked.action in ("watchdog.get_events", "account_info.get_main_info")
        if account.state != "ok" and not open_to_blocked:
            return text("Access denied.")
        return None

    # --- stb -----------------------------------------------------------------------------------------------------

    def on_stb_handshake(self, asked: Asked) -> Reply:
        self.portal.violate(portal_strict.handshake_violations(asked.headers, asked.query))
        self.portal.doings(asked.mac).handshakes += 1
        account = self.portal.accounts.get(asked.mac)
        offered = asked.query.get("token", "")
        if account is not None and account.token and offered == account.token:
            token = account.token
        else:
            token = secrets.token_hex(16).upper()
        answer: dict[str, Any] = {"token": token}
        if self.portal.sends_random:
            answer["random"] = secrets.token_hex(20)
        return js(answer)

    def on_stb_get_profile(self, asked: Asked) -> Reply:
        portal = self.portal
        portal.violate(portal_strict.profile_violations(asked.headers, asked.cookies, asked.query, time.time()))
        portal.doings(asked.mac).profiles += 1
        if not asked.mac or not asked.mac.startswith("00:1A:79:"):
            return js({"status": 1})
        if portal.closed:
            return js({"status": 1, "portal_disabled": True})
        account = portal.accounts.get(asked.mac)
        if account is None:
            if portal.unknown_macs == "refuse":
                return js({"status": 1, "block_msg": "Please contact your provider<br>to register this device!"})
            account = self._created(asked)
        conflict = self._conflict(account, asked)
        if conflict is not None:
            return conflict
        if account.login and not account.logged_in:
            account.token = asked.token if portal.login_at_every_load else account.token
            return js({"status": 2, "template": "default", "info": portal.login_info})
        account.token = asked.token if asked.has_bearer else None
        return js(self._row(account, asked))

    def on_stb_do_auth(self, asked: Asked) -> Reply:
        self.portal.doings(asked.mac).logins += 1
        account = self.portal.accounts.get(asked.mac)
        good = (
            account is not None
            and asked.query.get("login") == account.login
            and asked.query.get("password") == account.password
        )
        if account is not None and good:
            account.logged_in = self.portal.login_sticks
        return js(good)

    def _created(self, asked: Asked) -> Account:
        account = self.portal.add_account(asked.mac)
        account.just_created = True
        account.created = _now(asked)
        account.last_start = account.keep_alive = "0000-00-00 00:00:00"
        account.ip = ""
        account.state = "blocked" if self.portal.unknown_macs == "create_blocked" else "ok"
        return account

    def _conflict(self, account: Account, asked: Asked) -> Reply | None:
        for name in ("device_id", "device_id2"):
            pinned, told = getattr(account, name), asked.query.get(name, "")
            if pinned and told != pinned:
                return _device_conflict("device_id mismatch")
            others = [other for other in self.portal.accounts.values() if other is not account]
            if name == "device_id2" and told and any(other.device_id2 == told for other in others):
                return _device_conflict("MAC address mismatch")
            if told:
                setattr(account, name, told)
        if self.portal.wants_newer_firmware:
            return js({"status": 1, "msg": "old firmware", "block_msg": "Please update your STB!"})
        return None

    def _row(self, account: Account, asked: Asked) -> dict[str, Any]:
        """The row before this call; the call then overwrites it."""
        status: Any = "0" if account.state == "ok" else "1"
        row: dict[str, Any] = {
            "id": account.id if account.just_created else str(account.id),
            "name": "",
            "sname": "",
            "mac": account.mac,
            "status": status,
            "blocked": "0",
            "fname": "",
            "locale": "en_GB.utf8",
            "stb_lang": "en",
            "created": account.created,
            "last_start": account.last_start,
            "keep_alive": account.keep_alive,
            "ip": account.ip,
            "stb_type": "MAG322",
            "default_timezone": self.portal.zone,
            "watchdog_timeout": self.portal.watchdog_s,
            "timeslot": 3,
            "timeslot_ratio": 0.2,
            "playback_limit": False,
            "force_ch_link_check": self.portal.force_link_check,
            "expire_billing_date": account.end_date or "0000-00-00 00:00:00",
            "tariff_expired_date": None,
            "tariff_plan_id": "0",
            "last_itv_id": 0,
            "storages": [],
        }
        if account.state == "billing_no":
            row |= {"status": 1, "block_msg": "Your balance is negative.<br/>Please pay."}
        elif account.state == "billing_down":
            row |= {"status": 1}
        if account.notice:
            row["msg"] = account.notice
        account.just_created = False
        account.keep_alive = account.last_start = _now(asked)
        account.ip = "127.0.0.1"
        return row | account.extra

    # --- lists ---------------------------------------------------------------------------------------------------

    def on_itv_get_genres(self, asked: Asked) -> Reply:
        rows = [{"id": "*", "title": "All", "alias": "Все", "censored": 0, "number": "0", "modified": ""}]
        rows += [
            {"id": g.id, "title": g.title, "alias": g.title.lower(), "censored": int(g.censored), "number": "1"}
            for g in self.portal.catalogue.genres
        ]
        return js(rows)

    def on_itv_get_all_channels(self, asked: Asked) -> Reply:
        account = self.portal.accounts[asked.mac]
        seen = self._visible(account)
        rows = [self.channel_row(account, channel) for channel in seen if not channel.censored]
        return js(paged(rows, len(seen), len(rows), page=0))

    def on_itv_get_ordered_list(self, asked: Asked) -> Reply:
        account = self.portal.accounts[asked.mac]
        genre = asked.query.get("genre", "*")
        seen = self._visible(account)
        if genre != "*":
            seen = [channel for channel in seen if channel.genre == genre]
        page = int(asked.query.get("p") or 0) or 2
        rows = [self.channel_row(account, channel) for channel in seen[(page - 1) * PAGE : page * PAGE]]
        total: Any = len(seen) if genre == "*" else str(len(seen))
        return js(paged(rows, total, PAGE, page=0 if asked.query.get("p") != "0" else page))

    def on_radio_get_ordered_list(self, asked: Asked) -> Reply:
        stations = self.portal.catalogue.radio
        page = int(asked.query.get("p") or 1)
        rows = [
            {
                "id": str(s.id),
                "name": s.name,
                "number": str(s.number),
                "cmd": f"ffmpeg http://radio.example/{s.id}.mp3",
                "open": 1,
                "error": "",
                "radio": True,
            }
            for s in stations[(page - 1) * PAGE : page * PAGE]
        ]
        return js(paged(rows, str(len(stations)), PAGE, page=0))

    def on_account_info_get_main_info(self, asked: Asked) -> Reply:
        account = self.portal.accounts[asked.mac]
        return js({"fname": "", "phone": account.phone, "ls": "", "mac": account.mac, "end_date": account.end_date})

    def on_watchdog_get_events(self, asked: Asked) -> Reply:
        self.portal.doings(asked.mac).watchdogs += 1
        account = self.portal.accounts.get(asked.mac)
        if account is None or not account.events:
            return js({"data": {"msgs": 0, "additional_services_on": "1"}})
        return js({"data": {"msgs": len(account.events), "additional_services_on": "1", **account.events[0]}})

    def channel_row(self, account: Account, channel: FakeChannel) -> dict[str, Any]:
        is_open = channel.open and channel.id not in account.locked
        return {
            "id": str(channel.id),
            "name": channel.name,
            "number": str(channel.number),
            "tv_genre_id": channel.genre,
            "cmd": channel.cmd or f"ffrt http://localhost/ch/{channel.link_id}",
            "cmds": [],
            "logo": channel.logo,
            "xmltv_id": channel.xmltv_id,
            "status": "1",
            "open": int(is_open),
            "censored": str(int(channel.censored)),
            "lock": int(channel.censored),
            "hd": "0",
            "fav": 0,
            "archive": int(channel.archive_hours > 0),
            "enable_tv_archive": str(int(channel.archive_hours > 0)),
            "tv_archive_duration": str(channel.archive_hours or 168),
            "use_http_tmp_link": "1",
            "wowza_tmp_link": 0,
            "use_load_balancing": 0,
            "cur_playing": "[No channel info]",
        } | channel.extra

    # --- links ---------------------------------------------------------------------------------------------------

    def on_itv_create_link(self, asked: Asked) -> Reply:
        self.portal.doings(asked.mac).create_links += 1
        found = re.search(r"/ch/(\d+)(.*)$", asked.query.get("cmd", ""))
        channel = self.portal.catalogue.by_link(int(found.group(1))) if found else None
        if channel is None or found is None:
            return js(_link(None, "", None, "link_fault"))
        if channel.link_error:
            return js(_link(channel.id, "", str(channel.link_id), channel.link_error))
        address = self.portal.mint(asked.mac, channel.id) + found.group(2)
        return js(_link(channel.id, f"ffmpeg {address}", str(channel.link_id), ""))

    def _visible(self, account: Account) -> list[FakeChannel]:
        return [channel for channel in self.portal.catalogue.channels if channel.id not in account.hidden]


def _device_conflict(reason: str) -> Reply:
    return js({"status": 1, "msg": f"device conflict - {reason}", "block_msg": "Your STB is damaged.<br>Call us."})


def _link(channel_id: int | None, cmd: str, link_id: str | None, error: str) -> dict[str, Any]:
    return {"id": channel_id, "cmd": cmd, "streamer_id": 0, "link_id": link_id, "load": 0, "error": error}


def _now(asked: Asked) -> str:
    zone = unquote(asked.cookies.get("timezone", "")) or "UTC"
    return datetime.now(UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def pages(total: int) -> int:
    """How many pages a list has."""
    return math.ceil(total / PAGE)
