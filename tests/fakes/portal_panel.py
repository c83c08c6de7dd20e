"""The dialect of Xtream-type panels: ints, silence instead of sentences, a block list for strangers."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from tests.fakes import portal_strict
from tests.fakes.portal_accounts import Account
from tests.fakes.portal_catalogue import FakeChannel
from tests.fakes.portal_guide import PanelGuide
from tests.fakes.portal_stock import Stock
from tests.fakes.portal_vod import PanelTitles
from tests.fakes.portal_wire import PAGE, Asked, Reply, page, paged, panel_js

SCRIPT = r"""
    this.get_server_params = function(){
        var pattern = /(http[s]?):\/\/([^\/]*)\/([\w\/]*)\/(.*)/;
        this.portal_protocol = document.URL.replace(pattern, "$1");
        this.portal_ip = document.URL.replace(pattern, "$2");
        this.portal_path = document.URL.replace(pattern, "$3");
        this.ajax_loader = this.portal_protocol + '://' + this.portal_ip + '/portal.php';
    };
"""


class Panel(PanelTitles, PanelGuide, Stock):
    """Answers as the MAG module of a panel does."""

    script = SCRIPT
    api_path = "/portal.php"
    content_type = "text/javascript"

    def answer(self, asked: Asked) -> Reply:
        handler = getattr(self, "on_" + asked.action.replace(".", "_"), None)
        if handler is None:
            return panel_js(False) if asked.query.get("type") == "stb" else Reply(content_type="text/javascript")
        if asked.query.get("type") != "stb":
            account = self.portal.accounts.get(asked.mac)
            if account is None or account.state != "ok" or not asked.token or asked.token != account.token:
                return Reply(content_type="text/javascript")
        reply: Reply = handler(asked)
        return reply

    def on_stb_handshake(self, asked: Asked) -> Reply:
        self.portal.violate(portal_strict.handshake_violations(asked.headers, asked.query))
        self.portal.doings(asked.mac).handshakes += 1
        account = self.portal.accounts.get(asked.mac)
        if account is None:
            return panel_js({"token": None if self.portal.null_tokens else secrets.token_hex(16).upper()})
        if not account.token or asked.query.get("token") != account.token:
            account.token = secrets.token_hex(16).upper()
        return panel_js({"token": account.token, "random": secrets.token_hex(20), "not_valid": 0})

    def on_stb_get_profile(self, asked: Asked) -> Reply:
        portal = self.portal
        portal.violate(portal_strict.profile_violations(asked.headers, asked.cookies, asked.query, time.time()))
        portal.doings(asked.mac).profiles += 1
        account = portal.accounts.get(asked.mac)
        serial = asked.query.get("sn", "")
        if not serial or (account is not None and account.serial and account.serial != serial):
            portal.ip_blocked = True
            return page(404, "404 Not Found")
        if account is None or account.state != "ok":
            return panel_js(self._panel_row(None, asked.mac))
        if asked.token != account.token:
            return Reply(content_type="text/javascript")
        account.serial = serial
        return panel_js(self._panel_row(account, asked.mac))

    def on_account_info_get_main_info(self, asked: Asked) -> Reply:
        account = self.portal.accounts[asked.mac]
        return panel_js({"mac": account.mac, "phone": account.phone or "Unlimited", "message": ""})

    def on_itv_get_genres(self, asked: Asked) -> Reply:
        return panel_js(
            [
                {"id": int(g.id), "title": g.title, "alias": g.title, "active_sub": True, "censored": int(g.censored)}
                for g in self.portal.catalogue.genres
            ]
        )

    def on_itv_get_all_channels(self, asked: Asked) -> Reply:
        account = self.portal.accounts[asked.mac]
        rows = [self.channel_row(account, channel) for channel in self._visible(account)]
        return panel_js(paged(rows, len(rows), PAGE, page=0))

    def on_itv_get_ordered_list(self, asked: Asked) -> Reply:
        return self._as_panel(super().on_itv_get_ordered_list(asked))

    def on_radio_get_ordered_list(self, asked: Asked) -> Reply:
        return self._as_panel(super().on_radio_get_ordered_list(asked))

    def on_watchdog_get_events(self, asked: Asked) -> Reply:
        return self._as_panel(super().on_watchdog_get_events(asked))

    def channel_row(self, account: Account, channel: FakeChannel) -> dict[str, Any]:
        row = super().channel_row(account, channel)
        secure = self.portal.secure
        cmd = (
            f"ffmpeg http://localhost/ch/{channel.id}_"
            if secure
            else f"ffmpeg {self.portal.origin}/play/live.php?mac={account.mac}&stream={channel.id}&extension=ts"
            f"&play_token={self.portal.play_token(account.mac)}"
        )
        return {
            **row,
            "id": channel.id,
            "number": channel.number,
            "tv_genre_id": int(channel.genre),
            "cmd": channel.cmd or cmd,
            "logo": f"http://logos.example/{channel.logo}" if channel.logo else "",
            "use_http_tmp_link": int(secure),
            "censored": int(channel.censored),
            "tv_archive_duration": channel.archive_hours,
        } | channel.extra

    def on_itv_create_link(self, asked: Asked) -> Reply:
        self.portal.doings(asked.mac).create_links += 1
        beside = {"streamer_id": 0, "link_id": 0, "load": 0, "error": ""}
        found = re.search(r"/ch/(\d+)_", asked.query.get("cmd", ""))
        channel = self.portal.catalogue.by_id(int(found.group(1))) if found else None
        if channel is None:
            # A finished address sent back: the well-known empty `stream=`.
            token = secrets.token_hex(8)
            cmd = f"ffmpeg {self.portal.origin}/play/live.php?mac={asked.mac}&stream=&extension=ts&play_token={token}"
            return panel_js({"id": 0, "cmd": cmd}, **beside)
        if channel.link_error:
            return panel_js({"id": channel.id, "cmd": ""}, **{**beside, "error": channel.link_error})
        return panel_js({"id": channel.id, "cmd": f"ffmpeg {self.portal.mint(asked.mac, channel.id)}"}, **beside)

    def _panel_row(self, account: Account | None, mac: str) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": account.id if account else None,
            "name": "",
            "mac": mac,
            "status": 0 if account else 1,
            "blocked": "0",
            "stb_lang": "en",
            "default_timezone": self.portal.zone,
            "watchdog_timeout": self.portal.watchdog_s,
            "timeslot": 3,
            "force_ch_link_check": "",
            "expire_billing_date": "",
            "tariff_expired_date": None,
            "play_token": "",
            "storages": {},
        }
        if account is not None and not self.portal.secure:
            row["play_token"] = self.portal.play_token(account.mac)
        return row | (account.extra if account else {})

    def _as_panel(self, reply: Reply) -> Reply:
        reply.content_type = "text/javascript;charset=UTF-8"
        reply.body = re.sub(rb', "text": ".*"\}$', b"}", reply.body)
        return reply
