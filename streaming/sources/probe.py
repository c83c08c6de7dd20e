"""Look at a stream for some seconds over the one connection it may use, and say what it consists of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from portals.providers.records import PlayUrl
from restreamer import binaries
from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg import probe as examining
from streaming.ffmpeg.command import Input
from streaming.ffmpeg.features import features
from streaming.ffmpeg.probe import MediaFacts
from streaming.hls.forms import Form
from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.packets import Aligner
from streaming.sources.choose import source_for
from streaming.sources.ffmpeg import input_of

#: Enough for a keyframe, every sound and a fair bit rate.
_LOOK_S = 4.0
_LOOK_BYTES = 8 * 1024 * 1024


def probe(play: PlayUrl, *, binary: Callable[[], str | Path] = binaries.ffmpeg, timeout_s: float = 20.0) -> MediaFacts:
    """The facts of the stream at an address. The connection is closed when it returns.

    Raises UpstreamError when it does not play, ConfigurationError when there is no ffmpeg.
    """
    able = features(binary())
    if not play.url.lower().startswith(("http://", "https://")):
        return examining.probe(input_of(play), able, timeout_s=timeout_s)
    data = _beginning(play, timeout_s)
    facts = examining.probe(Input("pipe:0", form=Form.TS.value), able, timeout_s=timeout_s, data=data)
    return replace(facts, bitrate_bps=facts.bitrate_bps or _bitrate_bps(data))


def _beginning(play: PlayUrl, timeout_s: float) -> bytes:
    """Some seconds of the stream."""
    source = source_for(play)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        source.close()

    timer = threading.Timer(timeout_s, give_up)
    timer.daemon = True
    timer.start()
    data = b""
    try:
        source.open()
        data, until = source.head, time.monotonic() + _LOOK_S
        while len(data) < _LOOK_BYTES and time.monotonic() < until:
            data += source.read()
    except UpstreamError as err:
        if not data:
            raise UpstreamError(Fault.TIMED_OUT) if late.is_set() else err from err
    finally:
        timer.cancel()
        source.close()
    return data


def _bitrate_bps(data: bytes) -> int:
    scanner = EntryScanner()
    scanner.scan(Aligner().feed(data), 0)
    return int(scanner.statistics.bitrate_bps)
