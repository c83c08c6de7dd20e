"""The Xtream API field by field, type by type, and what players do to it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AdultView
from streaming.outputs.xtream.rows import array
from tests.factories import GroupFactory, LinkFactory, PortalFactory, ViewerFactory
from vod.models import Category, Episode, EpisodeOffer, Movie, MovieOffer, Season, Series, SeriesOffer

pytestmark = pytest.mark.django_db

S, N, F, B = str, int, float, bool


def listof(kind):
    return ("list", kind)


#: Reference xtream-codes-api.md, section 2 to 5: every field with its JSON type.
USER_INFO = {
    "username": S, "password": S, "message": S, "auth": N, "status": S, "exp_date": S, "is_trial": S, "active_cons": S,
    "created_at": S, "max_connections": S, "allowed_output_formats": listof(S),
}  # fmt: skip
SERVER_INFO = {
    "url": S, "port": S, "https_port": S, "server_protocol": S, "rtmp_port": S, "timezone": S, "timestamp_now": N,
    "time_now": S, "process": B,
}  # fmt: skip
CATEGORY = {"category_id": S, "category_name": S, "parent_id": N}
LIVE = {
    "num": N, "name": S, "stream_type": S, "stream_id": N, "stream_icon": S, "epg_channel_id": S, "added": S,
    "is_adult": S, "category_id": S, "category_ids": listof(N), "custom_sid": S, "tv_archive": N,
    "tv_archive_duration": N, "direct_source": S, "thumbnail": S,
}  # fmt: skip
MOVIE = {
    "num": N, "name": S, "title": S, "year": S, "stream_type": S, "stream_id": N, "stream_icon": S, "rating": S,
    "rating_5based": F, "added": S, "is_adult": S, "category_id": S, "category_ids": listof(N),
    "container_extension": S, "custom_sid": S, "direct_source": S, "plot": S, "cast": S, "director": S, "genre": S,
    "release_date": S, "youtube_trailer": S, "episode_run_time": S, "tmdb": S, "tmdb_id": N,
}  # fmt: skip
SERIES_INFO = {
    "name": S, "title": S, "year": S, "stream_type": S, "cover": S, "plot": S, "cast": S, "director": S, "genre": S,
    "releaseDate": S, "release_date": S, "last_modified": S, "rating": S, "rating_5based": F,
    "backdrop_path": listof(S), "youtube_trailer": S, "episode_run_time": S, "category_id": S,
    "category_ids": listof(N), "tmdb": S, "tmdb_id": N,
}  # fmt: skip
SERIES = {"num": N, "series_id": N, **SERIES_INFO}
MOVIE_INFO = {
    "name": S, "o_name": S, "cover_big": S, "movie_image": S, "plot": S, "description": S, "cast": S, "actors": S,
    "director": S, "genre": S, "country": S, "releasedate": S, "release_date": S, "year": S, "age": S, "mpaa_rating": S,
    "kinopoisk_url": S, "youtube_trailer": S, "tmdb_id": N, "rating": S, "rating_5based": F,
    "rating_count_kinopoisk": N, "episode_run_time": N, "duration_secs": N, "duration": S, "bitrate": N,
    "backdrop_path": listof(S), "subtitles": listof(S), "video": dict, "audio": dict,
}  # fmt: skip
MOVIE_DATA = {
    "stream_id": N, "name": S, "title": S, "year": S, "added": S, "category_id": S, "category_ids": listof(N),
    "container_extension": S, "custom_sid": S, "direct_source": S,
}  # fmt: skip
SEASON = {
    "id": N, "name": S, "season_number": N, "episode_count": N, "air_date": S, "overview": S, "cover": S,
    "cover_big": S, "vote_average": F,
}  # fmt: skip
EPISODE = {
    "id": S, "episode_num": N, "title": S, "container_extension": S, "season": N, "added": S, "custom_sid": S,
    "direct_source": S, "subtitles": listof(S), "info": dict,
}  # fmt: skip
EPISODE_INFO = {
    "name": S, "plot": S, "overview": S, "air_date": S, "release_date": S, "releasedate": S, "rating": F,
    "movie_image": S, "cover_big": S, "duration_secs": N, "duration": S, "bitrate": N, "season": N, "tmdb_id": N,
    "video": dict, "audio": dict,
}  # fmt: skip
LISTING = {
    "id": S, "epg_id": S, "title": S, "lang": S, "start": S, "end": S, "stop": S, "description": S, "channel_id": S,
    "start_timestamp": S, "stop_timestamp": S, "now_playing": N, "has_archive": N,
}  # fmt: skip


def check(row, shape):
    """Exactly these fields, of exactly these types: True is no number here."""
    assert set(row) == set(shape)
    for name, kind in shape.items():
        if isinstance(kind, tuple):
            assert type(row[name]) is list, name
            assert all(type(one) is kind[1] for one in row[name]), name
        else:
            assert type(row[name]) is kind, (name, row[name])


@pytest.fixture
def viewer():
    viewer = ViewerFactory(name="kitchen", connections=2)
    viewer.set_password("correct-horse")
    viewer.save()
    return viewer


@pytest.fixture
def api(client, viewer):
    def ask(action="", path="/player_api.php", password="correct-horse", **more):
        answer = client.get(path, {"username": "kitchen", "password": password, "action": action, **more})
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"].startswith("application/json")
        return json.loads(b"".join(answer.streaming_content) if answer.streaming else answer.content)

    return ask


@pytest.fixture
def catalogue():
    """A channel, a movie and a series with two seasons, one of them of specials."""
    channel = LinkFactory(
        channel__name="News É HD", channel__number=7, channel__group=GroupFactory(name="News"), stream__archive_hours=72
    ).channel
    portal = PortalFactory()
    movie = Movie.objects.create(
        name="Heat", year=1995, enabled=True, category=Category.objects.create(kind="movie", name="Crime")
    )
    movie.lead = MovieOffer.objects.create(
        portal=portal, movie=movie, provider_id="1", name="Heat", container="mkv", rating=8.3, duration_s=10_200,
        tmdb_id="949", plot="Bank", detailed=True,
    )  # fmt: skip
    movie.save()
    series = Series.objects.create(name="Dark", enabled=True)
    offer = series.lead = SeriesOffer.objects.create(
        portal=portal, series=series, provider_id="5", name="Dark", details_at=timezone.now(), rating=8.7
    )
    series.save()
    for season_number, number, name in ((0, 1, "Making of"), (1, 1, "Secrets"), (1, 2, "Secrets")):
        season, _ = Season.objects.get_or_create(series=series, number=season_number)
        episode = Episode.objects.create(series=series, season=season, number=number, name=name, enabled=True)
        episode.lead = EpisodeOffer.objects.create(
            series_offer=offer, episode=episode, provider_id=f"{season_number}-{number}", name=name,
            season=season_number, number=number, container="mp4",
        )  # fmt: skip
        episode.save()
    return channel, movie, series


@pytest.mark.parametrize(
    "action", ["", "get_account_info", "get_user_info", "get_server_info", "get_profile", "panel", "no_such_action"]
)
def test_without_an_action_that_exists_the_login_is_told(api, viewer, action):
    told = api(action)
    assert set(told) == {"user_info", "server_info"}
    check(told["user_info"], USER_INFO)
    check(told["server_info"], SERVER_INFO)
    info, server = told["user_info"], told["server_info"]
    assert (info["username"], info["password"], info["auth"], info["status"]) == (
        "kitchen",
        "correct-horse",
        1,
        "Active",
    )
    assert (info["max_connections"], info["active_cons"]) == ("2", "0")
    assert int(info["exp_date"]) > timezone.now().timestamp()
    assert (server["url"], server["port"], server["timezone"]) == ("testserver", "80", "UTC")


def test_an_unlimited_login_may_still_play(api, viewer):
    viewer.connections = 0
    viewer.save()
    assert int(api()["user_info"]["max_connections"]) > 100


@pytest.mark.parametrize(("name", "password"), [("kitchen", "wrong"), ("nobody", "correct-horse"), ("", "")])
def test_whoever_is_wrong_gets_200_and_auth_0(client, viewer, name, password):
    for path in ("/player_api.php", "/panel_api.php"):
        answer = client.get(path, {"username": name, "password": password, "action": "get_live_streams"})
        assert answer.status_code == 200
        assert answer.json()["user_info"] == {"auth": 0, "status": "Disabled", "message": "Name or password is wrong."}


def test_an_expired_login_is_told_so_and_sees_nothing(api, viewer, catalogue):
    viewer.expires_at = timezone.now() - timedelta(days=1)
    viewer.save()
    assert (api()["user_info"]["status"], api()["user_info"]["auth"]) == ("Expired", 1)
    assert api("get_live_streams") == api("get_vod_categories") == []


def test_the_body_of_a_post_wins_and_a_json_body_says_nothing(client, viewer):
    answer = client.post("/player_api.php?username=kitchen&password=wrong", {"password": "correct-horse"})
    assert answer.json()["user_info"]["auth"] == 1
    answer = client.post(
        "/player_api.php?username=kitchen&password=correct-horse", "{}", content_type="application/json"
    )
    assert answer.json()["user_info"]["auth"] == 1


@pytest.mark.parametrize("path", ["/player_api/kitchen/correct-horse", "/player_api/kitchen/correct-horse/get_series"])
def test_path_forms_are_the_same(client, viewer, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "action",
    [
        "get_live_categories",
        "get_vod_categories",
        "get_series_categories",
        "get_live_streams",
        "get_vod_streams",
        "get_series",
    ],
)
def test_an_empty_catalogue_is_an_empty_list(api, action):
    assert api(action) == []


@pytest.mark.parametrize(
    ("action", "shape"),
    [
        ("get_live_categories", CATEGORY),
        ("get_vod_categories", CATEGORY),
        ("get_series_categories", CATEGORY),
        ("get_live_streams", LIVE),
        ("get_vod_streams", MOVIE),
        ("get_series", SERIES),
    ],
)
def test_each_row_has_every_field_with_its_type(api, catalogue, action, shape):
    rows = api(action)
    assert rows
    for row in rows:
        check(row, shape)


def test_details_have_every_field_with_its_type(api, catalogue):
    _, movie, series = catalogue
    told = api("get_vod_info", vod_id=movie.pk)
    check(told["info"], MOVIE_INFO)
    check(told["movie_data"], MOVIE_DATA)
    assert (told["info"]["duration"], told["info"]["duration_secs"]) == ("02:50:00", 10_200)
    told = api("get_series_info", series_id=series.pk)
    check(told["info"], SERIES_INFO)
    assert [season["season_number"] for season in told["seasons"]] == [0, 1]
    for season in told["seasons"]:
        check(season, SEASON)
    assert set(told["episodes"]) == {"0", "1"}
    for episode in [one for rows in told["episodes"].values() for one in rows]:
        check(episode, EPISODE)
        check(episode["info"], EPISODE_INFO)
    titles = [one["title"] for one in told["episodes"]["1"]]
    assert titles == ["Secrets", "Secrets (2)"], "one reader knows episodes by title"


def test_unknown_ids_are_told_as_panels_do(api, catalogue):
    channel, _, _ = catalogue
    for wrong in (0, channel.pk, 2**31, "x", ""):
        assert api("get_vod_info", vod_id=wrong) == {"info": [], "movie_data": []}
        assert api("get_series_info", series_id=wrong) == {"seasons": [], "info": {"name": None}, "episodes": {}}
        assert api("get_simple_data_table", stream_id=wrong if wrong != channel.pk else 0) == {"epg_listings": []}


def test_a_category_filters_and_an_unknown_one_is_empty(api, catalogue):
    LinkFactory(channel__name="Loose")
    ids = {row["category_name"]: row["category_id"] for row in api("get_live_categories")}
    assert [row["name"] for row in api("get_live_streams", category_id=ids["News"])] == ["News É HD"]
    assert [row["name"] for row in api("get_live_streams", category_id=ids["Other"])] == ["Loose"]
    for everything in ("", "0", "*", "all"):
        assert len(api("get_live_streams", category_id=everything)) == 2
    movie_category = api("get_vod_categories")[0]["category_id"]
    assert api("get_live_streams", category_id=movie_category) == []
    assert api("get_live_streams", category_id="999999") == api("get_live_streams", category_id="-1") == []
    assert len(api("get_vod_streams", category_id=movie_category)) == 1


def test_category_ids_are_unique_over_the_three_kinds(api, catalogue):
    every = [
        row["category_id"]
        for action in ("get_live_categories", "get_vod_categories", "get_series_categories")
        for row in api(action)
    ]
    assert len(every) == len(set(every)) == 3


def test_numbers_are_whole_and_never_double(api):
    for number in ("7", "7", "7.5", None):
        LinkFactory(channel__number=number)
    numbers = [row["num"] for row in api("get_live_streams")]
    assert len(set(numbers)) == 4
    assert all(type(number) is int for number in numbers)


def test_times_are_epoch_seconds(api, catalogue):
    channel, *_ = catalogue
    assert api("get_live_streams")[0]["added"] == str(round(channel.created_at.timestamp()))


def test_a_viewer_sees_no_more_here_than_elsewhere(api, viewer, catalogue):
    LinkFactory(channel__name="Late", channel__adult=True)
    viewer.with_movies = False
    viewer.save()
    assert [row["name"] for row in api("get_live_streams")] == ["News É HD"]
    assert api("get_vod_streams") == api("get_vod_categories") == []
    viewer.adult = AdultView.SHOWN
    viewer.save()
    assert {row["name"]: row["is_adult"] for row in api("get_live_streams")} == {"News É HD": "0", "Late": "1"}


@pytest.mark.django_db(transaction=True)
def test_a_list_that_did_not_change_is_not_sent_again(client, viewer, catalogue):
    query = {"username": "kitchen", "password": "correct-horse", "action": "get_live_streams"}
    first = client.get("/player_api.php", query)
    assert client.get("/player_api.php", query, HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304
    LinkFactory(channel__name="New")
    again = client.get("/player_api.php", query, HTTP_IF_NONE_MATCH=first["ETag"])
    assert b'"New"' in b"".join(again.streaming_content)


def test_the_old_panels_document_holds_everything(api, catalogue):
    channel, *_ = catalogue
    told = api("", path="/panel_api.php")
    check(told["user_info"], USER_INFO)
    assert set(told["categories"]) == {"live", "movie", "series"}
    row = told["available_channels"][str(channel.pk)]
    assert (row["name"], row["live"], row["type_name"]) == ("News É HD", "1", "Live Streams")
    assert api("get_live_categories", path="/panel_api.php") == api("get_live_categories")


def m3u(client, **query):
    answer = client.get("/get.php", {"username": "kitchen", "password": "correct-horse", **query})
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def test_the_playlist_holds_all_three_kinds_in_this_schemes_addresses(client, viewer, catalogue):
    channel, movie, series = catalogue
    lines = m3u(client, type="m3u_plus", output="ts", nonsense="1")
    base = "http://testserver"
    assert 'url-tvg="http://testserver/xmltv.php?username=kitchen&password=correct-horse"' in lines
    assert f"{base}/live/kitchen/correct-horse/{channel.pk}.ts\n" in lines
    assert f"{base}/movie/kitchen/correct-horse/{movie.pk}.mkv\n" in lines
    episode = series.episodes.get(season__number=1, number=2)
    assert f",Dark S01E02\n{base}/series/kitchen/correct-horse/{episode.pk}.mp4\n" in lines
    assert f"{channel.pk}.m3u8" in m3u(client, output="hls")
    assert "/movie/" not in m3u(client, key="live")


def test_the_bare_playlist_has_names_alone(client, viewer, catalogue):
    lines = m3u(client, type="m3u", key="live").splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[1] == "#EXTINF:-1,News É HD"


def test_wrong_logins_get_no_playlist_no_guide_and_no_stream(client, viewer, catalogue):
    channel, *_ = catalogue
    for path in (
        "/get.php?username=kitchen&password=wrong",
        "/xmltv.php?username=kitchen&password=wrong",
        f"/live/kitchen/wrong/{channel.pk}.ts",
        f"/kitchen/wrong/{channel.pk}",
    ):
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/live/{}/{}.ts", "/live/{}/{}", "/{}/{}", "/{}/{}.ts"])
def test_head_on_a_stream_takes_nothing(client, viewer, catalogue, path):
    channel, *_ = catalogue
    answer = client.head(path.format("kitchen/correct-horse", channel.pk))
    assert (answer.status_code, answer["Content-Type"]) == (200, "video/mp2t")
    assert client.head(path.format("kitchen/correct-horse", 999_999)).status_code == 404


def test_titles_are_base64_of_utf8():
    from streaming.outputs.xtream.guide import encoded

    assert base64.b64decode(encoded("Überschrift 📺")).decode() == "Überschrift 📺"
    assert encoded("") == ""


@pytest.mark.parametrize("many", [0, 1, 500, 1001])
def test_a_list_of_any_length_is_one_array(many):
    assert json.loads(b"".join(array({"num": number} for number in range(many)))) == [
        {"num": number} for number in range(many)
    ]
