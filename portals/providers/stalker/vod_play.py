"""From a movie's or an episode's record to the address to open: files where a portal has several, then create_link."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from portals import errors
from portals.models import Subscription
from portals.providers.stalker import links, urls, vod_rows
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.session import Sessions
from portals.providers.stalker.signin import PortalSession
from portals.providers.stalker.values import flag, rows
from portals.providers.stalker.vod import MOVIES, SERIES, list_question
from portals.providers.stalker.wire import PATIENCE_PLAY_S, QUICK

#: Files of one title tried while the viewer waits.
_MOST_FILES = 3
_EPISODE_IN_ADDRESS = re.compile(r"(?i)(s\d{1,3}e)(\d{1,4})(?!\d)")


class VodPlay:
    """Makes addresses of movies and episodes. Asks one question, or two where the title has files."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def address(self, subscription: Subscription, cmd: str, told: Mapping[str, Any]) -> str:
        """The address to open now; `told` is the record's `provider_data["vod"]`.

        Raises ItemRefused and its kinds, SubscriptionRefused, PortalError.
        """
        session = self._sessions.current(subscription)
        first: errors.ItemRefused | None = None
        for order in self._orders(subscription, cmd, told):
            try:
                return self._address(subscription, session, order, str(told.get("series", "")))
            except errors.ItemNotSubscribed:
                raise
            except errors.ItemRefused as err:
                first = first or err
        raise first or errors.ItemRefused(Say.ITEM_NO_FILE.of())

    def _orders(self, subscription: Subscription, cmd: str, told: Mapping[str, Any]) -> list[str]:
        if not told.get("movie_id"):
            return [cmd]
        which = SERIES if told.get("list") == SERIES.type else MOVIES
        below = {name: str(told[name]) for name in ("movie_id", "season_id", "episode_id") if told.get(name)}
        said = self._sessions.ask(
            subscription, list_question(which, 1, **below), bounds=QUICK, patience_s=PATIENCE_PLAY_S
        )
        files = [vod_rows.order_of(row) for row in rows(said.js) if flag(row.get("is_file"))]
        return [*filter(None, files[:_MOST_FILES])] or [*filter(None, [cmd])]

    def _address(self, subscription: Subscription, session: PortalSession, order: str, episode: str) -> str:
        home = urls.base_of(session.endpoint)
        order = links.personal(order, subscription.mac, session.play_token)
        listed = links.listed_address(order)
        if links.is_finished(listed, home):
            # Stock has nothing to play for a whole address that is sent back to it.
            return _EPISODE_IN_ADDRESS.sub(_numbered(episode), listed) if episode else listed
        ask = {"type": "vod", "action": "create_link", "cmd": order, "series": episode}
        return made_link(lambda: self._link(subscription, ask), order, home)

    def _link(self, subscription: Subscription, ask: Mapping[str, str]) -> Envelope:
        return self._sessions.ask(
            subscription,
            # A storage called "undefined" would be taken literally (section 13 item 16).
            {**ask, "forced_storage": "", "disable_ad": "1", "download": "0"},
            bounds=QUICK,
            patience_s=PATIENCE_PLAY_S,
        )


def made_link(question: Callable[[], Envelope], order: str, home: str) -> str:
    """The address create_link makes of an order; asked once more where adverts came in its place.

    Raises ItemRefused and its kinds, PortalError.
    """
    said = question()
    if links.wants_second_call(said, order):
        said = question()
    return links.made_address(said, order, home)


def _numbered(episode: str) -> Callable[[re.Match[str]], str]:
    """Puts another episode's number into `S01E01`, as wide as it was."""
    return lambda found: found[1] + episode.zfill(len(found[2]))
