"""The guide and the archive of the fake portal, in both dialects: panels shift even their timestamps."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from tests.fakes.portal_catalogue import FakeChannel
from tests.fakes.portal_titles import HOUR_S, broadcast_id, broadcast_start, broadcasts
from tests.fakes.portal_wire import Asked, Reply, js, paged, panel_js

if TYPE_CHECKING:
    from tests.fakes.portal import FakePortal

_DAY_PAGE = 10


class StockGuide:
    """As stock: true timestamps, printed times in the cookie's zone, one question for all channels."""

    portal: FakePortal

    def on_itv_get_epg_info(self, asked: Asked) -> Reply:
        hours, now = int(asked.query["period"]), _now()
        account = self.portal.accounts[asked.mac]
        channels = [one for one in self.portal.catalogue.channels if one.id not in account.hidden]
        until = now + timedelta(hours=hours + 2)
        return js({"data": {str(one.id): self._rows(one, now - timedelta(hours=1), until, asked) for one in channels}})

    def on_itv_get_short_epg(self, asked: Asked) -> Reply:
        return js(self._short(asked, 5))

    def on_epg_get_simple_data_table(self, asked: Asked) -> Reply:
        return js(self._day(asked))

    def on_tv_archive_create_link(self, asked: Asked) -> Reply:
        found = re.fullmatch(r"auto /media/(\d+)\.mpg", asked.query["cmd"])
        return js(self._archive(asked, int(found.group(1)) if found else 0))

    def _archive(self, asked: Asked, programme_id: int) -> dict[str, Any]:
        now = _now()
        channel_id, start = broadcast_start(programme_id, now)
        channel = self.portal.catalogue.by_id(channel_id)
        answer = {"id": 0, "load": "0", "storage_id": "1", "error": "", "download_cmd": False, "to_file": ""}
        if channel is None or start is None or not _is_kept(channel, start, now):
            return {**answer, "cmd": "ffmpeg http://:/stalker_portal/storage/get.php?filename=&start=0"}
        self.portal.archived.append((channel_id, start))
        return {
            **answer,
            "cmd": f"ffmpeg {self.portal.origin}/archive/{channel_id}/{int(start.timestamp())}.ts?token=1",
        }

    def _short(self, asked: Asked, size: int) -> list[dict[str, Any]]:
        channel = self.portal.catalogue.by_id(int(asked.query["ch_id"] or 0))
        if channel is None:
            return []
        return self._rows(channel, _now() - timedelta(hours=1), _now() + timedelta(hours=200), asked)[:size]

    def _day(self, asked: Asked) -> dict[str, Any]:
        channel = self.portal.catalogue.by_id(int(asked.query["ch_id"] or 0))
        if channel is None or not asked.query["date"]:
            return paged([], 0, _DAY_PAGE, page=0)
        begins = datetime.fromisoformat(asked.query["date"]).replace(tzinfo=_cookie_zone(asked))
        rows = self._rows(channel, begins, begins + timedelta(hours=24, seconds=-1), asked)
        page = int(asked.query["p"])
        return paged(rows[(page - 1) * _DAY_PAGE : page * _DAY_PAGE], len(rows), _DAY_PAGE, page=0)

    def _rows(self, channel: FakeChannel, first: datetime, last: datetime, asked: Asked) -> list[dict[str, Any]]:
        if not channel.xmltv_id:
            return []
        return [self.programme_row(channel, start, asked) for start in broadcasts(first, last, _now())]

    def programme_row(self, channel: FakeChannel, start: datetime, asked: Asked) -> dict[str, Any]:
        zone, stop = _cookie_zone(asked), start + timedelta(seconds=HOUR_S)
        return {
            "id": str(broadcast_id(channel.id, start)),
            "ch_id": str(channel.id),
            "time": f"{start.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            "time_to": f"{stop.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            "duration": str(HOUR_S),
            "name": f"Show {channel.id} at {start:%d %H} &amp; more",
            "descr": "What happens",
            "real_id": f"{channel.id}_{int(start.timestamp())}",
            "start_timestamp": str(int(start.timestamp())),
            "stop_timestamp": str(int(stop.timestamp())),
            "t_time": f"{start.astimezone(zone):%I:%M %p}",
            "mark_archive": int(_is_kept(channel, start, _now())),
            "open": 1,
        }


class PanelGuide(StockGuide):
    """As a panel: nothing for all channels at once; timestamps moved by the cookie's distance from its own zone."""

    def on_itv_get_epg_info(self, asked: Asked) -> Reply:
        return panel_js({"data": []})

    def on_itv_get_short_epg(self, asked: Asked) -> Reply:
        return panel_js(self._short(asked, int(asked.query["size"] or 4)))

    def on_epg_get_simple_data_table(self, asked: Asked) -> Reply:
        return panel_js(self._day(asked))

    def on_tv_archive_create_link(self, asked: Asked) -> Reply:
        found = re.fullmatch(r"auto /media/(\d+)_(\d+)\.mpg", asked.query["cmd"])
        told = self._archive(asked, int(found.group(1)) if found else 0)
        return panel_js({"id": 0, "cmd": told["cmd"]}, error="", load=0)

    def programme_row(self, channel: FakeChannel, start: datetime, asked: Asked) -> dict[str, Any]:
        row = super().programme_row(channel, start, asked)
        moved = _offset(start, _cookie_zone(asked)) - _offset(start, ZoneInfo(self.portal.zone))
        stamp = int((start + moved).timestamp())
        return {
            **row,
            "id": f"{broadcast_id(channel.id, start)}_{channel.id}",
            "start_timestamp": stamp,
            "stop_timestamp": stamp + HOUR_S,
        }


def _is_kept(channel: FakeChannel, start: datetime, now: datetime) -> bool:
    return now - timedelta(hours=channel.archive_hours) < start < now - timedelta(hours=1)


def _cookie_zone(asked: Asked) -> ZoneInfo:
    return ZoneInfo(unquote(asked.cookies.get("timezone", "")) or "UTC")


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
