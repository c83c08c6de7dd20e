"""Why a viewing ends: the reasons a relay gives, and what a viewer who waited is told."""

from __future__ import annotations

from enum import StrEnum

from restreamer.lib.errors import RestreamerError

LEFT = "the viewer left"
#: HLS: nobody says that he leaves.
STOPPED_ASKING = "the player stopped asking"
PLAYED = "it was played to its end"
CHANGED = "the viewer began something else"
TOO_SLOW = "too slow: the viewer fell out of the ring"
LONG_ENOUGH = "it was shown for as long as it should be"
BY_HAND = "stopped by hand"
WITHDRAWN = "the login may not watch any more"
SLOT_WANTED = "another channel needed the slot"
UNWATCHED = "nobody watched any more"
RESTART = "the relay process ends"
#: No end at all: the viewing goes on under the session of its first request.
JOINED = "a further request of a viewing that goes on"
DIED = "the streaming process stopped unexpectedly"
#: What follows says why.
REFUSED = "refused: "
NO_SOURCE = "no source is left: "
DEFECT = "defect: "


class End(StrEnum):
    """How a viewing ended, as journals are filtered by it."""

    LEFT = "left"
    CHANGED = "changed"
    BY_HAND = "by_hand"
    REFUSED = "refused"
    NO_SOURCE = "no_source"
    TOO_SLOW = "too_slow"
    SLOT_WANTED = "slot_wanted"
    LONG_ENOUGH = "long_enough"
    RESTART = "restart"
    DIED = "died"
    DEFECT = "defect"
    REDIRECTED = "redirected"
    OTHER = "other"


_EXACTLY = {
    LEFT: End.LEFT,
    STOPPED_ASKING: End.LEFT,
    PLAYED: End.LEFT,
    CHANGED: End.CHANGED,
    TOO_SLOW: End.TOO_SLOW,
    LONG_ENOUGH: End.LONG_ENOUGH,
    BY_HAND: End.BY_HAND,
    SLOT_WANTED: End.SLOT_WANTED,
    RESTART: End.RESTART,
    DIED: End.DIED,
}
_BEGINNING = {REFUSED: End.REFUSED, NO_SOURCE: End.NO_SOURCE, DEFECT: End.DEFECT}


def end_of(reason: str) -> End:
    """The kind of end a reason tells of."""
    for beginning, end in _BEGINNING.items():
        if reason.startswith(beginning):
            return end
    return _EXACTLY.get(reason, End.OTHER)


class StartTimedOut(RestreamerError):
    """No picture came in the time a viewer can be made to wait."""

    status = 503
    retry_after_s = 5.0
    slate = "nothing_available"
    tuner_error = "807 No Video Data"
    public = "The channel did not start in time. Try again in a moment."


class RelayEnded(RestreamerError):
    """The relay ended while the viewer waited."""

    status = 503
    retry_after_s = 2.0
    tuner_error = "803 System Busy"
    public = "The channel was stopped. Try again in a moment."
