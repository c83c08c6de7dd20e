"""Django's registration of the room; a deleted portal takes its uploaded playlist along."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_delete


class PortalsConfig(AppConfig):
    name = "portals"

    def ready(self) -> None:
        """Hear of deleted portals."""
        from portals.models import Portal  # models exist only now
        from portals.providers.m3u import forget_upload

        def forget(sender: object, instance: Portal, **_: Any) -> None:
            transaction.on_commit(lambda: forget_upload(instance.address))

        post_delete.connect(forget, sender=Portal, weak=False, dispatch_uid="portals.forget_upload")
