"""A stream that ffmpeg makes: remuxed, transcoded, or by the owner's own command."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import certifi

from portals.providers.records import PlayUrl
from restreamer.lib.errors import RestreamerError
from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.command import Input, build
from streaming.ffmpeg.features import features
from streaming.ffmpeg.process import ChildProcess, Pipes
from streaming.ffmpeg.profiles import Profile
from streaming.ffmpeg.progress import Progress
from streaming.hls.forms import ENOUGH_BYTES, Form, form_of
from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.packets import Aligner
from streaming.sources.base import Source, quiet_s
from streaming.sources.fencing import judged

_NETWORK_SCHEMES = frozenset(
    {"http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "rtmpt", "rtp", "udp", "srt", "mms", "mmsh", "mmst"}
)

#: Without a keyframe in so much, ffmpeg must see for itself.
_GATE_BYTES = 16 * 1024 * 1024


class Gate:
    """Holds a stream back until its first keyframe: all ffmpeg must learn stands there, so it need not search long."""

    def __init__(self) -> None:
        self._aligner = Aligner()
        self._scanner = EntryScanner()
        self._held = b""
        self._open = False

    def pass_on(self, data: bytes) -> bytes:
        """What ffmpeg may have of the stream up to here: whole packets."""
        packets = self._aligner.feed(data)
        if self._open:
            return packets
        entries = self._scanner.scan(packets, len(self._held)).entries
        self._held += packets
        if not entries and len(self._held) < _GATE_BYTES:
            return b""
        self._open = True
        before = entries[0].tables if entries else b""
        held, self._held = self._held[entries[0].position if entries else 0 :], b""
        return before + held


class FfmpegSource:
    """ffmpeg's output as a source.

    With `feed`, another source reads the provider and ffmpeg its pipe: one connection, our own headers, cookies,
    redirects, proxies and faults. Without it ffmpeg opens the address itself, as custom commands and addresses other
    than HTTP need it.
    """

    def __init__(
        self,
        profile: Profile,
        play: PlayUrl,
        *,
        binary: str | Path,
        feed: Source | None = None,
        start_timeout_s: float = 20.0,
        answer_timeout_s: float = 10.0,
        silence_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.head = b""
        self._profile = profile
        self._play = play
        self._binary = binary
        self._feed = feed
        self._start_timeout_s = start_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._silence_s = silence_s
        self._clock = clock
        self._child: ChildProcess | None = None
        self._pump: threading.Thread | None = None
        self._feed_error: UpstreamError | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    @property
    def quiet_s(self) -> float:
        """How long it may rightly have nothing to say: as long as what feeds it."""
        return quiet_s(self._feed) if self._feed is not None else 0.0

    @property
    def progress(self) -> Progress:
        """How fast it is and how far it came."""
        return self._child.progress if self._child is not None else Progress()

    @property
    def ffmpeg_speed(self) -> float:
        """Media time per wall time; 0 until it has said so."""
        return self.progress.speed

    @property
    def last_lines(self) -> list[str]:
        """What ffmpeg said last, redacted."""
        return self._child.last_lines if self._child is not None else []

    def open(self) -> None:
        """Start ffmpeg; returns when it writes MPEG-TS."""
        deadline = self._clock() + self._start_timeout_s
        try:
            if self._feed is not None:
                self._feed.open()
            self._start()
            self._judge(deadline)
        except UpstreamError:
            self.close()
            raise

    def direct_socket(self) -> socket.socket | None:
        """None: what leaves ffmpeg comes through a pipe."""
        return None

    def read(self) -> bytes:
        """What ffmpeg wrote next."""
        return self._read(self._silence_s, Fault.SILENT, "ffmpeg writes nothing any more.")

    def close(self) -> None:
        """End what feeds, then ffmpeg; both are gone when it returns."""
        with self._lock:
            self._closed.set()
            child = self._child
        if self._feed is not None:
            self._feed.close()
        if child is not None:
            child.stop()
        if self._pump is not None:
            self._pump.join(5)

    def _start(self) -> None:
        with self._lock:
            if self._closed.is_set():
                raise UpstreamError(Fault.ENDED, "The stream was closed.")
            try:
                self._child = ChildProcess(self._command, inputs=int(self._feed is not None), progress=True)
            except UpstreamError:
                raise
            except RestreamerError as err:
                raise UpstreamError(Fault.ENDED, err.message) from err
        if self._feed is not None:
            self._pump = threading.Thread(target=self._fill, args=(self._feed, self._child), name="ffmpeg-pump")
            self._pump.daemon = True
            self._pump.start()

    def _command(self, pipes: Pipes) -> list[str]:
        return build(self._profile, self._input(pipes), features(self._binary), progress=pipes.progress)

    def _input(self, pipes: Pipes) -> Input:
        if pipes.inputs:
            return Input(pipes.inputs[0], form=Form.TS.value, timeout_s=self._answer_timeout_s)
        return input_of(self._play, self._answer_timeout_s)

    def _fill(self, feed: Source, child: ChildProcess) -> None:
        """The pump: from the source into ffmpeg, until either ends."""
        gate = Gate()
        try:
            data = gate.pass_on(feed.head)
            while child.write(data):
                data = gate.pass_on(feed.read())
        except UpstreamError as err:
            self._feed_error = err
        child.end_input()

    def _judge(self, deadline: float) -> None:
        try:
            while len(self.head) < ENOUGH_BYTES:
                left_s = deadline - self._clock()
                self.head += self._read(left_s, Fault.TIMED_OUT, "ffmpeg wrote nothing in time.")
        except UpstreamError as err:
            if err.fault is not Fault.ENDED or not self.head:
                raise
        if form_of(self.head) is not Form.TS:
            raise UpstreamError(Fault.NOT_TS, "The command does not write MPEG-TS to its standard output.")

    def _read(self, timeout_s: float, late: Fault, sentence: str) -> bytes:
        child = self._child
        if child is None or self._closed.is_set():
            raise UpstreamError(Fault.ENDED, "The stream was closed.")
        try:
            data = child.read(timeout_s)
        except TimeoutError as err:
            raise UpstreamError(late, sentence) from err
        if data:
            return data
        reason = child.reason()
        feed_error = self._feed_error
        if feed_error is None or self._closed.is_set() or (feed_error.fault is Fault.ENDED and child.failed):
            raise reason
        raise feed_error


def input_of(play: PlayUrl, timeout_s: float = 10.0) -> Input:
    """A play address as an input ffmpeg opens itself.

    Raises UpstreamError for schemes that reach into this machine (files, pipes, lists of them): addresses come from a
    provider.
    """
    scheme = play.url.partition(":")[0].lower()
    if scheme not in _NETWORK_SCHEMES:
        raise UpstreamError(Fault.REFUSED, f"The stream's address begins with {scheme[:20]!r}, which is not played.")
    return Input(
        url=judged(play),
        form="hls" if play.form == "hls" else "",
        headers=play.headers,
        cookies=play.cookies,
        proxy_url=play.proxy_url,
        verify_tls=play.verify_tls,
        ca_file=certifi.where(),
        timeout_s=timeout_s,
    )
