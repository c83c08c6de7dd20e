"""One question to a portal: paced, bounded, and every failure with its name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote

from portals import errors
from portals.models import Portal
from portals.pacing import Pacing
from portals.providers import reach
from portals.providers.stalker import envelope
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.sentences import Say, for_wait
from restreamer.lib import http
from restreamer.lib.http import MIB, Answer, Bounds, HttpDoor

T = TypeVar("T")

#: An ordinary question.
SMALL = Bounds(connect_s=6, silence_s=12, total_s=20, max_bytes=8 * MIB)
#: While a viewer waits.
QUICK = Bounds(connect_s=4, silence_s=8, total_s=10, max_bytes=MIB)
#: The whole channel list; 30 MB have been seen.
WHOLE_LIST = Bounds(connect_s=6, silence_s=60, total_s=120, max_bytes=96 * MIB)
#: Pages and scripts while an address is explored.
PAGE = Bounds(connect_s=6, silence_s=8, total_s=12, max_bytes=MIB)

#: How long a caller waits for its turn, or for the end of a throttling.
PATIENCE_PLAY_S = 4.0
PATIENCE_ASK_S = 20.0
PATIENCE_REFRESH_S = 45.0


class Wire:
    """The line to one portal."""

    def __init__(
        self,
        portal: Portal,
        pacer: Pacing,
        *,
        door: HttpDoor | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._door = door or reach.door_of(portal)
        self._pacer = pacer
        self.clock = clock
        self._sleep = sleep

    def ask(
        self,
        endpoint: str,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        bounds: Bounds = SMALL,
        patience_s: float = PATIENCE_ASK_S,
        exploring: bool = False,
    ) -> Envelope:
        """Ask the API.

        `exploring`: the endpoint is a guess, so a plain 403 says "not here" rather than "leave me alone".

        Raises PortalError.
        """
        url = f"{endpoint}?{query(parameters)}"
        try:
            said = envelope.read(self._get(url, headers, bounds, patience_s), clock=self.clock)
        except envelope.Throttling as err:
            if exploring and err.status_code == 403 and not err.by_guard:
                raise errors.AnswerUnreadable(Say.ODD_STATUS.of(status=403)) from err
            raise self._heed(err) from err
        self._pacer.answered()
        return said

    def hang_up(self) -> None:
        """Close idle connections; the next question opens one again."""
        self._door.close()

    def page(self, url: str, headers: Mapping[str, str]) -> Answer:
        """A plain page, whatever its status: the start script while an address is explored.

        Raises PortalError when the host does not answer at all or asks us to wait.
        """
        answer = self._get(url, headers, PAGE, PATIENCE_ASK_S)
        if answer.status == 429:
            wish_s = envelope.retry_after_s(answer.header("Retry-After"), self.clock())
            raise self._heed(envelope.Throttling(Say.THROTTLED, 429, wish_s, by_guard=False))
        return answer

    def persistently(self, question: Callable[[], T]) -> T:
        """The answer to a question that may be asked again: 1, 2 and 4 s after trouble that passes by itself.

        For refreshes only: while a viewer waits, the next subscription is the better try. Damaged JSON is asked
        for once more. When the portal asked us to wait, the pacer holds the next question back.
        """
        for wait_s in (1.0, 2.0, 4.0):
            try:
                return question()
            except (errors.PortalOverloaded, errors.PortalUnreachable):
                self._sleep(wait_s)
            except envelope.Gibberish:
                self._sleep(wait_s)
                break
            except errors.PortalThrottled as err:
                if (err.retry_after_s or 0) > PATIENCE_REFRESH_S:
                    raise
        return question()

    def _get(self, url: str, headers: Mapping[str, str], bounds: Bounds, patience_s: float) -> Answer:
        with self._pacer.turn(patience_s=patience_s):
            try:
                return self._door.get(url, headers=headers, bounds=bounds)
            except http.HttpError as err:
                raise reach.worded(err, url) from err

    def _heed(self, err: envelope.Throttling) -> errors.PortalThrottled:
        wait_s = self._pacer.throttled(err.retry_after_s)
        sentence = err.say.of(status=err.status_code, wait=for_wait(wait_s))
        return errors.PortalThrottled(sentence, retry_after_s=wait_s)


def query(parameters: Mapping[str, str]) -> str:
    """The flat query a box sends. What already holds `%XX` passes `%` through: PHP decodes exactly once."""
    pairs = [*parameters.items(), ("JsHttpRequest", "1-xml")]
    return "&".join(f"{name}={_encoded(value)}" for name, value in pairs)


def _encoded(value: str) -> str:
    return quote(value, safe="%" if _has_escapes(value) else "")


def _has_escapes(value: str) -> bool:
    at = value.find("%")
    while at >= 0:
        pair = value[at + 1 : at + 3]
        if len(pair) == 2 and all(letter in "0123456789abcdefABCDEF" for letter in pair):
            return True
        at = value.find("%", at + 1)
    return False
