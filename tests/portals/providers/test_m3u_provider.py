"""The M3U provider against a real web server and real files: what owners read, what the refresh gets."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portals import errors
from portals.models import Portal, PortalKind, Subscription
from portals.providers import reach
from portals.providers.m3u import M3uProvider, keep_upload, login_address
from portals.providers.m3u import source as m3u_source
from portals.providers.records import GenreRecord
from portals.providers.vod_records import ArchiveWindow, CategoryRecord
from restreamer.lib.http import Bounds
from tests.fakes.web_files import WebFiles

MIXED = """#EXTM3U url-tvg="http://guide.example/epg.xml.gz"
#EXTINF:-1 tvg-id="bbc1.uk" tvg-logo="http://l/1.png" tvg-chno="101" group-title="UK | General",BBC One
http://panel.example:8080/live/user/secret/1001.ts
#EXTINF:-1 tvg-id="" group-title="Adults XXX",Late
http://panel.example:8080/user/secret/1002
#EXTINF:-1 radio="true" group-title="Radio;Jazz",Jazz FM
http://radio.example/jazz?token=abc
#EXTINF:5400 tvg-logo="http://l/d.jpg" group-title="Movies",Die Hard (1988)
http://panel.example:8080/movie/user/secret/2001.mkv
#EXTINF:-1 group-title="Drama",Breaking Bad S01E01 - Pilot
http://panel.example:8080/series/user/secret/3001.mkv
#EXTINF:-1 group-title="Drama",Breaking Bad S01E02
http://panel.example:8080/series/user/secret/3002.mp4
"""


@pytest.fixture
def web() -> Iterator[WebFiles]:
    with WebFiles() as server:
        yield server


def portal_at(address: str, **fields) -> Portal:
    return Portal(name="List", slug="list", kind=PortalKind.M3U, address=address, **fields)


def provider_at(address: str, **fields) -> M3uProvider:
    return M3uProvider(portal_at(address, **fields), clock=lambda: 1_700_000_000.0)


def subscription(**fields) -> Subscription:
    return Subscription(label="playlist", **fields)


def host_of(web: WebFiles) -> str:
    return web.url.removeprefix("http://")


def no_progress(done: int, expected: int) -> None:
    pass


def names(records) -> list[str]:
    return [record.name for record in records]


# --- testing a list ------------------------------------------------------------------------------------------------


def test_a_working_list_says_what_is_in_it(web):
    report = provider_at(web.put("/list.m3u", MIXED)).check(subscription())

    assert report.state == "ok"
    assert report.sentence == "The playlist answers with 6 entries: 3 live channels, 1 movie, 2 episodes."
    assert report.warning == ""
    assert report.facts == {"Guide": "http://guide.example/epg.xml.gz"}


def test_a_large_list_is_judged_by_its_beginning(web):
    many = "#EXTM3U\n" + "".join(f"#EXTINF:-1,C{i}\nhttp://h/live/u/p/{i}.ts\n" for i in range(6000))
    report = provider_at(web.put("/list.m3u", many)).check(subscription())

    assert report.sentence == "The playlist answers; its first 5,000 entries hold 5,000 live channels."


def test_an_address_that_is_an_xtream_login_is_pointed_out(web):
    address = web.put("/get.php?username=u&password=p&type=m3u_plus", MIXED)
    report = provider_at(address).check(subscription())

    assert report.warning == (
        f"This address is an Xtream login. Added as Xtream (server {web.url}, with the same user name and password) it "
        "shows the expiry date and brings movies, series, guide and catch-up in order."
    )


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("http://h:8080/get.php?username=u%40x&password=p&type=m3u_plus&output=ts", ("http://h:8080", "u@x", "p")),
        ("https://h/sub/player_api.php?password=p&username=u", ("https://h/sub", "u", "p")),
        ("http://h/get.php?username=u", None),
        ("http://h/list.m3u?username=u&password=p", None),
        ("/data/list.m3u", None),
        ("http://[::1/get.php?username=u&password=p", None),
    ],
)
def test_login_addresses(address, found):
    assert login_address(address) == found


# --- every refusal with its sentence -------------------------------------------------------------------------------

REFUSALS = [
    (
        {"body": b"<html><title>Login</title></html>"},
        errors.AnswerUnreadable,
        "What came is a web page, not a playlist. Copy the address of the playlist itself from your provider's page, "
        "and check user name and password in it. What is stored stays as it is. The provider's words: “Login”",
    ),
    (
        {"body": b""},
        errors.AnswerUnreadable,
        "The playlist is empty. The subscription may have ended: test again later or ask your provider. What is stored "
        "stays as it is.",
    ),
    (
        {"body": b'{"error":"account expired"}'},
        errors.AnswerUnreadable,
        "What came is an answer for programs (JSON), most often an error, not a playlist. Check user name and password "
        "in the address. What is stored stays as it is. The provider's words: “account expired”",
    ),
    (
        {"body": b"No such user"},
        errors.AnswerUnreadable,
        "What came is plain text, not a playlist. Check user name and password in the address. What is stored stays as "
        "it is. The provider's words: “No such user”",
    ),
    (
        {"body": b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n"},
        errors.NotAPortal,
        "What came is a single HLS stream, not a list of channels. To watch it here, upload a playlist file with this "
        "one address in it.",
    ),
    (
        {"body": b"<?xml version='1.0'?><tv><channel id='a'/></tv>"},
        errors.NotAPortal,
        "What came is a programme guide (XMLTV), not a playlist. Add it as a guide source; enter the playlist's own "
        "address here.",
    ),
    (
        {"body": b"<?xml version='1.0'?><rss/>"},
        errors.NotAPortal,
        "What came is an XML document, not a playlist. Check the address.",
    ),
    (
        {"body": b"Rar!\x1a\x07\x01\x00"},
        errors.NotAPortal,
        "What came is another kind of file (RAR archive), not a playlist. A list may be packed as gzip, xz, bzip2 or "
        "zip.",
    ),
    (
        {"body": b"#EXTM3U\n"},
        errors.AnswerUnreadable,
        "The playlist holds no entry that can be played. What is stored stays as it is.",
    ),
    (
        {"body": gzip.compress(MIXED.encode(), mtime=0)[:-20]},
        errors.CatalogueIncomplete,
        "The packed playlist broke off before its end. What is stored stays as it is; try again later, and tell your "
        "provider if it stays so.",
    ),
    (
        {"body": b"PK\x03\x04\0\0\x01" + b"\0" * 23},
        errors.AnswerUnreadable,
        "The packed playlist cannot be opened. What is stored stays as it is. The zip file is locked with a password.",
    ),
    (
        {"body": MIXED.encode(), "cut_at": 300},
        errors.CatalogueIncomplete,
        "The playlist broke off before its end. What is stored stays as it is; try again later, and tell your provider "
        "if it stays so.",
    ),
    (
        {"body": b"<html><title>Gone fishing</title></html>", "status": 404},
        errors.NotAPortal,
        "There is no playlist at this address (status 404). Check it for typing errors; some providers also answer so "
        "when user name or password is wrong. The provider's words: “Gone fishing”",
    ),
    (
        {"body": b"", "status": 429, "headers": {"Retry-After": "600"}},
        errors.PortalThrottled,
        "{host} says it is asked too often. It is left alone for 10 min.",
    ),
    (
        {"body": b"oops", "status": 502},
        errors.PortalOverloaded,
        "{host} failed inside while answering (status 502). Try again later.",
    ),
    (
        {"body": b"", "status": 418},
        errors.AnswerUnreadable,
        "{host} answered with status 418, which says nothing we know. Try again later or ask your provider.",
    ),
    (
        {"body": b"", "status": 302, "headers": {"Location": "/list.m3u"}},
        errors.AnswerUnreadable,
        "{host} sends us round in circles, or on to something that is no web address. Ask your provider.",
    ),
]


@pytest.mark.parametrize(("served", "error", "sentence"), REFUSALS, ids=[str(i) for i in range(len(REFUSALS))])
def test_what_is_no_list_is_told_in_one_sentence(web, served, error, sentence):
    provider = provider_at(web.put("/list.m3u", **served))

    with pytest.raises(error) as caught:
        list(provider.live_streams(no_progress))

    assert type(caught.value) is error
    assert caught.value.message == sentence.format(host=host_of(web))


@pytest.mark.parametrize(("served", "error", "sentence"), REFUSALS, ids=[str(i) for i in range(len(REFUSALS))])
def test_a_test_of_the_list_finds_the_same(web, served, error, sentence):
    with pytest.raises(error) as caught:
        provider_at(web.put("/list.m3u", **served)).check(subscription())

    assert caught.value.message == sentence.format(host=host_of(web))


def test_a_refusal_of_the_login_is_a_report(web):
    report = provider_at(web.put("/list.m3u", b"<title>Denied</title>", status=403)).check(subscription())

    assert report.state == "unknown"
    assert report.sentence == (
        f"{host_of(web)} refuses the playlist (status 403). The address, user name or password in it is wrong, or the "
        "provider does not accept your network or user agent. The provider's words: “Denied”"
    )


def test_a_dead_host_is_named():
    with pytest.raises(errors.PortalUnreachable) as caught:
        provider_at("http://127.0.0.1:9/list.m3u").check(subscription())

    assert caught.value.message == reach.Reach.CONNECTION_REFUSED.of(host="127.0.0.1:9")


def test_a_host_that_does_not_exist_is_named():
    with pytest.raises(errors.PortalUnreachable) as caught:
        provider_at("http://no-such-host.invalid/list.m3u").check(subscription())

    assert caught.value.message == "There is no host named no-such-host.invalid. Check the address for typing errors."


def test_a_slow_provider_is_not_waited_for(web, monkeypatch):
    monkeypatch.setattr(m3u_source, "_GLANCE", Bounds(total_s=0.3))

    with pytest.raises(errors.PortalUnreachable) as caught:
        provider_at(web.put("/list.m3u", MIXED, delay_s=1)).check(subscription())

    assert caught.value.message == reach.Reach.TOO_SLOW.of(host=host_of(web))


def test_words_of_the_provider_are_redacted(web):
    body = "<title>No http://h/get.php?username=me&password=hush here</title>"

    with pytest.raises(errors.AnswerUnreadable) as caught:
        provider_at(web.put("/list.m3u", body)).check(subscription())

    assert "hush" not in caught.value.message


# --- the catalogue -------------------------------------------------------------------------------------------------


def test_live_channels_with_their_groups(web):
    provider = provider_at(web.put("/list.m3u", MIXED))
    one, late, jazz = provider.live_streams(no_progress)

    assert provider.live_genres() == [
        GenreRecord("UK | General", "UK | General"),
        GenreRecord("Adults XXX", "Adults XXX", censored=True),
        GenreRecord("Radio", "Radio"),
    ]
    assert (one.provider_id, one.name, one.number, one.genre_id) == ("live:1001", "BBC One", "101", "UK | General")
    assert (one.logo, one.guide_id) == ("http://l/1.png", "bbc1.uk")
    assert one.cmd == "http://panel.example:8080/live/user/secret/1001.ts"
    assert one.provider_data == {}
    assert (late.provider_id, late.censored, late.guide_id) == ("live:1002", True, "")
    assert (jazz.is_radio, jazz.genre_id, jazz.provider_data) == (True, "Radio", {"groups": ["Radio", "Jazz"]})
    assert len(web.asked) == 1


def test_adult_groups_can_be_left_out(web):
    provider = provider_at(web.put("/list.m3u", MIXED), with_censored=False)

    assert names(provider.live_streams(no_progress)) == ["BBC One", "Jazz FM"]
    assert [genre.name for genre in provider.live_genres()] == ["UK | General", "Radio"]


def test_a_list_tells_no_more_about_its_movies_than_it_lists(web):
    provider = provider_at(web.put("/list.m3u", MIXED))
    for ask in (provider.movie_details, provider.series_details):
        with pytest.raises(errors.ItemRefused) as caught:
            ask("movie:2001", {})

        assert caught.value.message == "A playlist tells nothing more about its movies and series."


def test_a_person_can_stop_a_list_that_holds_nothing_of_the_kind(web):
    many = "#EXTM3U\n" + "".join(f"#EXTINF:-1,C{i}\nhttp://h/movie/u/p/{i}.mkv\n" for i in range(1500))

    def stop(done: int, expected: int) -> None:
        raise errors.RunCancelled

    with pytest.raises(errors.RunCancelled):
        list(provider_at(web.put("/list.m3u", many)).live_streams(stop))


def test_movies_and_their_categories(web):
    provider = provider_at(web.put("/list.m3u", MIXED))
    (movie,) = provider.movies(no_progress)

    assert provider.movie_categories() == [CategoryRecord("Movies", "Movies", "movie")]
    assert (movie.provider_id, movie.name, movie.category_ids) == ("movie:2001", "Die Hard (1988)", ("Movies",))
    assert (movie.container, movie.cmd) == ("mkv", "http://panel.example:8080/movie/user/secret/2001.mkv")
    assert (movie.about.year, movie.about.duration_s, movie.about.poster) == (1988, 5400, "http://l/d.jpg")


def test_episodes_are_gathered_into_their_series(web):
    provider = provider_at(web.put("/list.m3u", MIXED))
    (series,) = provider.series(no_progress)
    first, second = provider.episodes(no_progress)

    assert provider.series_categories() == [CategoryRecord("Drama", "Drama", "series")]
    assert (series.name, series.category_ids) == ("Breaking Bad", ("Drama",))
    assert (first.series_id, first.season, first.number, first.name) == (series.provider_id, 1, 1, "Pilot")
    assert (second.series_id, second.season, second.number) == (series.provider_id, 1, 2)
    assert (second.provider_id, second.container) == ("series:3002", "mp4")


def test_an_episode_without_numbers_is_a_movie(web):
    text = "#EXTM3U\n#EXTINF:-1,Some documentary\nhttp://h/series/u/p/9.mkv\n"
    provider = provider_at(web.put("/list.m3u", text))

    assert names(provider.movies(no_progress)) == ["Some documentary"]
    assert list(provider.episodes(no_progress)) == []


def test_an_episode_named_by_attributes(web):
    text = '#EXTM3U\n#EXTINF:-1 tvg-name="The Show" tvg-season="2" tvg-episode="5",Pilot\nhttp://h/series/u/p/9.mkv\n'
    (episode,) = provider_at(web.put("/list.m3u", text)).episodes(no_progress)

    assert (episode.season, episode.number, episode.name) == (2, 5, "Pilot")


def test_progress_counts_to_what_was_found(web):
    many = "#EXTM3U\n" + "".join(f"#EXTINF:-1,C{i}\nhttp://h/live/u/p/{i}.ts\n" for i in range(2500))
    seen = []
    list(provider_at(web.put("/list.m3u", many)).live_streams(lambda done, expected: seen.append((done, expected))))

    assert seen == [(1000, 2500), (2000, 2500), (2500, 2500)]


def test_the_same_address_in_two_groups_is_one_stream_and_the_same_name_elsewhere_is_another(web):
    text = (
        '#EXTM3U\n#EXTINF:-1 group-title="A",One\nhttp://x/one.m3u8\n#EXTINF:-1 group-title="B",One\nhttp://x/one.m3u8\n'
        '#EXTINF:-1 group-title="A",One\nhttp://y/one.m3u8\n'
    )
    ids = [record.provider_id for record in provider_at(web.put("/list.m3u", text)).live_streams(no_progress)]

    assert ids[0] == ids[1] != ids[2]


def test_relative_addresses_lead_to_where_the_list_came_from(web):
    web.put("/moved/list.m3u", "#EXTM3U\n#EXTINF:-1,N\nlive/1.ts\n")
    address = web.put("/list.m3u", b"", status=301, headers={"Location": "/moved/list.m3u"})
    (record,) = provider_at(address).live_streams(no_progress)

    assert record.cmd == f"{web.url}/moved/live/1.ts"


def test_the_lists_guides(web):
    text = '#EXTM3U x-tvg-url="http://g/a.xml, http://g/b.xml" url-tvg="http://g/a.xml"\nhttp://h/1\n'

    assert provider_at(web.put("/list.m3u", text)).guide_urls() == ["http://g/a.xml", "http://g/b.xml"]


def test_the_owners_headers_are_sent_for_the_list(web):
    provider = provider_at(
        web.put("/list.m3u", MIXED), user_agent="Mine/1", referer="http://r.example/", origin="http://o.example"
    )
    provider.live_genres()

    sent = web.asked[0].headers
    assert (sent["User-Agent"], sent["Referer"], sent["Origin"]) == ("Mine/1", "http://r.example/", "http://o.example")


def test_a_player_is_what_we_look_like_unless_told_otherwise(web):
    provider_at(web.put("/list.m3u", MIXED)).live_genres()

    assert web.asked[0].headers["User-Agent"] == reach.PLAYER_USER_AGENT


# --- downloads that change nothing ---------------------------------------------------------------------------------


def test_an_unchanged_list_is_not_sent_again(web):
    address = web.put("/list.m3u", MIXED, conditional=True)
    first = provider_at(address).fetch()
    again = provider_at(address).fetch(etag=first.etag, last_modified=first.last_modified, sha256=first.sha256)

    assert not first.not_modified
    assert again.not_modified
    assert (again.etag, again.last_modified, again.sha256) == (first.etag, first.last_modified, first.sha256)


def test_a_provider_without_conditions_is_known_by_its_bytes(web):
    address = web.put("/list.m3u", MIXED)
    first = provider_at(address).fetch()

    assert first.size_bytes == len(MIXED.encode())
    assert provider_at(address).fetch(sha256=first.sha256).not_modified


def test_a_changed_list_is_read(web):
    first = provider_at(web.put("/list.m3u", MIXED, conditional=True)).fetch()
    provider = provider_at(web.put("/list.m3u", MIXED + "http://h/new.ts\n", conditional=True))
    again = provider.fetch(etag=first.etag, last_modified=first.last_modified, sha256=first.sha256)

    assert not again.not_modified
    assert "new.ts" in names(provider.live_streams(no_progress))
    assert len(web.asked) == 2


def test_a_list_cut_off_is_never_kept(web):
    with pytest.raises(errors.CatalogueIncomplete):
        provider_at(web.put("/list.m3u", MIXED, cut_at=400)).fetch()


def test_a_list_without_a_length_that_ends_inside_an_entry_was_cut_off(web):
    cut = MIXED[: MIXED.index("http://panel.example:8080/series/user/secret/3002")]

    with pytest.raises(errors.CatalogueIncomplete):
        provider_at(web.put("/list.m3u", cut, until_close=True)).live_genres()
    assert provider_at(web.put("/list.m3u", MIXED, until_close=True)).live_genres()
    assert provider_at(web.put("/list.m3u", cut)).live_genres()


def test_after_a_broken_download_the_next_reading_downloads_again(web):
    provider = provider_at(web.put("/list.m3u", MIXED, cut_at=400))
    with pytest.raises(errors.CatalogueIncomplete):
        provider.fetch()
    web.put("/list.m3u", MIXED)

    assert len(list(provider.live_streams(no_progress))) == 3


def test_a_server_that_says_not_modified_unasked_has_no_list(web):
    provider = provider_at(web.put("/list.m3u", b"", status=304))

    with pytest.raises(errors.AnswerUnreadable):
        provider.live_genres()


# --- files and uploads ---------------------------------------------------------------------------------------------


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    settings.RESTREAMER_DATA = tmp_path
    (tmp_path / "playlists").mkdir()
    return tmp_path / "playlists"


@pytest.mark.parametrize("form", ["{path}", "file://{path}"])
def test_a_file_in_the_data_folder_is_read(folder, form):
    (folder / "my list.m3u").write_text(MIXED)
    address = form.format(path=str(folder / "my list.m3u").replace(" ", "%20" if "file:" in form else " "))

    assert names(provider_at(address).live_streams(no_progress)) == ["BBC One", "Late", "Jazz FM"]


def test_a_file_that_did_not_change_is_not_read_again(folder):
    (folder / "list.m3u").write_text(MIXED)
    first = provider_at(str(folder / "list.m3u")).fetch()

    assert provider_at(str(folder / "list.m3u")).fetch(etag=first.etag).not_modified


def test_a_folder_the_owner_named_may_be_read(settings, folder, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "list.m3u").write_text(MIXED)
    settings.PLAYLIST_FOLDERS = [str(tmp_path / "other")]

    assert provider_at(str(tmp_path / "other" / "list.m3u")).check(subscription()).state == "ok"


@pytest.mark.parametrize("way_out", ["/etc/passwd", "{folder}/../secret", "{folder}/link", "file:///etc/passwd"])
def test_no_other_file_of_the_machine_is_ever_read(folder, way_out):
    (folder.parent / "secret").write_text(MIXED)
    (folder / "link").symlink_to(folder.parent / "secret")

    with pytest.raises(errors.NotAPortal, match="lies outside the folders playlists may be read from"):
        provider_at(way_out.format(folder=folder)).check(subscription())


def test_a_missing_file_is_named(folder):
    with pytest.raises(errors.NotAPortal) as caught:
        provider_at(str(folder / "none.m3u")).check(subscription())

    assert (
        caught.value.message
        == f"There is no file {folder}/none.m3u. Enter the whole path, or upload the playlist again."
    )


@pytest.mark.parametrize("odd", ["a" * 300, "ring", "nul\0"])
def test_an_odd_path_is_no_file(folder, odd):
    (folder / "ring").symlink_to(folder / "ring")

    with pytest.raises(errors.NotAPortal, match="There is no file"):
        provider_at(f"{folder}/{odd}").check(subscription())


def test_a_folder_is_no_file(folder):
    with pytest.raises(errors.NotAPortal, match="There is no file"):
        provider_at(str(folder)).check(subscription())


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_upload_becomes_a_list(folder, pack):
    address = keep_upload([pack(MIXED.encode())], "../../My Provider's list.m3u.gz")

    assert address == f"{folder}/uploaded/my-providers-list.m3u"
    assert len(list(provider_at(address).live_streams(no_progress))) == 3
    assert [path.name for path in (folder / "uploaded").iterdir()] == ["my-providers-list.m3u"]


def test_an_upload_of_a_zip(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("list.m3u", MIXED)

    assert provider_at(keep_upload([(tmp_path / "a.zip").read_bytes()], "a.zip")).check(subscription()).state == "ok"


def test_an_upload_that_is_no_list_leaves_the_old_one(folder):
    address = keep_upload([MIXED.encode()], "list")

    with pytest.raises(errors.AnswerUnreadable):
        keep_upload([b"<html><title>Login</title>"], "list")
    assert provider_at(address).check(subscription()).state == "ok"
    assert len(list((folder / "uploaded").iterdir())) == 1


def test_an_upload_larger_than_allowed_is_refused(folder, monkeypatch):
    monkeypatch.setattr("portals.providers.m3u.upload.MAX_LIST_BYTES", 1000)

    with pytest.raises(errors.CatalogueIncomplete):
        keep_upload([MIXED.encode()] * 3, "list")
    assert list((folder / "uploaded").iterdir()) == []


def test_a_list_larger_than_allowed_is_refused(web, monkeypatch):
    monkeypatch.setattr(m3u_source, "_WHOLE", Bounds(max_bytes=100))

    with pytest.raises(errors.CatalogueIncomplete, match="larger than 512 MB"):
        provider_at(web.put("/list.m3u", MIXED)).fetch()


# --- playing -------------------------------------------------------------------------------------------------------


def played(web, lines: str, **fields):
    provider = provider_at(web.put("/list.m3u", f"#EXTM3U\n{lines}\n"), **fields)
    (record,) = provider.live_streams(no_progress)
    return provider.play_url(subscription(), record.provider_id, record.cmd, record.provider_data)


def test_an_entry_plays_at_its_address_with_the_portals_headers(web):
    play = played(web, "#EXTINF:-1,N\nhttp://h/1.ts", user_agent="Mine/1", referer="http://r/", verify_tls=False)

    assert play.url == "http://h/1.ts"
    assert play.headers == {"User-Agent": "Mine/1", "Accept": "*/*", "Referer": "http://r/"}
    assert (play.form, play.verify_tls, play.proxy_url) == ("", False, "")


def test_headers_of_the_entry_win_over_the_portals(web):
    play = played(
        web,
        '#EXTINF:-1 user-agent="Attribute/1" http-referrer="http://attribute/",N\n'
        "#EXTVLCOPT:http-user-agent=Option/1\n"
        "#KODIPROP:inputstream.adaptive.stream_headers=X-Kodi=a%20b&Referer=http://kodi/\n"
        "http://h/1.m3u8|user-agent=Pipe%2F1",
        user_agent="Portal/1",
    )

    assert play.url == "http://h/1.m3u8"
    assert play.headers == {"Accept": "*/*", "user-agent": "Pipe/1", "Referer": "http://kodi/", "X-Kodi": "a b"}
    assert play.form == "hls"


@pytest.mark.parametrize(
    ("lines", "form"),
    [
        ("#KODIPROP:mimetype=video/mp2t\nhttp://h/1", "ts"),
        ("#KODIPROP:inputstream.adaptive.manifest_type=hls\nhttp://h/1", "hls"),
        ("#KODIPROP:mimetype=application/dash+xml\nhttp://h/1", ""),
        ("http://h/index.m3u8?x=1", "hls"),
        ("http://h/1", ""),
    ],
)
def test_the_form_of_an_entry(web, lines, form):
    assert played(web, lines).form == form


def test_multicast_gets_no_headers(web):
    assert played(web, "#EXTINF:-1,N\nudp://@239.0.0.1:5000").headers == {}


def test_a_login_of_ones_own_replaces_the_lists(web):
    provider = provider_at("http://h/list.m3u")
    own = subscription(login="me@home", password="my/secret")

    url = provider.play_url(own, "live:1", "http://h:80/live/user/pass/1.ts", {}).url

    assert url == "http://h:80/live/me%40home/my%2Fsecret/1.ts"
    assert provider.play_url(own, "url:1", "http://cdn/channel.m3u8", {}).url == "http://cdn/channel.m3u8"


def test_nothing_is_kept_alive():
    assert provider_at("http://h/list.m3u").keep_alive(subscription(), playing=True) == 0


def test_catch_up_leads_to_the_archive(web):
    text = (
        '#EXTM3U catchup-days="3"\n#EXTINF:-1 catchup="default" '
        'catchup-source="http://h/{utc}/{duration:60}",N\nhttp://h/1.ts\n'
    )
    provider = provider_at(web.put("/list.m3u", text))
    (record,) = provider.live_streams(no_progress)
    window = ArchiveWindow(datetime(2023, 11, 14, 20, 0, tzinfo=UTC), 5400)
    (play,) = provider.archive_urls(subscription(), record.provider_id, record.cmd, record.provider_data, window)

    assert record.archive_hours == 72
    assert play.url == "http://h/1699992000/90"
    assert play.headers["User-Agent"] == reach.PLAYER_USER_AGENT


def test_an_entry_without_catch_up_has_no_archive():
    window = ArchiveWindow(datetime(2023, 11, 14, 20, 0, tzinfo=UTC), 5400)

    with pytest.raises(errors.ItemRefused, match="offers no catch-up"):
        provider_at("http://h/l").archive_urls(subscription(), "live:1", "http://h/1", {}, window)
