"""Players seek in a movie and play it to its end; a strict provider sees one connection at a time."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from portals.models import PortalKind
from tests.clients.programs import HERE, Program, missing
from tests.factories import PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes.file_origin import File, FileOrigin, content
from tests.house import free_port
from tests.streaming.children import RelayChild, WebChild
from vod.models import Movie, MovieOffer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.clients,
    pytest.mark.slow,
    pytest.mark.ffmpeg,
    pytest.mark.timeout(240),
]

LENGTH_S = 30
#: Too long to be had in the seconds curl is given.
BIG = content(30_000_000)


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One movie, its index at the end (mp4) and in front of the end (mkv)."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    folder = tmp_path_factory.mktemp("movie")
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=480x270:rate=25:duration={LENGTH_S}"]
    sound = ["-f", "lavfi", "-i", f"sine=duration={LENGTH_S}"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "2500k", "-minrate", "2500k", "-bufsize", "1M"]
    coded += ["-maxrate", "2500k", "-x264-params", "nal-hrd=cbr", "-g", "50", "-c:a", "aac"]
    mp4, mkv = folder / "one.mp4", folder / "one.mkv"
    ffmpeg = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    subprocess.run([*ffmpeg, *picture, *sound, *coded, mp4], check=True, timeout=100)
    subprocess.run([*ffmpeg, "-i", mp4, "-c", "copy", mkv], check=True, timeout=60)
    return {one.suffix[1:]: one.read_bytes() for one in (mp4, mkv)}


@pytest.fixture
def origin(movies: dict[str, bytes]) -> Iterator[FileOrigin]:
    server = FileOrigin()
    for name, data in movies.items():
        server.files[name] = File(data, etag=f'"{name}"', content_type="application/octet-stream")
    server.files["avi"] = File(BIG)
    server.limits["mac"] = 1
    yield server
    server.close()
    assert server.violations == []
    assert server.peak["mac"] == 1


@pytest.fixture
def addresses(tmp_path: Path, settings, origin: FileOrigin, redis: Redis) -> Iterator[dict[str, str]]:
    settings.RELAY_SOCKET = tmp_path / "run" / "relay.sock"
    relay, web = RelayChild(tmp_path), WebChild(tmp_path, DJANGO_SETTINGS_MODULE="tests.clients.page_settings")
    relay.start()
    web.start()
    portal = PortalFactory(kind=PortalKind.M3U, address="http://127.0.0.1:9/list.m3u")
    SubscriptionFactory(portal=portal, mac="", streams=1)
    viewer = ViewerFactory(connections=1)
    found = {}
    for name in origin.files:
        movie = Movie.objects.create(name=name, enabled=True)
        cmd = origin.url(name, "mac")
        MovieOffer.objects.create(portal=portal, movie=movie, provider_id=name, name=name, cmd=cmd, container=name)
        found[name] = f"http://127.0.0.1:{web.port}/vod/movie/{movie.pk}.{name}?token={viewer.token}"
    yield found
    web.stop()
    relay.stop()


def frames_from(address: str, at_s: float) -> str:
    """What ffmpeg decodes there: a checksum of the pictures."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-ss", str(at_s), "-i", address, "-frames:v", "5", "-map", "0:v"]
    return subprocess.run([*command, "-f", "md5", "-"], check=True, capture_output=True, text=True, timeout=60).stdout


class Remote(Program):
    """VLC by its control port."""

    def __init__(self, address: str) -> None:
        self.port = free_port()
        control = ["--intf", "rc", "--rc-host", f"127.0.0.1:{self.port}"]
        quiet = ["--no-video-title-show", "--vout", "dummy", "--aout", "dummy", "--no-dbus"]
        super().__init__("vlc", ["cvlc", *control, *quiet, address], as_nobody=True)


def vlc_time_after(remote: Remote, command: str, reached: int, timeout_s: float = 25.0) -> int:
    """Tell VLC something; where it is once it has reached that second and moved on."""
    until = time.monotonic() + timeout_s
    told, at = False, -1
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", remote.port), 2) as control:
                control.settimeout(2)
                if command and not told:
                    control.sendall(f"{command}\n".encode())
                    told = True
                control.sendall(b"get_time\n")
                time.sleep(0.3)
                answer = control.recv(65536).decode(errors="replace")
        except OSError:
            time.sleep(0.2)
            continue
        times = re.findall(r"^(?:> )*(\d+)\s*$", answer, re.MULTILINE)
        at = int(times[-1]) if times else at
        if reached < at <= reached + 8:
            return at
    raise AssertionError(f"VLC never came past {reached} s, it is at {at}; {remote.showing.complaints[-5:]}")


def test_programs_seek_and_resume_to_the_byte(
    addresses: dict[str, str], movies: dict[str, bytes], tmp_path: Path
) -> None:
    for form in movies:
        address, file = addresses[form], tmp_path / f"local.{form}"
        file.write_bytes(movies[form])
        assert abs(ffprobe_length_s(address) - LENGTH_S) < 1
        for at_s in (24, 5, 15):
            assert frames_from(address, at_s) == frames_from(str(file), at_s)
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    file, address = tmp_path / "download.avi", addresses["avi"]
    # Broken off by its own time limit, twice.
    for _ in range(2):
        cut = ["curl", "-sS", "-C", "-", "-o", file, "--limit-rate", "4M", "--max-time", "1", address]
        assert subprocess.run(cut, check=False, capture_output=True, timeout=30).returncode == 28
    assert 0 < file.stat().st_size < len(BIG)
    subprocess.run(["curl", "-sS", "-f", "-C", "-", "-o", file, address], check=True, timeout=60)
    assert file.read_bytes() == BIG


def test_players_seek_and_play_to_the_end(addresses: dict[str, str]) -> None:
    if lack := missing("mpv"):
        pytest.skip(lack)
    for options in ([], ["--start=20"]):
        assert mpv_reaches(addresses["mp4"], *options) > LENGTH_S - 1
    if lack := missing("vlc"):
        pytest.skip(lack)
    with Remote(addresses["mkv"]) as remote:
        vlc_time_after(remote, "", 0)
        for at_s in (24, 5, 15):
            assert vlc_time_after(remote, f"seek {at_s}", at_s) > at_s


def test_a_browser_plays_a_movie_on_its_page_and_jumps(addresses: dict[str, str]) -> None:
    if lack := missing("chromium"):
        pytest.skip(lack)
    for form in ("mp4", "mkv"):
        page = re.sub(r"/vod/movie/(\d+)\.\w+", r"/library/play/\1/", addresses[form])
        command = ["node", str(HERE / "watch_page.mjs"), page, shutil.which("chromium") or "", "20"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True)
        assert json.loads(done.stdout) == {"began": True, "jumped": True, "said": "", "complaints": []}, form


def mpv_reaches(address: str, *options: str) -> float:
    """Where mpv says the file ends."""
    quiet = ["mpv", "--no-config", "--vo=null", "--ao=null", "--ao-null-untimed=yes", "--untimed", "--no-terminal"]
    report = ["--terminal=yes", "--term-status-msg=AT ${=time-pos}"]
    command = [*quiet, *report, *options, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-500:]
    assert "End of file" in said
    return max(float(one) for one in re.findall(r"AT ([0-9.]+)", said))


def ffprobe_length_s(address: str) -> float:
    """How long ffprobe takes the movie for."""
    command = ["ffprobe", "-v", "error", "-show_format", "-of", "json", address]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    return float(told["format"]["duration"])
