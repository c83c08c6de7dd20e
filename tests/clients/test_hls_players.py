"""HLS in a browser and in ffmpeg goes on while the source changes, without a word of complaint.

Two minutes of it: `python -m bench.hls_run --minutes 2 --browser`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streaming.hls.cutter import TARGET_S
from tests.clients.faults import FAILURES
from tests.clients.programs import missing
from tests.clients.stage import Moments, Play, stage

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(180)]

CLIENTS = ("hls.js", "ffmpeg-hls")
#: hls.js plays as far behind as the list reaches: what happened is on its screen some seconds later.
AFTER_S, SHARE = 20.0, 0.8
#: ffmpeg decodes each segment at once: of one at either end of the time looked at nothing may be seen within it.
AT_ONCE_S = {"hls.js": 0.0, "ffmpeg-hls": TARGET_S}


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Both on one channel whose source is reset."""
    present = [client for client in CLIENTS if not missing(client)]
    with stage(tmp_path_factory.mktemp("clients")) as here:
        yield here.play(FAILURES["reset"], present, Moments(alone_s=6.0, before_s=4.0, after_s=AFTER_S))


@pytest.mark.parametrize("client", CLIENTS)
def test_it_shows_pictures_all_along(play: Play, client: str) -> None:
    if lack := missing(client):
        pytest.skip(lack)
    showing = play.players[client].showing
    shown_s = showing.shown_between(play.ended_at - AFTER_S, play.ended_at)
    assert shown_s > SHARE * (AFTER_S - AT_ONCE_S[client]), showing.complaints[-10:]
    if showing.widths:
        assert showing.widths == [640, 512], "the first source's picture, then the second's"


def test_the_browser_complains_of_nothing(play: Play) -> None:
    if lack := missing("hls.js"):
        pytest.skip(lack)
    assert play.players["hls.js"].showing.complaints == []


def test_everybody_shares_the_one_connection(play: Play) -> None:
    assert (play.noticed, play.opened) == (["reset"], (1, 1))
