"""Reading a panel over all its logins: accounts, categories, whole lists, and who is offered what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from portals import checking, errors
from portals.models import Portal, Subscription
from portals.providers.base import Progress
from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.row_spool import RowSpool, merged
from portals.providers.vod_records import CategoryRecord, MovieRecord, SeriesRecord
from portals.providers.xtream import account, listing
from portals.providers.xtream.account import Account
from portals.providers.xtream.listing import Kind
from portals.providers.xtream.panel import Panel
from portals.providers.xtream.sentences import Say

T = TypeVar("T")
Category = TypeVar("Category", GenreRecord, CategoryRecord)
Record = TypeVar("Record", StreamRecord, MovieRecord, SeriesRecord)

_STEP = 1000


class Catalogue:
    """What a panel offers, merged over the logins that may ask."""

    def __init__(self, portal: Portal, panel: Panel) -> None:
        self._portal = portal
        self._panel = panel
        self._accounts: dict[int, Account] = {}

    def account(self, subscription: Subscription) -> Account:
        """The login's account, asked for once and kept in its row. Raises SubscriptionRefused, PortalError."""
        if subscription.pk not in self._accounts:
            found = self._panel.account(subscription)
            checking.keep_report(subscription, account.report(found, self._panel.now))
            refused = account.refusal(found, self._panel.now)
            if refused is not None:
                raise refused
            self._accounts[subscription.pk] = found
        return self._accounts[subscription.pk]

    def first_account(self) -> Account:
        """The account of the first login that may ask. Raises PortalError."""
        return self.from_first(self.account)

    def from_first(self, question: Callable[[Subscription], T]) -> T:
        """The answer to the first login the panel does not refuse. Raises PortalError."""
        refused: errors.PortalError | None = None
        for subscription in self._usable():
            try:
                return question(subscription)
            except errors.SubscriptionRefused as err:
                refused = refused or err
        raise refused or errors.NoUsableSubscription(Say.NO_LOGIN.of())

    def categories(self, kind: Kind, make: Callable[[Iterator[dict[str, Any]]], list[Category]]) -> list[Category]:
        """The categories of all logins that may ask, each once. Raises PortalError."""
        asked, _ = self._from_each(
            kind, lambda subscription: make(listing.category_rows(self._panel, subscription, kind))
        )
        found: dict[str, Category] = {}
        for categories in asked.values():
            for category in categories:
                found.setdefault(category.provider_id, category)
        return list(found.values())

    def records(
        self, kind: Kind, make: Callable[[dict[str, Any]], Record | None], progress: Progress
    ) -> Iterator[Record]:
        """The records of all rows, each once, told who is offered it. All lists are whole before the first is given.

        Raises CatalogueIncomplete, PortalError.
        """
        listings, refused = self._from_each(
            kind, lambda subscription: listing.fetch(self._panel, subscription, kind, progress)
        )
        return self._given_on(listings, refused, make, progress)

    def _given_on(
        self,
        listings: dict[Subscription, RowSpool],
        refused: list[Subscription],
        make: Callable[[dict[str, Any]], Record | None],
        progress: Progress,
    ) -> Iterator[Record]:
        expected = len(set.union(*(found.ids for found in listings.values())))
        done = 0
        for row, offered_to in merged(listings, refused):
            done += 1
            if done % _STEP == 0:
                progress(done, expected)
            record = make(row)
            if record is not None and (self._portal.with_censored or not record.censored):
                yield replace(record, offered_to=offered_to) if offered_to else record
        progress(done, expected)

    def _from_each(
        self, kind: Kind, question: Callable[[Subscription], T]
    ) -> tuple[dict[Subscription, T], list[Subscription]]:
        """The answers to all logins the panel does not refuse, and the logins it does.

        Raises PortalError, also when a single login could not be asked: half of what the logins are offered must not
        look like all of it.
        """
        found: dict[Subscription, T] = {}
        refused: dict[Subscription, errors.SubscriptionRefused] = {}
        for subscription in self._usable():
            try:
                self.account(subscription)
                found[subscription] = question(subscription)
            except errors.SubscriptionRefused as err:
                refused[subscription] = err
            except errors.PortalError as err:
                if not found:
                    raise
                sentence = Say.LIST_OF_ONE_LOGIN.of(login=subscription.shown_name, what=kind.shown, why=err.message)
                raise errors.CatalogueIncomplete(sentence, retry_after_s=err.retry_after_s) from err
        if not found:
            raise next(iter(refused.values()), errors.NoUsableSubscription(Say.NO_LOGIN.of()))
        return found, list(dict.fromkeys([*refused, *self._resting()]))

    def _usable(self) -> list[Subscription]:
        return list(Subscription.objects.usable().filter(portal=self._portal).exclude(login=""))

    def _resting(self) -> list[Subscription]:
        """Logins the panel has refused before: what they were offered stays theirs for when they are renewed."""
        enabled = Subscription.objects.filter(portal=self._portal, enabled=True).exclude(login="")
        return list(enabled.exclude(pk__in=[one.pk for one in self._usable()]))
