"""One player, one file, one upstream: ranges, seeks, breaks, expired links, other offers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator

import pytest

from portals.errors import NoFreeSlot
from streaming.passthrough.seams import Seat
from streaming.relay import endings
from streaming.relay.seams import Command, Ticket
from tests.fakes import material
from tests.fakes.file_origin import Act, File, FileOrigin, content
from tests.fakes.upstream import self_signed
from tests.streaming.passthrough.rig import PassageHouse, Player, wait_for

MOVIE = content(3_000_000)
Houses = Callable[..., PassageHouse]


@pytest.fixture
def files(nothing_left: None) -> Iterator[FileOrigin]:
    server = FileOrigin()
    server.files["one"] = File(MOVIE)
    server.limits["mac"] = 1
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def house_of(files: FileOrigin) -> Iterator[Houses]:
    houses: list[PassageHouse] = []

    def make(*names: str, **more: float) -> PassageHouse:
        houses.append(PassageHouse(files, *(names or ("one",)), **more))
        return houses[-1]

    yield make
    for house in houses:
        house.passages.stop_all("the test is over")
        assert wait_for(house.at_rest)


@pytest.fixture
def house(house_of: Houses) -> PassageHouse:
    return house_of()


def test_the_whole_file_comes_with_its_length_and_a_tag(house: PassageHouse) -> None:
    player = Player(house).head()
    assert player.status == 200
    assert player.headers["Content-Length"] == str(len(MOVIE))
    assert player.headers["Accept-Ranges"] == "bytes"
    assert player.headers["Content-Type"] == "video/x-matroska"
    assert player.headers["ETag"].startswith('"')
    assert player.all() == MOVIE


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-", 0, 2_999_999),
        ("bytes=1000-1999", 1000, 1999),
        ("bytes=-5", 2_999_995, 2_999_999),
        ("bytes=2999999-", 2_999_999, 2_999_999),
        ("bytes=2999990-9999999", 2_999_990, 2_999_999),
    ],
)
def test_a_range_comes_as_asked(house: PassageHouse, asked: str, first: int, last: int) -> None:
    player = Player(house, asked).head()
    assert player.status == 206
    assert player.headers["Content-Range"] == f"bytes {first}-{last}/3000000"
    assert player.headers["Content-Length"] == str(last - first + 1)
    assert player.all() == MOVIE[first : last + 1]


def test_a_range_behind_the_end_is_told_the_length(house: PassageHouse, files: FileOrigin) -> None:
    for _ in range(2):
        player = Player(house, "bytes=3000000-").head()
        assert player.status == 416
        assert player.headers["Content-Range"] == "bytes */3000000"
        player.close()


def test_what_is_known_of_the_file_is_not_asked_again(house_of: Houses, files: FileOrigin) -> None:
    house = house_of(linger_s=2.0)
    Player(house, "bytes=0-9").head().all()
    assert Player(house, "bytes=3000000-").head().status == 416
    assert len(files.asked) == 1


def test_a_resumed_download_is_whole(house: PassageHouse) -> None:
    begun = Player(house).head()
    tag, half = begun.headers["ETag"], begun.read(1_000_000)
    begun.close()
    rest = Player(house, f"bytes={len(half)}-", if_range=tag).head()
    assert rest.status == 206
    assert half + rest.all() == MOVIE


def test_a_download_of_another_file_begins_anew(house: PassageHouse) -> None:
    player = Player(house, "bytes=1000000-", if_range='"of another file"').head()
    assert player.status == 200
    assert player.all() == MOVIE


def test_a_seek_closes_the_upstream_before_the_next_is_opened(house: PassageHouse, files: FileOrigin) -> None:
    files.rate = 2_000_000
    first = Player(house, "bytes=0-").head()
    first.read(10_000)
    for at in (2_000_000, 500_000, 1_500_000):
        seek = Player(house, f"bytes={at}-{at + 99_999}").head()
        assert seek.all() == MOVIE[at : at + 100_000]
    assert files.peak["mac"] == 1
    assert len(house.seats.links) == 1
    first.close()


def test_the_older_connection_goes_on_when_the_newer_is_done(house: PassageHouse, files: FileOrigin) -> None:
    first = Player(house, "bytes=0-").head()
    assert Player(house, "bytes=-1000").head().all() == MOVIE[-1000:]
    assert first.all() == MOVIE
    assert files.peak["mac"] == 1


def test_a_player_that_reads_its_older_connection_is_not_kept_waiting(house: PassageHouse, files: FileOrigin) -> None:
    first = Player(house, "bytes=0-").head()
    second = Player(house, "bytes=100-").head()
    assert first.all() == MOVIE
    assert second.all() == MOVIE[100:]
    assert files.peak["mac"] == 1


def test_several_connections_of_a_player_are_one_session(house: PassageHouse) -> None:
    first = Player(house).head()
    second = Player(house, "bytes=5-").head()
    relays, sessions = house.passages.facts()
    assert (len(relays), len(sessions)) == (1, 1)
    first.close()
    second.close()
    assert wait_for(house.at_rest)
    assert [reason for _, reason in house.over] == [endings.JOINED, endings.LEFT]


def test_a_seek_within_the_moment_finds_the_same_slot(house_of: Houses, files: FileOrigin) -> None:
    house = house_of(linger_s=2.0)
    Player(house, "bytes=0-9").head().all()
    (seat,) = house.seats.held
    Player(house, "bytes=50-59").head().all()
    assert house.seats.held == [seat]


# --- breaks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "act",
    [
        Act(cut_after=1_000_000),
        Act(silent_after=900_000),
        Act(at_most=700_000),
        Act(cut_after=900_000, etag='"of another mirror"'),
    ],
)
def test_the_player_does_not_notice_a_break(house: PassageHouse, files: FileOrigin, act: Act) -> None:
    files.script("one", act)
    player = Player(house).head()
    assert player.headers["Content-Length"] == str(len(MOVIE))
    assert player.all() == MOVIE
    assert files.peak["mac"] == 1


def test_a_link_that_ran_out_is_renewed_at_the_byte_it_stopped(house: PassageHouse, files: FileOrigin) -> None:
    files.links_good_once = True
    files.script("one", Act(cut_after=1_000_000), Act(cut_after=1_000_000))
    assert Player(house).head().all() == MOVIE
    assert len(house.seats.links) == 3


def test_another_offer_goes_on_where_it_is_the_same_file(house_of: Houses, files: FileOrigin) -> None:
    house = house_of("one", "two")
    files.files["two"] = File(MOVIE)
    files.script("one", Act(cut_after=1_000_000))
    files.always("one", Act(status=500))
    player = Player(house).head()
    files.script("one", Act(status=500))
    assert player.all() == MOVIE
    assert files.asked[-1].name == "two"


@pytest.mark.parametrize("other", [File(MOVIE + b"x"), File(MOVIE, etag='"other"')])
def test_another_file_is_never_put_behind_the_first(
    house_of: Houses, files: FileOrigin, other: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streaming.passthrough.passage._PAUSES_S", (0.0, 0.0, 0.0))
    house = house_of("one", "two")
    files.files["two"] = other
    files.script("one", Act(cut_after=1_000_000))
    files.always("one", Act(status=500))
    body = Player(house).head().all()
    assert len(body) == 1_000_000
    assert body == MOVIE[:1_000_000]


def test_a_piece_from_another_place_is_refused(house: PassageHouse, files: FileOrigin) -> None:
    files.always("one", Act(shifted=3))
    player = Player(house, "bytes=1000-").head()
    assert player.status == 503


@pytest.mark.parametrize("act", [Act(no_ranges=True), Act(chunked=True), Act(no_length=True)])
def test_a_provider_without_ranges_gives_the_whole(house: PassageHouse, files: FileOrigin, act: Act) -> None:
    files.always("one", act)
    player = Player(house, "bytes=1000-").head()
    assert player.status == 200
    assert player.headers.get("Accept-Ranges") != "bytes"
    assert ("Content-Length" in player.headers) == act.no_ranges
    assert player.all() == MOVIE


def test_without_ranges_a_break_is_bridged_by_reading_again(house: PassageHouse, files: FileOrigin) -> None:
    files.script("one", Act(no_ranges=True, cut_after=1_000_000))
    files.always("one", Act(no_ranges=True))
    assert Player(house).head().all() == MOVIE


def test_a_page_instead_of_a_movie_is_refused_in_words(house: PassageHouse, files: FileOrigin) -> None:
    files.always("one", Act(body=b"<html>expired</html>", content_type="text/html"))
    player = Player(house).head()
    assert player.status == 503
    assert player.headers["Content-Type"].startswith("text/plain")
    assert b"html" not in player.all()


def test_the_journal_tells_what_happened_and_nothing_else(house_of: Houses, files: FileOrigin) -> None:
    house = house_of("gone", "one")
    files.script("one", Act(cut_after=1_000_000))
    Player(house).head().all()
    assert wait_for(house.at_rest)
    told = [(str(note.kind), note.fault) for note in house.notes]
    assert told == [("fault", "not_found"), ("plays", ""), ("fault", "reset"), ("closed", "")]
    assert house.notes[-1].text == endings.PLAYED


def test_the_next_offer_is_tried_when_one_does_not_open(house_of: Houses, files: FileOrigin) -> None:
    house = house_of("gone", "one")
    assert Player(house).head().all() == MOVIE


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("act", [Act(), Act(cut_after=1_000_000)])
def test_a_movie_comes_through_tls(nothing_left: None, act: Act) -> None:
    server = FileOrigin(tls=self_signed())
    server.files["one"], server.limits["mac"] = File(MOVIE), 1
    house = PassageHouse(server, "one")
    server.script("one", act)
    assert Player(house).head().all() == MOVIE
    assert Player(house, "bytes=-1000").head().all() == MOVIE[-1000:]
    house.passages.stop_all("the test is over")
    assert wait_for(house.at_rest)
    server.close()
    assert server.violations == []


def test_a_playlist_plays_from_its_beginning_to_its_end(house: PassageHouse, files: FileOrigin) -> None:
    television = material.ts()
    segments = "".join(f"#EXTINF:2,\n{files.url('segment', 'mac')}\n" for _ in range(2))
    files.files["segment"] = File(television, content_type="video/mp2t")
    files.files["one"] = File(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{segments}#EXT-X-ENDLIST\n".encode(),
        content_type="application/vnd.apple.mpegurl",
    )
    player = Player(house, "bytes=0-").head()
    assert (player.status, player.headers["Content-Type"]) == (200, "video/mp2t")
    assert "Content-Length" not in player.headers
    assert player.all() == television * 2
    assert files.peak["mac"] == 1


# --- slots --------------------------------------------------------------------------------------------------------


def test_a_paused_player_gives_its_slot_to_others_and_goes_on_later(house_of: Houses, files: FileOrigin) -> None:
    house = house_of(paused_s=0.2)
    player = Player(house).head()
    assert wait_for(lambda: not house.seats.held and not files.open())
    assert player.all() == MOVIE


def test_a_lost_lease_ends_the_upstream_at_once_and_another_goes_on(house: PassageHouse, files: FileOrigin) -> None:
    player = Player(house).head()
    (seat,) = house.seats.held
    house.seats.lost = {seat.lease_id}
    house.passages.renew()
    assert wait_for(lambda: not any(one.lease_id == seat.lease_id for one in house.seats.held))
    assert player.all() == MOVIE


def test_a_player_that_leaves_frees_everything(house: PassageHouse) -> None:
    Player(house).head().close()
    assert wait_for(house.at_rest)


def test_a_viewing_is_stopped_by_hand(house: PassageHouse) -> None:
    player = Player(house).head()
    ((session,),) = [house.passages.facts()[1]]
    assert house.passages.command(Command("stop", {"session_id": session.session_id, "reason": "enough"}))
    assert len(player.all()) < len(MOVIE)
    assert wait_for(house.at_rest)
    assert house.over[-1][1] == "enough"


def test_a_slot_that_only_lingers_is_given_up(house_of: Houses) -> None:
    house = house_of(linger_s=5.0)
    Player(house, "bytes=0-9").head().all()
    assert wait_for(lambda: house.passages.facts()[0][0].viewers == 0)
    assert house.passages.command(Command("stop_lingering", {"subscription_id": 1, "viewer_id": 0}))
    assert wait_for(house.at_rest)


def test_the_slot_goes_to_the_viewer_who_asks_for_something_else(house: PassageHouse, files: FileOrigin) -> None:
    player = Player(house).head()
    (seat,) = house.seats.held
    assert house.passages.give_up(seat.lease_id, "", viewer_id=2) is False
    assert house.passages.give_up("unknown", "other", viewer_id=1) is None
    assert house.passages.give_up(seat.lease_id, "", viewer_id=1) is True
    assert not files.open()
    assert not house.seats.held
    player.close()


def test_who_is_ended_before_anything_came_is_told_so(house: PassageHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def take(ticket: Ticket, tried: Collection[str], cancelled: threading.Event) -> Seat:
        asked.set()
        cancelled.wait(5)
        raise NoFreeSlot("It took too long.")

    monkeypatch.setattr(house.seats, "take", take)
    first = Player(house)
    assert asked.wait(5)
    # One whose turn it is, and one who waits for it.
    second = Player(house)
    ((session,),) = [house.passages.facts()[1]]
    assert house.passages.command(Command("stop", {"session_id": session.session_id}))
    for player in (first, second):
        assert player.head().status == 503
        assert "Retry-After" in player.headers
    assert wait_for(house.at_rest)
