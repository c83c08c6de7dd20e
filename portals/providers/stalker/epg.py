"""A portal's own guide: all channels in one question where it can, else channel by channel for those that are wanted.

The budget of a guide refresh: one or two questions at stock portals; at panels, which answer those with nothing, one
per wanted channel, the first 1,000 of them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from portals import errors
from portals.models import Subscription
from portals.providers.loose import moment
from portals.providers.stalker.envelope import Envelope, Family
from portals.providers.stalker.live import RADIO
from portals.providers.stalker.merging import Row
from portals.providers.stalker.session import Sessions
from portals.providers.stalker.signin import PortalSession
from portals.providers.stalker.values import flag, ident, is_set, number, rows, words
from portals.providers.stalker.wire import PATIENCE_PLAY_S, PATIENCE_REFRESH_S, QUICK, SMALL, WHOLE_LIST, Wire
from portals.providers.vod_records import ChannelProgrammes, ProgrammeRecord
from restreamer.lib.http import Bounds
from restreamer.lib.time_zones import is_zone, zone_named

_FIRST_HOURS = 24
_MOST_HOURS = 7 * 24
#: More broadcasts than this at once cost too much memory, here and at the portal.
_MOST_BROADCASTS = 150_000
_MOST_CHANNELS = 1000
_SHORT_SIZE = "100"
#: Pages of a channel's day; 10 broadcasts each.
_MOST_DAY_PAGES = 20
_DAY_PAGE = 10


class GuideReader:
    """Asks one portal for its guide."""

    def __init__(self, sessions: Sessions, wire: Wire) -> None:
        self._sessions = sessions
        self._wire = wire

    def guide(self, subscription: Subscription, stop: datetime, wanted: Collection[str]) -> Iterator[ChannelProgrammes]:
        """The guide from now to `stop`; all is asked for before the first is given on. Raises PortalError."""
        now = datetime.fromtimestamp(self._wire.clock(), UTC)
        hours = min(max(math.ceil((stop - now) / timedelta(hours=1)), 1), _MOST_HOURS)
        times = self.times(subscription)
        told = self._bulk(subscription, hours)
        if not told:
            # Portals keep no guide for radio, and those that are strict break off at such an id.
            channels = sorted(key for key in wanted if not key.startswith(RADIO))
            told = {key: self._short(subscription, key) for key in channels[:_MOST_CHANNELS]}
        return (ChannelProgrammes(key, programmes(listed, times)) for key, listed in told.items())

    def day(
        self, subscription: Subscription, channel_id: str, day: datetime, *, hurried: bool = False
    ) -> list[ProgrammeRecord]:
        """A channel's programmes of one day, in the zone of the portal's answers. `hurried`: a viewer waits.

        Raises PortalError.
        """
        times = self.times(subscription)
        found: list[Row] = []
        for page in range(1, _MOST_DAY_PAGES + 1):
            js = self._ask(
                subscription,
                {
                    "type": "epg",
                    "action": "get_simple_data_table",
                    "ch_id": channel_id,
                    "date": f"{day.astimezone(times.zone):%Y-%m-%d}",
                    "p": str(page),
                },
                hurried=hurried,
            )
            some = rows(js)
            found += some
            total = number(js.get("total_items")) if isinstance(js, dict) else 0
            if not some or page * _DAY_PAGE >= total:
                break
        return list(programmes(found, times))

    def upcoming(self, subscription: Subscription, channel_id: str) -> list[ProgrammeRecord]:
        """What is on and next on one channel. Raises PortalError."""
        return list(programmes(self._short(subscription, channel_id), self.times(subscription)))

    def times(self, subscription: Subscription) -> Times:
        """How this MAC's answers tell time. Raises PortalError."""
        return times_of(self._sessions.current(subscription))

    def _bulk(self, subscription: Subscription, hours: int) -> dict[str, list[Row]]:
        """All channels that have a guide; nothing where the portal does not tell it so.

        A day first; as much more as the size of that allows.
        """
        first = min(hours, _FIRST_HOURS)
        told = self._period(subscription, first)
        count = sum(len(listed) for listed in told.values())
        more = min(hours, first * _MOST_BROADCASTS // count) if count else 0
        if more <= first:
            return told
        try:
            return self._period(subscription, more) or told
        except (errors.AnswerUnreadable, errors.PortalOverloaded, errors.PortalUnreachable):
            # Too much for the portal; the day is better than nothing.
            return told

    def _period(self, subscription: Subscription, hours: int) -> dict[str, list[Row]]:
        js = self._ask(
            subscription,
            {"type": "itv", "action": "get_epg_info", "period": str(hours)},
            bounds=WHOLE_LIST,
        )
        data = js.get("data") if isinstance(js, dict) else None
        if not isinstance(data, dict):
            return {}
        return {ident(key): listed for key, value in data.items() if ident(key) and (listed := rows(value))}

    def _short(self, subscription: Subscription, channel_id: str) -> list[Row]:
        question = {"type": "itv", "action": "get_short_epg", "ch_id": channel_id, "size": _SHORT_SIZE}
        return rows(self._ask(subscription, question))

    def _ask(
        self,
        subscription: Subscription,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds = SMALL,
        hurried: bool = False,
    ) -> Any:
        def question() -> Envelope | None:
            return self._sessions.ask_if_known(
                subscription,
                parameters,
                bounds=QUICK if hurried else bounds,
                patience_s=PATIENCE_PLAY_S if hurried else PATIENCE_REFRESH_S,
            )

        said = question() if hurried else self._wire.persistently(question)
        return None if said is None else said.js


class Times:
    """Reads a row's times. `shift` is what a panel added to its timestamps; printed times are in `zone`."""

    def __init__(self, zone: tzinfo, panel_zone: tzinfo | None) -> None:
        self.zone = zone
        self._panel_zone = panel_zone

    def read(self, stamp: Any, printed: Any) -> datetime | None:
        """The moment in UTC; None for an open end."""
        if is_set(stamp):
            told = moment(stamp)
            return told - self._shift(told) if told is not None else None
        return moment(printed, self.zone) if is_set(printed) else None

    def _shift(self, at: datetime) -> timedelta:
        if self._panel_zone is None:
            return timedelta()
        return (at.astimezone(self.zone).utcoffset() or timedelta()) - (
            at.astimezone(self._panel_zone).utcoffset() or timedelta()
        )


def times_of(session: PortalSession) -> Times:
    """Stock's timestamps are true; a panel adds its zone's distance from the one our cookie names (section 9)."""
    zone = zone_named(session.zone) if is_zone(session.zone) else UTC
    is_panel = session.family == Family.PANEL and session.portal_zone and is_zone(session.portal_zone)
    return Times(zone, zone_named(session.portal_zone) if is_panel else None)


def programmes(listed: Iterable[Row], times: Times) -> tuple[ProgrammeRecord, ...]:
    """The rows as broadcasts by start: an open end lasts to the next start, what overlaps is cut or dropped."""
    found = sorted(_started(listed, times), key=lambda pair: pair[0].start)
    made: list[ProgrammeRecord] = []
    for at, (record, is_open) in enumerate(found):
        following = found[at + 1][0].start if at + 1 < len(found) else None
        stop = record.stop
        if is_open:
            stop = following or record.start + timedelta(hours=1)
        elif following is not None and stop > following:
            stop = following
        if stop > record.start:
            made.append(replace(record, stop=stop) if stop != record.stop else record)
    return tuple(made)


def _started(listed: Iterable[Row], times: Times) -> Iterator[tuple[ProgrammeRecord, bool]]:
    seen: set[datetime] = set()
    for row in listed:
        start = times.read(row.get("start_timestamp"), row.get("time"))
        title = words(row.get("name"), 500)
        if start is None or not title or start in seen:
            continue
        seen.add(start)
        stop = times.read(row.get("stop_timestamp"), row.get("time_to"))
        if stop is None and number(row.get("duration")) > 0:
            stop = start + timedelta(seconds=min(number(row["duration"]), 48 * 3600))
        is_open = stop is None or stop <= start
        record = ProgrammeRecord(
            start=start,
            stop=start if stop is None or is_open else stop,
            title=title,
            description=words(row["descr"], 4000) if is_set(row.get("descr")) else "",
            provider_id=ident(row.get("id")),
            has_archive=flag(row.get("mark_archive")),
        )
        yield record, is_open
