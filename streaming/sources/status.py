"""What an HTTP status of a provider's media server means, in our vocabulary of faults."""

from __future__ import annotations

from streaming.faults import Fault, UpstreamError

#: 458 (asked too often, or the limit is reached) and 509 are panels' own inventions, like 456 (no subscription).
_BUSY = frozenset({429, 458, 509})
_GONE = frozenset({404, 410})
_LATE = frozenset({408, 504, 522, 524})


def fault_of(status_code: int) -> Fault:
    """The fault a refusing status stands for."""
    if status_code in _BUSY:
        return Fault.SLOT_BUSY
    if status_code in _GONE:
        return Fault.NOT_FOUND
    return Fault.TIMED_OUT if status_code in _LATE else Fault.REFUSED


def refusal(status_code: int, subject: str = "the stream", retry_after: str = "") -> UpstreamError:
    """The error for a refusing status. `subject` is what was asked for, `retry_after` the header of that name."""
    fault = fault_of(status_code)
    said = {
        Fault.SLOT_BUSY: f"The provider answered {status_code} for {subject}: too many connections.",
        Fault.NOT_FOUND: f"The provider answered {status_code} for {subject}: it does not exist.",
        Fault.TIMED_OUT: f"The provider answered {status_code} for {subject}: its own server was too slow.",
        Fault.REFUSED: f"The provider answered {status_code} for {subject}.",
    }
    wait = retry_after.strip()
    seconds = min(float(wait), 3600.0) if wait.isascii() and wait.isdigit() else None
    return UpstreamError(fault, said[fault], status_code=status_code, retry_after_s=seconds)
