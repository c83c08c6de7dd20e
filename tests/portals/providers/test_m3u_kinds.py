"""Live, movie or episode, and titles taken apart: lists of what must and must not match."""

from __future__ import annotations

import pytest

from portals.providers.m3u.kinds import kind_of
from portals.providers.titles import EpisodeTitle, episode_title, is_adult, year_in
from restreamer.lib.m3u import PlaylistReader


@pytest.mark.parametrize(
    ("extinf", "url", "kind"),
    [
        ("-1,News", "http://h/live/u/p/1.ts", "live"),
        ("-1,News", "http://h/u/p/1", "live"),
        ("-1,News", "http://h/index.m3u8", "live"),
        ("0,News", "http://h/stream", "live"),
        ("10,News", "http://h/live/u/p/1.ts", "live"),
        ("-1,Multicast S01E01", "http://h/live/u/p/1.ts", "live"),
        ("3600,News", "udp://@239.0.0.1:5000", "live"),
        ('-1 tvg-type="live",Clip', "http://h/clip.mp4", "live"),
        ("-1,Film", "http://h/movie/u/p/1.mkv", "movie"),
        ("-1,Film", "http://h/movie/u/p/1.ts", "movie"),
        ("-1,Film", "http://h/films/die-hard.MP4?x=1", "movie"),
        ("5400,Film", "http://h/stream", "movie"),
        ('-1 media="true",Film', "http://h/stream", "movie"),
        ('-1 tvg-type="movies",Film', "http://h/stream", "movie"),
        ("-1,Show S01E02", "http://h/movie/u/p/1.mkv", "movie"),
        ("-1,Show S01E02", "http://h/series/u/p/1.mkv", "episode"),
        ("-1,Show", "http://h/series/u/p/1.mkv", "episode"),
        ("-1,Show s1.e2", "http://h/stream", "episode"),
        ("-1,Show S01E02", "http://h/vod/show.mkv", "episode"),
        ('-1 tvg-type="series",Show', "http://h/stream", "episode"),
        ('-1 tvg-season="1" tvg-episode="2",Show', "http://h/stream", "episode"),
        ("-1,Sky Sport 4x4", "http://h/stream", "live"),
        ("-1,BBCS01E", "http://h/stream", "live"),
    ],
)
def test_what_an_entry_is(extinf, url, kind):
    (entry,) = PlaylistReader([f"#EXTM3U\n#EXTINF:{extinf}\n{url}\n".encode()])

    assert kind_of(entry) == kind


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("Breaking Bad S01E02", ("Breaking Bad", 1, 2, "")),
        ("Breaking Bad - S01E02 - Cat's in the Bag", ("Breaking Bad", 1, 2, "Cat's in the Bag")),
        ("Show s1 e2", ("Show", 1, 2, "")),
        ("Show.S2024.E100.Title", ("Show", 2024, 100, "Title")),
        ("Show S01 EP03", ("Show", 1, 3, "")),
        ("Serie T2 E5", ("Serie", 2, 5, "")),
        ("Show 1x02 Pilot", ("Show", 1, 2, "Pilot")),
        ("Show Season 3 Episode 4", ("Show", 3, 4, "")),
        ("Show - Staffel 3, Folge 4: Titel", ("Show", 3, 4, "Titel")),
        ("S01E02", ("", 1, 2, "")),
        ("Die Hard (1988)", None),
        ("Movie 1920x1080", None),
        ("Apollo 13", None),
        ("24", None),
        ("", None),
    ],
)
def test_an_episodes_title(title, parts):
    assert episode_title(title) == (EpisodeTitle(*parts) if parts else None)


@pytest.mark.parametrize(
    ("title", "year"),
    [("A (1999)", 1999), ("A [2020] HD", 2020), ("2012", None), ("A (2001) (2010)", 2010), ("(3000)", None)],
)
def test_a_year(title, year):
    assert year_in(title) == year


@pytest.mark.parametrize("group", ["XXX", "For Adults", "ADULT | HD", "18+", "+18", "Porn"])
def test_an_adult_group(group):
    assert is_adult(group)


@pytest.mark.parametrize("group", ["Adult Swim", "Essex", "Channel 18", "Adultery Films", "UK", ""])
def test_a_group_for_everyone(group):
    assert not is_adult(group)
