"""Django's registration of the room; says what it refreshes."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_delete


class GuideConfig(AppConfig):
    name = "guide"

    def ready(self) -> None:
        """Register the guide's refresh, and forget the files of a source that is deleted."""
        from guide import jobs, keeping  # models exist only now
        from guide.models import EpgSource
        from portals import refreshing
        from portals.models import RunKind

        refreshing.register(RunKind.GUIDE, jobs.refresh_guide)

        def forget(sender: object, instance: EpgSource, **_: Any) -> None:
            keeping.forget(instance.pk)
            if instance.upload:
                instance.upload.delete(save=False)

        post_delete.connect(forget, sender=EpgSource, weak=False, dispatch_uid="guide.forget_download")
