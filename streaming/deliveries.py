"""The curated choices that matter for one relay key, read from the database."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q

from channels.models import Channel
from portals.models import Portal
from restreamer.lib.errors import ConfigurationError
from streaming.delivery import Choice, Mode, decide
from streaming.models import Delivery, TranscodeProfile


class Deliveries:
    """What was chosen for a channel, its group and the portals of its streams. One query."""

    def __init__(self, key: str, portals: Iterable[Portal], *, asked_redirect: bool = False) -> None:
        """`key` is a relay key; a stream that no channel holds has its portal's choice only.

        `asked_redirect`: the player wishes to go to the provider, which counts where nobody chose.
        """
        kind, _, number = key.partition(":")
        wanted = Q(portal__in={one.pk for one in portals})
        if kind == "channel":
            group = Channel.objects.filter(pk=int(number)).values("group")
            wanted |= Q(channel=int(number)) | Q(group__in=group)
        elif kind == "any":
            # A group as one channel: its channels' own choices would differ, the group's is one.
            ids = [int(one) for one in number.split(".")]
            wanted |= Q(group__in=Channel.objects.filter(pk__in=ids).values("group"))
        self._channel: Choice | None = None
        self._group: Choice | None = None
        self._portals: dict[int, Choice] = {}
        for row in Delivery.objects.filter(wanted).select_related("profile"):
            self._note(row)
        self._default = Choice(Mode.REDIRECT) if asked_redirect else default_choice()

    def _note(self, row: Delivery) -> None:
        if row.channel_id:
            self._channel = row.choice()
        elif row.group_id:
            self._group = row.choice()
        elif row.portal_id:
            self._portals[row.portal_id] = row.choice()

    def of(self, portal: Portal, *, may_redirect: bool = False) -> Choice:
        """How the streams of this portal reach such a viewer."""
        return decide(
            channel=self._channel,
            group=self._group,
            portal=self._portals.get(portal.pk),
            default=self._default,
            may_redirect=may_redirect,
            reachable=not portal.proxy_url,
        )


def default_choice() -> Choice:
    """What RESTREAMER_DELIVERY and RESTREAMER_DELIVERY_PROFILE say.

    Raises ConfigurationError when there is no profile of that name.
    """
    name = settings.DELIVERY_PROFILE
    row = TranscodeProfile.objects.filter(name=name).first() if name else None
    if name and row is None:
        raise ConfigurationError(
            f"RESTREAMER_DELIVERY_PROFILE={name!r} names no profile. Correct it, or make one in the admin pages."
        )
    return Choice(Mode(settings.DELIVERY), row.profile() if row else None)
