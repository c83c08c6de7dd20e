"""Questions to a panel: the server that answers is found, every failure has its name, lists stream."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from portals import errors
from portals.models import Portal, Subscription
from portals.pacing import Pacing
from portals.providers import reach
from portals.providers.xtream import account, addresses, json_rows
from portals.providers.xtream.account import Account
from portals.providers.xtream.sentences import Say, quoting
from restreamer.lib import http
from restreamer.lib.http import MIB, Answer, Bounds, HttpDoor, OpenAnswer
from restreamer.lib.m3u import page_title

#: An account, an item's details, a guide of one channel.
_SMALL = Bounds(connect_s=6, silence_s=20, total_s=40, max_bytes=32 * MIB)
#: A whole list; 60 MB and a minute before the first byte have been seen.
_LIST = Bounds(connect_s=10, silence_s=120, total_s=1200, max_bytes=512 * MIB)
_PATIENCE_S = 30.0
_PATIENCE_LIST_S = 120.0


class PanelSilent(errors.AnswerUnreadable):
    """Nothing, or "not found": a wrong login at panels of the XUI family, or no panel at all."""


class Panel:
    """The line to one panel."""

    def __init__(
        self,
        portal: Portal,
        pacer: Pacing,
        *,
        door: HttpDoor | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._portal = portal
        self._pacer = pacer
        self._door = door or reach.door_of(portal)
        self._clock = clock
        self._headers = reach.headers_of(portal)
        self._server = portal.endpoint

    @property
    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.fromtimestamp(self._clock(), UTC)

    def server(self) -> str:
        """The server that answered last, else the first the owner named. Asks nobody. Raises NotAPortal."""
        return self._server or addresses.servers(self._portal.address)[0]

    def account(self, subscription: Subscription) -> Account:
        """What the panel says about the login, asked at each server in turn until one is a panel.

        Raises SubscriptionRefused only when no account came at all, other PortalError.
        """
        if not (subscription.login and subscription.password):
            raise errors.LoginNeeded(Say.LOGIN_MISSING.of())
        failures: list[errors.PortalError] = []
        for server in self._servers():
            try:
                document, answered = self._account_at(server, subscription)
            except errors.PortalThrottled:
                raise
            except errors.PortalError as err:
                failures.append(err)
                continue
            self._settle(answered)
            return account.read(document)
        raise self._conclusion(failures)

    def document(self, subscription: Subscription, **parameters: str) -> Any:
        """The answer to one small question. Raises PortalError."""
        url = addresses.api_url(self.server(), subscription, parameters)
        answer = self._get(url, _SMALL, _PATIENCE_S)
        try:
            self._judge(answer.status, answer.url, answer.header("Retry-After"), answer.header("Server"))
        except PanelSilent as err:
            raise errors.AnswerNotFound(Say.NO_ANSWER.of()) from err
        if not answer.body.strip():
            raise errors.AnswerNotFound(Say.NO_ANSWER.of())
        try:
            return json.loads(answer.body, strict=False)
        except (ValueError, RecursionError) as err:
            if answer.body.lstrip()[:1] == b"<":
                raise errors.AnswerUnreadable(_page(answer)) from err
            raise errors.AnswerUnreadable(Say.ANSWER_DAMAGED.of()) from err

    def rows(self, subscription: Subscription, what: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """The rows of a list while they arrive; `what` names it in sentences.

        Raises CatalogueIncomplete for a list that ends early, other PortalError.
        """
        count = 0
        url = addresses.api_url(self.server(), subscription, parameters)
        with self._open(url) as answer:
            self._judge_list(answer, what)
            try:
                for row in json_rows.rows(_body(answer, what)):
                    count += 1
                    yield row
            except json_rows.ListCut as err:
                raise errors.CatalogueIncomplete(Say.LIST_CUT.of(what=what, count=f"{count:,}")) from err
            except json_rows.ListDamaged as err:
                raise errors.CatalogueIncomplete(Say.LIST_DAMAGED.of(what=what)) from err
            except json_rows.NotAList as err:
                raise self._no_list(err, what) from err
        self._pacer.answered()

    def _servers(self) -> list[str]:
        """The one that answered last, then all the owner named."""
        named = addresses.servers(self._portal.address)
        return list(dict.fromkeys([self._server, *named])) if self._server else named

    def _account_at(self, server: str, subscription: Subscription) -> tuple[dict[str, Any], str]:
        """The login document and the server it came from after redirects."""
        answer = self._get(addresses.api_url(server, subscription, {}), _SMALL, _PATIENCE_S)
        self._judge(answer.status, answer.url, answer.header("Retry-After"), answer.header("Server"))
        body = answer.body.strip()
        if body in (b"", b"[]", b"null", b"false"):
            raise PanelSilent(Say.NO_PANEL.of(host=reach.host_of(server)))
        if body[:1] == b"<":
            raise errors.AnswerUnreadable(_page(answer))
        try:
            document = json.loads(body, strict=False)
        except (ValueError, RecursionError) as err:
            raise errors.NotAPortal(Say.OTHER_SERVICE.of(host=reach.host_of(server))) from err
        if not account.is_account(document):
            raise errors.NotAPortal(Say.OTHER_SERVICE.of(host=reach.host_of(server)))
        self._pacer.answered()
        return document, addresses.server_after(answer.url)

    def _conclusion(self, failures: list[errors.PortalError]) -> errors.PortalError:
        """One error for all servers: a refusal says most, then silence, then the first trouble met."""
        refused = next((err for err in failures if isinstance(err, errors.SubscriptionRefused)), None)
        if refused is not None:
            return refused
        silent = next((err for err in failures if isinstance(err, PanelSilent)), None)
        if silent is None:
            return failures[0]
        # Where a panel is known to be, silence means a wrong login; elsewhere it may be no panel at all.
        if self._portal.endpoint:
            return errors.SubscriptionUnknown(Say.WRONG_LOGIN_SILENT.of())
        return errors.NotAPortal(silent.message)

    def _settle(self, server: str) -> None:
        """Remember who answered, here and for the next process."""
        self._server = server
        if self._portal.endpoint != server:
            self._portal.endpoint = server
            if self._portal.pk:
                Portal.objects.filter(pk=self._portal.pk).update(endpoint=server)

    def _get(self, url: str, bounds: Bounds, patience_s: float) -> Answer:
        with self._pacer.turn(patience_s=patience_s):
            try:
                return self._door.get(url, headers=self._headers, bounds=bounds)
            except http.HttpError as err:
                raise reach.worded(err, url) from err

    @contextlib.contextmanager
    def _open(self, url: str) -> Iterator[OpenAnswer]:
        with self._pacer.turn(patience_s=_PATIENCE_LIST_S):
            try:
                answer = self._door.open(url, headers=self._headers, bounds=_LIST)
            except http.HttpError as err:
                raise reach.worded(err, url) from err
            with answer:
                yield answer

    def _judge(self, status: int, url: str, retry_after: str, software: str) -> None:
        """Raises the error for any status but 200."""
        host = reach.host_of(url)
        if status == 200:
            return
        if status in (401, 403):
            if "cloudflare" in software.lower() or "ddos" in software.lower():
                raise errors.AnswerUnreadable(Say.GUARD.of(host=host, status=status))
            raise errors.SubscriptionUnknown(Say.TURNED_AWAY.of(status=status))
        if status in (404, 410):
            raise PanelSilent(Say.NO_PANEL.of(host=host))
        error = reach.refused_status(status, url, retry_after, now=self._clock())
        if isinstance(error, errors.PortalThrottled):
            wait_s = self._pacer.throttled(error.retry_after_s)
            sentence = reach.Reach.THROTTLED.of(host=host, wait=reach.for_wait(wait_s))
            raise errors.PortalThrottled(sentence, retry_after_s=wait_s)
        raise error

    def _judge_list(self, answer: OpenAnswer, what: str) -> None:
        try:
            self._judge(
                answer.status, answer.url, answer.headers.get("Retry-After", ""), answer.headers.get("Server", "")
            )
        except PanelSilent as err:
            raise errors.AnswerUnreadable(Say.LIST_SILENT.of(what=what)) from err

    def _no_list(self, err: json_rows.NotAList, what: str) -> errors.PortalError:
        if account.is_account(err.document):
            refused = account.refusal(account.read(err.document), self.now)
            return refused or errors.SubscriptionUnknown(Say.WRONG_LOGIN.of())
        if not err.text and err.document is None:
            return errors.AnswerUnreadable(Say.LIST_SILENT.of(what=what))
        if err.text[:1] == "<":
            return errors.AnswerUnreadable(quoting(Say.LIST_IS_PAGE.of(what=what), page_title(err.text)))
        return errors.CatalogueIncomplete(Say.LIST_DAMAGED.of(what=what))


def _page(answer: Answer) -> str:
    title = page_title(answer.body[:8192].decode("utf-8", "replace"))
    return quoting(Say.WEB_PAGE.of(host=reach.host_of(answer.url)), title)


def _body(answer: OpenAnswer, what: str) -> Iterator[bytes]:
    """The body; whatever ends it early makes the list incomplete."""
    pieces = answer.chunks()
    while True:
        try:
            piece = next(pieces, b"")
        except http.TooLarge as err:
            raise errors.CatalogueIncomplete(Say.LIST_TOO_LARGE.of(what=what, limit=_LIST.max_bytes // MIB)) from err
        except http.HttpError as err:
            raise json_rows.ListCut(err.message) from err
        if not piece:
            return
        yield piece
