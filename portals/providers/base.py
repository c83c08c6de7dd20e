"""The shape every provider has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from portals.models import Subscription
from portals.providers.records import GenreRecord, PlayUrl, StreamRecord, SubscriptionReport

#: Called with (items done, items expected or 0); may raise RunCancelled to stop the work.
Progress = Callable[[int, int], None]


@runtime_checkable
class NamesGuides(Protocol):
    """A provider whose list names guides that lie elsewhere (M3U: `url-tvg`)."""

    def guide_urls(self) -> list[str]:
        """Their addresses, with whatever credentials are in them. Raises PortalError."""


class Provider(Protocol):
    """Speaks one portal's protocol. Built by `portals.providers.registry.provider_for(portal)`.

    Every method raises a `portals.errors.PortalError`; nothing else crosses this border.
    """

    def check(self, subscription: Subscription) -> SubscriptionReport:
        """Ask the portal about one subscription. A refusal is a report, not an error; an unreachable portal raises."""

    def live_genres(self) -> list[GenreRecord]:
        """All genres of live television."""

    def live_streams(self, progress: Progress) -> Iterator[StreamRecord]:
        """All live items, merged over the subscriptions.

        Raises CatalogueIncomplete rather than ending early: half a list must never look like a whole one.
        """

    def play_url(
        self, subscription: Subscription, provider_id: str, cmd: str, provider_data: Mapping[str, Any]
    ) -> PlayUrl:
        """The address to open now for one item on one subscription (a Stalker create_link where one is needed)."""

    def make_ready(self, subscription: Subscription) -> None:
        """Have a session with the portal, so that the next `play_url` need not begin with one. Opens nothing."""

    def keep_alive(self, subscription: Subscription, *, playing: bool) -> float:
        """What the portal expects while a stream of the subscription runs (Stalker: the watchdog).

        Returns seconds until it is due again; 0 when the protocol has nothing of the kind.
        """
