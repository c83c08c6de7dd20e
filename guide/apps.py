"""Django's registration of the room; says what it refreshes."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_delete


class GuideConfig(AppConfig):
    name = "guide"

    def ready(self) -> None:
        """Register the refresh, who asks portals for their guides, and that a deleted source takes its files along."""
        from guide import arrivals, feeds, jobs, keeping, portal_guide  # models exist only now
        from guide.models import EpgSource
        from portals import refreshing
        from portals.adding import portal_added
        from portals.models import PortalKind, RunKind

        refreshing.register(RunKind.GUIDE, jobs.refresh_guide)
        feeds.portal_guide_comes_from(PortalKind.STALKER, portal_guide.items)

        portal_added.connect(arrivals.portal_arrived, dispatch_uid="guide.portal_arrived")

        def forget(sender: object, instance: EpgSource, **_: Any) -> None:
            keeping.forget(instance.pk)
            if instance.upload:
                instance.upload.delete(save=False)

        post_delete.connect(forget, sender=EpgSource, weak=False, dispatch_uid="guide.forget_download")
