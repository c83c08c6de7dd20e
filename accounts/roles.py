"""What web users may do: three roles, and the table of what each is allowed.

An administrator is a superuser. A curator is in the group of that name, whose permissions are this table and nothing
else: they are set again after every migration, so a new model is closed to curators until a line here opens it. A
viewer has no permission at all: the page of their own players is everybody's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import models, transaction

from restreamer.lib.errors import InvalidInput

ALL = ("view", "add", "change", "delete")
_CHANGE = ("view", "change")
_VIEW = ("view",)


class Role(models.TextChoices):
    """What somebody is here."""

    ADMINISTRATOR = "administrator", "administrator: everything"
    CURATOR = "curator", "curator: channels, movies, guide matches; no secrets, no people"
    VIEWER = "viewer", "viewer: only their own players"


#: What a curator may do, by model. Portals without what they log in with: `PortalAdmin` shows those who may not
#: change a portal neither addresses nor subscriptions. Guide sources are closed: their addresses are logins too.
CURATORS_MAY: dict[str, tuple[str, ...]] = {
    "channels.channel": ALL,
    "channels.channelstream": ALL,
    "channels.genremap": ALL,
    "channels.group": ALL,
    "channels.lineup": ALL,
    "channels.lineupentry": ALL,
    "channels.logo": ALL,
    "channels.merge": ALL,
    "channels.stream": _VIEW,
    "channels.streamrule": ALL,
    "guide.guidechannel": _VIEW,
    "guide.guidematch": _CHANGE,
    "guide.programme": _VIEW,
    "portals.genre": _VIEW,
    "portals.portal": _VIEW,
    "portals.run": _VIEW,
    "streaming.delivery": ALL,
    "streaming.transcodeprofile": _VIEW,
    "vod.category": ALL,
    "vod.categorymap": ALL,
    "vod.episode": ALL,
    "vod.episodeoffer": _CHANGE,
    "vod.merge": ALL,
    "vod.movie": ALL,
    "vod.movieoffer": _CHANGE,
    "vod.season": ALL,
    "vod.series": ALL,
    "vod.seriesoffer": _CHANGE,
}


def role_of(user: User) -> Role:
    """The role of a stored user."""
    if user.is_superuser:
        return Role.ADMINISTRATOR
    names = {group.name for group in user.groups.all()}
    return Role.CURATOR if Role.CURATOR in names and user.is_staff else Role.VIEWER


@transaction.atomic
def give_role(user: User, role: Role) -> None:
    """Make the stored user this and nothing else. Raises InvalidInput when nobody would be left to administer."""
    if role != Role.ADMINISTRATOR:
        must_leave_an_administrator([user.pk])
    user.is_superuser = role == Role.ADMINISTRATOR
    user.is_staff = role != Role.VIEWER
    user.save(update_fields=["is_superuser", "is_staff"])
    user.user_permissions.clear()
    user.groups.clear()
    if role != Role.ADMINISTRATOR:
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])


def administrators() -> models.QuerySet[User]:
    """Those who may do everything, and may log in."""
    return User.objects.filter(is_superuser=True, is_active=True)


def must_leave_an_administrator(leaving: Iterable[int]) -> None:
    """Raises InvalidInput when without these users nobody could administer any more."""
    leaving = set(leaving)
    if leaving & set(administrators().values_list("pk", flat=True)) and not administrators().exclude(pk__in=leaving):
        raise InvalidInput("That would leave nobody who may administer. Make somebody else administrator first.")


def set_up_groups(**kwargs: Any) -> None:
    """Make the groups exactly what the table says. Connected to the end of every migration."""
    wanted = {f"{label}.{action}" for label, actions in CURATORS_MAY.items() for action in actions}
    found = Permission.objects.filter(content_type__app_label__in={one.partition(".")[0] for one in CURATORS_MAY})
    allowed = [one for one in found.select_related("content_type") if _words_of(one) in wanted]
    curators, _ = Group.objects.get_or_create(name=Role.CURATOR.value)
    curators.permissions.set(allowed)
    viewers, _ = Group.objects.get_or_create(name=Role.VIEWER.value)
    viewers.permissions.clear()


def _words_of(permission: Permission) -> str:
    """`channels.channel.view` and the like."""
    action = permission.codename.partition("_")[0]
    return f"{permission.content_type.app_label}.{permission.content_type.model}.{action}"
