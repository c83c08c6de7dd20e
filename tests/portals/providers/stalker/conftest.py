"""A provider that speaks to a fake portal, hurried: no spacing, no waits between retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis

from portals.models import Portal, Subscription
from portals.pacing import Pace, Pacer
from portals.providers.records import StreamRecord
from portals.providers.stalker.provider import StalkerProvider
from tests.factories import PortalFactory, SubscriptionFactory
from tests.fakes.portal import FakePortal

HURRIED = Pace(spacing_s=0.0, first_wait_s=30.0)


@dataclass
class House:
    """One portal row with its subscriptions, and the fake it leads to."""

    fake: FakePortal
    portal: Portal
    subscriptions: list[Subscription]
    redis: Redis
    pace: Pace = HURRIED

    @property
    def subscription(self) -> Subscription:
        return self.subscriptions[0]

    def provider(self, **options: Any) -> StalkerProvider:
        """As a fresh process would build it."""
        pacer = Pacer(self.redis, self.portal.pk, self.pace, jitter=lambda: 0.0)
        options.setdefault("sleep", lambda seconds: None)
        return StalkerProvider(Portal.objects.get(pk=self.portal.pk), self.redis, pacer=pacer, **options)

    def streams(self) -> dict[str, StreamRecord]:
        """The merged catalogue by provider id."""
        return {record.provider_id: record for record in self.provider().live_streams(lambda done, total: None)}

    def sentence(self) -> str:
        """What the owner reads after a test of the first MAC."""
        return self.provider().check(self.subscription).sentence


@pytest.fixture
def house(db: None, redis: Redis) -> Iterator[Callable[..., House]]:
    """Builds houses; `macs` exist at the portal, `rows` in our database (the same unless told)."""
    with ExitStack() as stack:

        def build(family: str = "stock", *, rows: list[dict[str, Any]] | None = None, **options: Any) -> House:
            fields = options.pop("portal", {})
            fake = stack.enter_context(FakePortal(family, **options))
            portal = PortalFactory(**{"address": fake.address, **fields})
            wanted = rows if rows is not None else [{"mac": mac} for mac in fake.accounts]
            made = [SubscriptionFactory(portal=portal, rank=rank, **row) for rank, row in enumerate(wanted)]
            return House(fake, portal, made, redis)

        yield build
