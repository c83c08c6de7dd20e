"""Players that are installed keep showing pictures while the source changes. All faults: `python -m bench.players`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.faults import FAILURES
from tests.clients.programs import missing
from tests.clients.stage import Moments, Play, stage
from tests.fakes.material import PACKET
from tests.mpegts.analyser import analyse

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(180)]

CLIENTS = ("ffmpeg", "mpv", "vlc", "chromium")
#: In what time after the fault players must have shown what share of it: a frozen one shows nothing.
AFTER_S, SHARE = 6.0, 0.6


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """All players there are, on one channel whose source is reset."""
    present = [client for client in CLIENTS if not missing(client)]
    with stage(tmp_path_factory.mktemp("clients")) as here:
        yield here.play(FAILURES["reset"], present, Moments(alone_s=2.0, before_s=4.0, after_s=AFTER_S))


@pytest.mark.parametrize("client", CLIENTS)
def test_it_shows_pictures_all_along(play: Play, client: str) -> None:
    if lack := missing(client):
        pytest.skip(lack)
    showing = play.players[client].showing
    shown_s = showing.shown_between(play.ended_at - AFTER_S, play.ended_at)
    assert shown_s > SHARE * AFTER_S, showing.complaints[-10:]
    if showing.widths:
        assert showing.widths[-1] == 512, "the second source's picture"


def test_the_connection_goes_on_and_every_byte_fits(play: Play) -> None:
    assert not play.recorder.ended
    assert (play.noticed, play.opened) == (["reset"], (1, 1))
    data = bytes(play.recorder.data)
    assert analyse(data[: len(data) // PACKET * PACKET]).problems == []
