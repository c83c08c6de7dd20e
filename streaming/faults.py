"""What can be wrong with an upstream, as one vocabulary for sources, relay, failover and journal."""

from __future__ import annotations

from enum import StrEnum

from restreamer.lib.errors import RestreamerError


class Fault(StrEnum):
    """One thing that went wrong. The value stands in journals; `SENTENCES` says it to a person."""

    REFUSED = "refused"
    NOT_FOUND = "not_found"
    SLOT_BUSY = "slot_busy"
    TIMED_OUT = "timed_out"
    ENDED = "ended"
    RESET = "reset"
    SILENT = "silent"
    STARVED = "starved"
    NOT_TS = "not_ts"
    NO_VIDEO = "no_video"
    OTHER_CODEC = "other_codec"
    LOST_VIDEO = "lost_video"
    LOST_AUDIO = "lost_audio"
    SCRAMBLED = "scrambled"
    FROZEN = "frozen"
    CONTINUITY = "continuity"
    PORTAL = "portal"
    LEASE_LOST = "lease_lost"
    #: No fault of the upstream: it is left because somebody wants another.
    ASKED = "asked"


SENTENCES: dict[Fault, str] = {
    Fault.REFUSED: "the provider refused the stream",
    Fault.NOT_FOUND: "the provider says the stream does not exist",
    Fault.SLOT_BUSY: "the provider still counts the previous connection",
    Fault.TIMED_OUT: "the provider did not answer in time",
    Fault.ENDED: "the provider ended the stream",
    Fault.RESET: "the connection to the provider broke",
    Fault.SILENT: "the provider kept the connection open but sent nothing",
    Fault.STARVED: "the provider sends far less than the picture needs",
    Fault.NOT_TS: "the provider sent something that is no television stream",
    Fault.NO_VIDEO: "the stream carries no picture",
    Fault.OTHER_CODEC: "the stream is coded in a way the running players could not follow",
    Fault.LOST_VIDEO: "the picture stopped while the rest went on",
    Fault.LOST_AUDIO: "the sound stopped while the picture went on",
    Fault.SCRAMBLED: "the stream is encrypted",
    Fault.FROZEN: "the stream's clock stands still",
    Fault.CONTINUITY: "the stream loses too many packets",
    Fault.PORTAL: "the portal gave no address for the stream",
    Fault.LEASE_LOST: "the right to use the subscription ran out",
    Fault.ASKED: "a person asked for another source",
}


class UpstreamError(RestreamerError):
    """An upstream failed; `fault` says how, `status_code` what HTTP said, if anything."""

    status = 503
    slate = "nothing_available"
    public = "The source of this channel does not work right now."

    def __init__(
        self,
        fault: Fault,
        message: str = "",
        *,
        status_code: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message or SENTENCES[fault].capitalize() + ".", retry_after_s=retry_after_s)
        self.fault = fault
        self.status_code = status_code
