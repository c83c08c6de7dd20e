"""`manage.py user add|list|role|password|signout|unlock|no-factor|on|off`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from accounts import people, second_factor, throttle, web_sessions
from accounts.roles import Role, give_role, role_of
from restreamer.cli import RestreamerCommand
from restreamer.embedded_redis import running_redis
from restreamer.lib.errors import InvalidInput
from restreamer.lib.redis_client import connection


class Command(RestreamerCommand):
    help = "Web users: who may open these pages, and as what. Players log in as viewers (see `viewer`)."
    needs_redis = False

    def add_verbs(self, verbs: Any) -> None:
        add = verbs.add_parser("add", help="add a web user; prints the password once")
        add.add_argument("name")
        add.add_argument("--role", choices=Role.values, default=Role.VIEWER.value)
        add.add_argument("--email", default="", help="log in with it instead of the name")
        add.add_argument("--password", default="", help="made up when not given")
        add.set_defaults(action=self.add)
        verbs.add_parser("list", help="list the web users").set_defaults(action=self.list_all)
        role = _verb(verbs, "role", "make somebody administrator, curator or viewer", self.role)
        role.add_argument("role", choices=Role.values)
        password = _verb(verbs, "password", "a new password, printed once; signs out everywhere", self.password)
        password.add_argument("--password", default="", help="made up when not given")
        _verb(verbs, "signout", "sign out of all browsers", self.signout)
        _verb(verbs, "no-factor", "for a lost phone: no second factor any more", self.no_factor)
        unlock = verbs.add_parser("unlock", help="let somebody log in again who was wrong too often")
        unlock.add_argument("who", help="the name that was tried, or the address it was tried from")
        unlock.set_defaults(action=self.unlock)
        _verb(verbs, "off", "signed out everywhere, and no login any more", self.off)
        _verb(verbs, "on", "may log in again", self.on)

    def add(self, options: dict[str, Any]) -> None:
        """Add a user and print what they log in with."""
        password = options["password"] or people.new_password()
        user = people.add_user(options["name"], password, role=Role(options["role"]), email=options["email"])
        self._print_password(user, password)

    def list_all(self, options: dict[str, Any]) -> None:
        """All users with role and logins."""
        users = User.objects.order_by("username").prefetch_related("groups", "viewers", "web_sessions")
        rows = [
            {
                "name": user.username,
                "email": user.email,
                "role": role_of(user).value,
                "may log in": user.is_active,
                "browsers": user.web_sessions.count(),
                "viewers": ", ".join(one.name for one in user.viewers.all()),
            }
            for user in users
        ]
        self.table(rows, ["name", "email", "role", "may log in", "browsers", "viewers"], "No web users yet.")

    def role(self, options: dict[str, Any]) -> None:
        """Give a role."""
        user = _user(options["name"])
        give_role(user, Role(options["role"]))
        self.result({"name": user.username, "role": options["role"]}, [f"{user.username} is {options['role']} now."])

    def password(self, options: dict[str, Any]) -> None:
        """Set or make up a password."""
        user = _user(options["name"])
        password: str = options["password"]
        if password:
            people.set_password(user, password)
        else:
            password = people.reset_password(user)
        self._print_password(user, password)

    def signout(self, options: dict[str, Any]) -> None:
        """End all logins of one user."""
        user = _user(options["name"])
        ended = web_sessions.sign_out(user)
        self.result({"name": user.username, "ended": ended}, [f"{user.username}: signed out of {ended} browser(s)."])

    def no_factor(self, options: dict[str, Any]) -> None:
        """Take the second factor away."""
        user = _user(options["name"])
        gone = second_factor.take_away(user)
        sentence = f"{user.username} {'needs no second factor any more' if gone else 'had none'}."
        self.result({"name": user.username, "taken away": gone}, [sentence])

    def unlock(self, options: dict[str, Any]) -> None:
        """Lift the lockouts of a name or an address."""
        with running_redis():
            lifted = throttle.lift(connection(), options["who"])
        sentence = f"{lifted} address(es) may log in again." if lifted else f"{options['who']!r} does not wait."
        self.result({"lifted": lifted}, [sentence])

    def off(self, options: dict[str, Any]) -> None:
        """Switch off."""
        self._switch(options, on=False)

    def on(self, options: dict[str, Any]) -> None:
        """Switch on."""
        self._switch(options, on=True)

    def _switch(self, options: dict[str, Any], *, on: bool) -> None:
        user = _user(options["name"])
        people.switch(user, on=on)
        self.result(
            {"name": user.username, "on": on}, [f"{user.username} {'may log in' if on else 'is switched off'}."]
        )

    def _print_password(self, user: User, password: str) -> None:
        document = {"name": user.username, "role": role_of(user).value, "password": password}
        self.result(document, [f"{key + ':':10}{value}" for key, value in document.items()])


def _verb(verbs: Any, name: str, help_text: str, action: Any) -> Any:
    verb = verbs.add_parser(name, help=help_text)
    verb.add_argument("name")
    verb.set_defaults(action=action)
    return verb


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise InvalidInput(f"No web user is called {name!r}.")
    return user
