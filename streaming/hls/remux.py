"""Segments that are no transport stream, made one: ffmpeg fed by us, so that the provider still sees one connection."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator

from restreamer.lib.errors import RestreamerError
from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.command import Input, remux_of
from streaming.ffmpeg.features import Features
from streaming.ffmpeg.process import ChildProcess, Pipes
from streaming.hls.forms import Form, form_of, id3_length, id3_timestamp_s
from streaming.hls.segments import Piece

#: ffmpeg is fed and writes nothing for so long: it will not.
_SILENCE_S = 30.0
_GLANCE_S = 0.5


class Remuxer:
    """Pumps pieces into ffmpeg in a thread of its own and hands out what it writes.

    Each stretch of unbroken time gets an ffmpeg of its own: after a discontinuity or another initialisation segment
    the one before could only stumble on.
    """

    def __init__(self, pieces: Iterator[Piece], tracks: int, able: Features) -> None:
        self._pieces = pieces
        self._tracks = tracks
        self._able = able
        self._stretches: list[_Stretch] = []
        self._ready: queue.SimpleQueue[_Stretch | UpstreamError] = queue.SimpleQueue()
        self._reading: _Stretch | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._pump, name="hls-remux", daemon=True)

    def start(self) -> None:
        """Begin to pump."""
        self._thread.start()

    def read(self) -> bytes:
        """The next piece of the transport stream. Raises UpstreamError."""
        quiet_since = time.monotonic()
        while not self._closed.is_set():
            if self._reading is None:
                self._reading = self._next_stretch()
            else:
                data = self._read_stretch(self._reading)
                if data:
                    return data
            if time.monotonic() - quiet_since > _SILENCE_S and self._reading is not None:
                raise UpstreamError(Fault.SILENT, "ffmpeg makes nothing of what the provider sends.")
        raise UpstreamError(Fault.ENDED, "The stream was closed.")

    def close(self) -> None:
        """End all ffmpeg. What feeds us must be closed first, so that the pump has ended or ends by itself."""
        with self._lock:
            self._closed.set()
            stretches = list(self._stretches)
        for stretch in stretches:
            stretch.stop()
        self._thread.join(5)

    # Reading --------------------------------------------------------------------------------------------------

    def _next_stretch(self) -> _Stretch | None:
        with contextlib.suppress(queue.Empty):
            found = self._ready.get(timeout=_GLANCE_S)
            if isinstance(found, UpstreamError):
                self._ready.put(found)  # whoever reads again hears it again
                raise found
            return found
        return None

    def _read_stretch(self, stretch: _Stretch) -> bytes:
        assert stretch.child is not None
        try:
            data = stretch.child.read(_GLANCE_S)
        except TimeoutError:
            return b""
        if not data:
            self._reading = None
            if not stretch.complete:
                raise stretch.child.reason()
            self._forget(stretch)
        return data

    def _forget(self, stretch: _Stretch) -> None:
        stretch.stop()
        with self._lock:
            if stretch in self._stretches:
                self._stretches.remove(stretch)

    # Pumping --------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        try:
            self._pump_pieces()
        except UpstreamError as err:
            failure = err
        except RestreamerError as err:  # a command that cannot be built
            failure = UpstreamError(Fault.ENDED, err.message)
        else:
            failure = UpstreamError(Fault.ENDED)
        with self._lock:
            stretches = list(self._stretches)
        for stretch in stretches:
            stretch.end()
        self._ready.put(failure)

    def _pump_pieces(self) -> None:
        places = [_Place() for _ in range(self._tracks)]
        for piece in self._pieces:
            place = places[piece.track]
            if piece.first:
                place.enter(piece)
            stretch = self._stretch(place.stretch)
            if stretch is not None and not stretch.feed(piece, self._able):
                continue
            if stretch is not None and not stretch.announced and stretch.child is not None:
                stretch.announced = True
                self._ready.put(stretch)
            self._end_before(min(place.stretch for place in places))

    def _stretch(self, number: int) -> _Stretch | None:
        """The stretch of this number, made when it is the next; None for one that is over."""
        with self._lock:
            if self._closed.is_set():
                raise UpstreamError(Fault.ENDED, "The stream was closed.")
            found = next((stretch for stretch in self._stretches if stretch.number == number), None)
            newest = self._stretches[-1].number if self._stretches else -1
            if found is None and number > newest:
                found = _Stretch(number, self._tracks)
                self._stretches.append(found)
            return found

    def _end_before(self, number: int) -> None:
        with self._lock:
            over = [stretch for stretch in self._stretches if stretch.number < number]
        for stretch in over:
            stretch.end()


class _Place:
    """Where one track is: in which stretch."""

    def __init__(self) -> None:
        self.stretch = -1
        self._initialisation = b""

    def enter(self, piece: Piece) -> None:
        """A segment begins; is it the beginning of another stretch?"""
        broken = piece.segment.discontinuity or piece.initialisation != self._initialisation
        if self.stretch < 0 or broken:
            self.stretch += 1
        self._initialisation = piece.initialisation


class _Stretch:
    """One ffmpeg and what it is fed; it starts when the beginning of every track is known."""

    def __init__(self, number: int, tracks: int) -> None:
        self.number = number
        self.child: ChildProcess | None = None
        #: Everything it was to get it has got: its end is no fault.
        self.complete = False
        self.announced = False
        self._early: list[list[bytes]] = [[] for _ in range(tracks)]
        self._inputs: list[Input | None] = [None] * tracks
        self._lock = threading.Lock()

    def feed(self, piece: Piece, able: Features) -> bool:
        """Give it a piece. False when ffmpeg takes no more."""
        data = piece.data
        if piece.first and form_of(data).is_bare_audio:
            data = data[id3_length(data) :] if self._inputs[piece.track] is not None else data
        if self._inputs[piece.track] is None:
            data = self._begin(piece)
        if self.child is not None:
            return self.child.write(data, piece.track)
        self._early[piece.track].append(data)
        if all(self._inputs):
            return self._start(able)
        return True

    def _begin(self, piece: Piece) -> bytes:
        """Note what the track is; returns what to feed first."""
        form = form_of(piece.data)
        offset_s = 0.0
        data = piece.initialisation + piece.data
        if form.is_bare_audio:
            offset_s = (id3_timestamp_s(piece.data) or 0.0) if len(self._inputs) > 1 else 0.0
            data = piece.data[id3_length(piece.data) :]
        if piece.initialisation:
            form = Form.FMP4
        self._inputs[piece.track] = Input("", form=form.value, offset_s=offset_s)
        return data

    def _start(self, able: Features) -> bool:
        def command(pipes: Pipes) -> list[str]:
            named = zip(self._inputs, pipes.inputs, strict=True)
            return remux_of([Input(url, known.form, offset_s=known.offset_s) for known, url in named if known], able)

        with self._lock:
            if self.complete:
                return False
            self.child = ChildProcess(command, inputs=len(self._inputs))
        taken = [self.child.write(b"".join(early), n) for n, early in enumerate(self._early)]
        self._early.clear()
        return all(taken)

    def end(self) -> None:
        """Nothing more will come."""
        with self._lock:
            self.complete = True
            child = self.child
        if child is not None:
            for n in range(len(self._inputs)):
                child.end_input(n)

    def stop(self) -> None:
        """End its ffmpeg."""
        with self._lock:
            self.complete = True
            child = self.child
        if child is not None:
            child.stop()
