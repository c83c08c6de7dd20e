"""All that feeds a relay is a source: open, read, close."""

from __future__ import annotations

import socket
from typing import Protocol

from streaming.sources.framing import Framing


class Source(Protocol):
    """One upstream of MPEG-TS bytes.

    `open` and `read` block and run in a thread of their own; both raise `streaming.faults.UpstreamError`
    and nothing else. A source never retries by itself: that is failover's decision. (HLS: reloading a playlist
    and trying the next variant of the same master is part of reading, not a retry.)
    """

    #: Bytes read while judging the beginning; they belong in front of everything read later.
    head: bytes

    def open(self) -> None:
        """Connect and judge the first bytes: returns when they are MPEG-TS."""

    def direct_socket(self) -> socket.socket | None:
        """The plain TCP socket when the relay's loop may read it itself.

        None when TLS, compression, ffmpeg or HLS demand `read` in a thread. Valid after `open`. The socket stays
        owned by the source: `close` closes it. What is read may have to be decoded, see `framing_of`.
        """

    def read(self) -> bytes:
        """The next piece, whatever size suits the transport; b"" never. Raises UpstreamError(ENDED) at the end."""

    def close(self) -> None:
        """End it from any thread, waking a blocked `read`; returns when the provider's connection is closed.

        Safe to call twice. After it the slot may be given back.
        """


def framing_of(source: Source) -> Framing | None:
    """What decodes the bytes of the direct socket (chunks, a length); None when they are the stream as it is.

    HTTP has it in an attribute of this name; it has seen everything up to the end of `head`.
    """
    framing: Framing | None = getattr(source, "framing", None)
    return framing


def quiet_s(source: Source) -> float:
    """How long the source may rightly have nothing to say; 0 when the relay's own rule is all there is.

    HLS says so in an attribute of this name: its segments come one at a time.
    """
    return float(getattr(source, "quiet_s", 0.0))


def ffmpeg_speed(source: Source) -> float:
    """Media time per wall time of an ffmpeg on the way, which says so in an attribute of this name; else 0."""
    return float(getattr(source, "ffmpeg_speed", 0.0))


def is_remade(source: Source) -> bool:
    """What comes out of it is not what the provider sends: an ffmpeg on the way says so by telling its speed."""
    return hasattr(source, "ffmpeg_speed")
