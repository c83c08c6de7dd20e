"""Catch-up: from a start and a duration to the programme the portal keeps, and to its address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from portals import errors
from portals.models import Subscription
from portals.providers.stalker import urls
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.epg import GuideReader
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.session import Sessions
from portals.providers.stalker.vod_play import made_link
from portals.providers.stalker.wire import PATIENCE_PLAY_S, QUICK
from portals.providers.vod_records import ArchiveWindow, ProgrammeRecord


class ArchiveReader:
    """Asks one portal for its archive, which is sorted by programme.

    Costs one question when the programme is known; else also the pages of the channel's day.
    """

    def __init__(self, sessions: Sessions, guide: GuideReader) -> None:
        self._sessions = sessions
        self._guide = guide

    def address(self, subscription: Subscription, channel_id: str, window: ArchiveWindow) -> str:
        """The address of the programme that is on at the window's start; it begins where the programme does.

        Raises ItemRefused, PortalError.
        """
        programme_id = window.programme_id
        if not programme_id:
            programme = self._programme_at(subscription, channel_id, window.start)
            if programme is None or not programme.provider_id:
                raise errors.ItemRefused(Say.NO_ARCHIVE.of())
            programme_id = programme.provider_id
        order = f"auto /media/{programme_id}.mpg"
        home = urls.base_of(self._sessions.current(subscription).endpoint)
        ask = {"type": "tv_archive", "action": "create_link", "cmd": order, "series": ""}
        return made_link(lambda: self._link(subscription, ask), order, home)

    def _programme_at(self, subscription: Subscription, channel_id: str, at: datetime) -> ProgrammeRecord | None:
        """Looked for in the day it begins on, and in the day before: nights begin there."""
        for day in (at, at - timedelta(days=1)):
            for programme in self._guide.day(subscription, channel_id, day, hurried=True):
                if programme.start <= at < programme.stop:
                    return programme
        return None

    def _link(self, subscription: Subscription, ask: Mapping[str, str]) -> Envelope:
        said = self._sessions.ask(
            subscription,
            {**ask, "forced_storage": "", "disable_ad": "1", "download": "0"},
            bounds=QUICK,
            patience_s=PATIENCE_PLAY_S,
        )
        js = said.js
        # An unknown programme is answered with an address that has no host, and no error (section 13 item 15).
        if isinstance(js, dict) and "://:" in str(js.get("cmd", "")):
            raise errors.ItemRefused(Say.NO_ARCHIVE.of())
        return said
