"""Who looks in from the admin pages: a web user watches as themselves, with no viewer and so with no token to lend.

In the book of viewings such a person stands like a viewer whose id is below zero, which no stored viewer has: one
stream at once, ended by the next one, and only ever relayed here, so that no provider's address reaches the browser.
Slots of providers are taken as by everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser, User

from accounts.models import AdultView, LimitPolicy, Viewer
from streaming.errors import NotLookingIn

#: Who may look at channels in the admin pages may play them there, hidden ones and single streams too.
RIGHT = "channels.view_channel"


def may_look_in(user: User | AnonymousUser) -> bool:
    """May this person play what the admin pages show?"""
    return user.is_active and user.is_staff and user.has_perm(RIGHT)


def onlooker(user: User | AnonymousUser) -> Viewer:
    """The viewer that stands for this person; it is not stored and logs nobody in. Raises NotLookingIn."""
    if not isinstance(user, User) or not may_look_in(user):
        raise NotLookingIn("Nobody who may look into channels is logged in.")
    return Viewer(
        pk=-user.pk,
        # No viewer's name holds a space.
        name=f"{user.get_username()[:40]} (admin pages)",
        # Known by their password, so that a new one ends what was begun with the old.
        token=user.get_session_auth_hash(),
        connections=1,
        limit_policy=LimitPolicy.REFUSE,
        may_redirect=False,
        adult=AdultView.SHOWN,
    )


def still_looking(viewer_ids: Iterable[int]) -> dict[int, Viewer]:
    """Of these ids those of people who may still look in, each with what stands for them."""
    users = User.objects.in_bulk({-one for one in viewer_ids if one < 0})
    return {-pk: onlooker(user) for pk, user in users.items() if may_look_in(user)}
