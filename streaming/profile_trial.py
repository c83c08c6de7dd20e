"""Runs a profile on a test picture of our own and says in a sentence what came of it."""

from __future__ import annotations

import http.server
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from portals.providers.records import PlayUrl
from restreamer import binaries
from restreamer.lib.errors import InvalidInput, RestreamerError
from streaming.faults import UpstreamError
from streaming.ffmpeg.command import Input
from streaming.ffmpeg.features import Features, features
from streaming.ffmpeg.probe import probe
from streaming.ffmpeg.profiles import Profile
from streaming.sources.choose import source_for, through_ffmpeg

#: Of the test picture; long enough to say how fast this machine is.
_SECONDS = 6
_PATIENCE_S = 30.0
_MOST_BYTES = 32 * 1024 * 1024


class TrialFailed(RestreamerError):
    """The profile does not work here; the message says why."""

    permanent = True


def try_profile(profile: Profile) -> str:
    """What it makes of some seconds of television, and how fast.

    Raises TrialFailed, ConfigurationError when there is no ffmpeg.
    """
    able = features(binaries.ffmpeg())
    try:
        profile.check()
    except InvalidInput as err:
        raise TrialFailed(err.message) from err
    with _served(_picture(able)) as url:
        data, took_s = _through(profile, url)
    try:
        facts = probe(Input("pipe:0", form="mpegts"), able, data=data)
    except UpstreamError as err:
        raise TrialFailed(f"What it wrote is no television: {err.message}") from err
    return f"It works: {facts.badge}, {_SECONDS / max(took_s, 0.01):.1f} times as fast as it is watched."


def _through(profile: Profile, url: str) -> tuple[bytes, float]:
    """All that comes out of it, and the seconds that took."""
    play = PlayUrl(url, headers={"User-Agent": "Restreamer"})
    source = through_ffmpeg(play, profile, source_for)
    late = threading.Timer(_PATIENCE_S, source.close)
    late.daemon = True
    late.start()
    began = time.monotonic()
    data = b""
    try:
        source.open()
        data = source.head
        while len(data) < _MOST_BYTES:
            data += source.read()
    except UpstreamError as err:
        if not data:
            raise TrialFailed(f"It does not work: {err.message}") from err
    finally:
        late.cancel()
        source.close()
    return data, time.monotonic() - began


def _picture(able: Features) -> bytes:
    """A moving picture with a tone, as a provider would send it."""
    encoder = "libx264" if "libx264" in able.encoders else "mpeg2video"
    command = [
        able.path, "-nostdin", "-v", "error",
        "-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=25:duration={_SECONDS}",
        "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={_SECONDS}",
        "-c:v", encoder, *(["-preset", "ultrafast"] if encoder == "libx264" else []), "-g", "25", "-b:v", "3M",
        "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mpegts", "pipe:1",
    ]  # fmt: skip
    try:
        made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError) as err:
        raise TrialFailed(f"ffmpeg could not even make the test picture: {type(err).__name__}.") from err
    return made.stdout


@contextmanager
def _served(data: bytes) -> Iterator[str]:
    """An address on this machine that gives the test picture, for as long as the trial lasts."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            try:
                self.wfile.write(data)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/trial.ts"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
