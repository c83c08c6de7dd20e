"""Why a viewer who waited gets no picture from this relay."""

from __future__ import annotations

from restreamer.lib.errors import RestreamerError


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
