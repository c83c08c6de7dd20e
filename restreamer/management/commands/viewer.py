"""`manage.py viewer add|list|remove|token`."""

from __future__ import annotations

import secrets
from typing import Any

from accounts.adding import add_viewer
from accounts.models import Viewer
from restreamer.addresses import viewer_addresses
from restreamer.cli import RestreamerCommand, whole
from restreamer.lib.errors import InvalidInput


class Command(RestreamerCommand):
    help = "Add, list and remove viewers: what a player logs in with."
    needs_redis = False

    def add_verbs(self, verbs: Any) -> None:
        add = verbs.add_parser("add", help="add a viewer; prints its password and addresses once")
        add.add_argument("name")
        add.add_argument("--password", default="", help="made up when not given")
        add.add_argument("--connections", type=whole, default=1, help="streams at once; 0 = no limit of its own")
        add.set_defaults(action=self.add)
        listing = verbs.add_parser("list", help="list the viewers")
        listing.set_defaults(action=self.list_all)
        remove = verbs.add_parser("remove", help="remove a viewer; its addresses stop working")
        remove.add_argument("name")
        remove.set_defaults(action=self.remove)
        token = verbs.add_parser("token", help="a new token; the old addresses stop working")
        token.add_argument("name")
        token.set_defaults(action=self.token)

    def add(self, options: dict[str, Any]) -> None:
        """Add a viewer and print what a player needs."""
        password = options["password"] or secrets.token_urlsafe(9)
        viewer = add_viewer(options["name"], password, connections=options["connections"])
        self._print(viewer, {"password": password})

    def list_all(self, options: dict[str, Any]) -> None:
        """All viewers, without secrets."""
        rows = [
            {
                "name": viewer.name,
                "connections": viewer.connections or "no limit",
                "enabled": viewer.enabled,
                "expires": viewer.expires_at and viewer.expires_at.date().isoformat(),
            }
            for viewer in Viewer.objects.all()
        ]
        self.table(
            rows, ["name", "connections", "enabled", "expires"], "No viewers yet. Add one: manage.py viewer add NAME"
        )

    def remove(self, options: dict[str, Any]) -> None:
        """Remove a viewer."""
        viewer = _viewer(options["name"])
        viewer.delete()
        self.result({"removed": options["name"]}, [f"Viewer {options['name']!r} removed."])

    def token(self, options: dict[str, Any]) -> None:
        """Rotate the token and print the new addresses."""
        viewer = _viewer(options["name"])
        viewer.rotate_token()
        viewer.save(update_fields=["token"])
        self._print(viewer, {})

    def _print(self, viewer: Viewer, extra: dict[str, str]) -> None:
        addresses = viewer_addresses(viewer)
        document = {"name": viewer.name, **extra, "token": viewer.token, "connections": viewer.connections, **addresses}
        self.result(document, [f"{key + ':':16}{value}" for key, value in document.items()])


def _viewer(name: str) -> Viewer:
    viewer = Viewer.objects.filter(name=name).first()
    if viewer is None:
        raise InvalidInput(f"No viewer is called {name!r}.")
    return viewer
