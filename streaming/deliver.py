"""The verb: from now on these are delivered so. Admin pages and the command line use it."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction

from channels.models import Channel, Group
from portals.models import Portal
from restreamer.lib.errors import InvalidInput
from streaming.delivery import Mode
from streaming.models import Delivery, TranscodeProfile

Subject = Channel | Group | Portal


@transaction.atomic
def deliver(subjects: Iterable[Subject], mode: Mode, profile: TranscodeProfile | None = None) -> int:
    """Set the delivery of each subject; returns how many changed.

    Running channels keep what they have until they are started again. Raises InvalidInput.
    """
    changed = 0
    for subject in subjects:
        row = Delivery.objects.filter(**{_field(subject): subject}).first() or Delivery(**{_field(subject): subject})
        if row.pk and (row.mode, row.profile) == (mode.value, profile):
            continue
        row.mode, row.profile = mode.value, profile
        try:
            row.full_clean()
        except ValidationError as err:
            raise InvalidInput(" ".join(err.messages)) from err
        row.save()
        changed += 1
    return changed


def deliver_as_usual(subjects: Iterable[Subject]) -> int:
    """Take back what was chosen for each subject; returns how many had something."""
    return sum(Delivery.objects.filter(**{_field(one): one}).delete()[0] for one in subjects)


def profile_named(name: str) -> TranscodeProfile:
    """The profile of this name, upper and lower case alike. Raises InvalidInput, which lists those there are."""
    row = TranscodeProfile.objects.filter(name__iexact=name).first()
    if row is None:
        names = ", ".join(repr(one) for one in TranscodeProfile.objects.values_list("name", flat=True)) or "none yet"
        raise InvalidInput(f"No profile is called {name!r}. There are: {names}.")
    return row


def _field(subject: Subject) -> str:
    if isinstance(subject, Channel):
        return "channel"
    return "group" if isinstance(subject, Group) else "portal"
