"""One portal row with its logins, and the fake panel it leads to."""

from __future__ import annotations

from typing import Any

from portals.models import Portal, PortalKind, Subscription
from portals.pacing import Pace, Pacer
from portals.providers.records import SubscriptionReport
from portals.providers.xtream import XtreamProvider
from tests.factories import PortalFactory
from tests.fakes.xtream_panel import XtreamPanel

NOW = 1_800_000_000.0  # 15 January 2027, 08:00 UTC


class House:
    """One portal row with its logins, and the panel it leads to."""

    def __init__(self, panel: XtreamPanel, redis: Any, **fields: Any) -> None:
        self.panel = panel
        self.redis = redis
        self.portal = PortalFactory(**{"kind": PortalKind.XTREAM, "address": panel.url, **fields})
        self.logins = [
            Subscription.objects.create(portal=self.portal, login=line.username, password=line.password, rank=rank)
            for rank, line in enumerate(panel.lines.values())
        ]

    @property
    def login(self) -> Subscription:
        return self.logins[0]

    def provider(self) -> XtreamProvider:
        """As a fresh process would build it."""
        portal = Portal.objects.get(pk=self.portal.pk)
        pacer = Pacer(self.redis, portal.pk, Pace(spacing_s=0), jitter=lambda: 0.0)
        return XtreamProvider(portal, pacer=pacer, clock=lambda: NOW)

    def check(self) -> SubscriptionReport:
        """What a test of the first login says."""
        return self.provider().check(self.login)
