"""`manage.py token add|list|remove`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from api.models import ApiToken, make
from api.scopes import Scope
from restreamer.cli import RestreamerCommand, whole
from restreamer.lib.errors import InvalidInput

#: A century.
_LONGEST_DAYS = 36_500


class Command(RestreamerCommand):
    help = "Add, list and remove API tokens: what programs of yours call with."
    needs_redis = False

    def add_verbs(self, verbs: Any) -> None:
        add = verbs.add_parser("add", help="add a token; prints it once")
        add.add_argument("name", help="which program it is for")
        add.add_argument("--user", required=True, help="whose it is: it never does what they may not")
        add.add_argument("--may", required=True, help=f"by commas: {', '.join(Scope.values)}")
        add.add_argument("--days", type=whole, default=0, help="how long it works; 0 = until removed")
        add.set_defaults(action=self.add)
        listing = verbs.add_parser("list", help="list the tokens")
        listing.set_defaults(action=self.list_all)
        remove = verbs.add_parser("remove", help="remove a token; its program is locked out at once")
        remove.add_argument("name")
        remove.set_defaults(action=self.remove)

    def add(self, options: dict[str, Any]) -> None:
        """Add one and print it."""
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise InvalidInput(f"No web user is called {options['user']!r}.")
        if ApiToken.objects.filter(name=options["name"]).exists():
            raise InvalidInput(f"There is a token called {options['name']!r} already.")
        if options["days"] < 0:
            raise InvalidInput("--days cannot be negative; 0 means until removed.")
        if options["days"] > _LONGEST_DAYS:
            raise InvalidInput(f"--days is at most {_LONGEST_DAYS:,}; 0 means until removed.")
        until = timezone.now() + timedelta(days=options["days"]) if options["days"] else None
        scopes = [word.strip() for word in options["may"].split(",") if word.strip()]
        row, secret = make(user, options["name"], scopes, until)
        lines = [f"Token: {secret}", "It is shown only this once. Send it as: Authorization: Bearer …"]
        self.result({"name": row.name, "token": secret, "may": row.scopes}, lines)

    def list_all(self, options: dict[str, Any]) -> None:
        """All of them, without secrets."""
        rows = [
            {
                "name": row.name,
                "begins": row.hint,
                "user": row.user.get_username(),
                "may": ", ".join(row.scopes),
                "enabled": row.enabled,
                "expires": row.expires_at and row.expires_at.date().isoformat(),
                "used": row.last_used_at and row.last_used_at.isoformat(timespec="minutes"),
            }
            for row in ApiToken.objects.select_related("user")
        ]
        columns = ["name", "begins", "user", "may", "enabled", "expires", "used"]
        self.table(rows, columns, "No tokens yet. Add one: manage.py token add NAME --user USER --may catalogue:read")

    def remove(self, options: dict[str, Any]) -> None:
        """Remove one."""
        if not ApiToken.objects.filter(name=options["name"]).delete()[0]:
            raise InvalidInput(f"No token is called {options['name']!r}.")
        self.result({"removed": options["name"]}, [f"Token {options['name']!r} removed."])
