"""Movies and series of the fake portal, in both dialects and all four shapes of series."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.fakes.portal_titles import FakeCategory, FakeMovie, FakeSeries
from tests.fakes.portal_wire import PAGE, Asked, Reply, js, paged, panel_js

if TYPE_CHECKING:
    from tests.fakes.portal import FakePortal


class StockTitles:
    """As stock: one list for movies and series, everything a string, files under episodes."""

    portal: FakePortal

    def on_vod_get_categories(self, asked: Asked) -> Reply:
        rows: list[dict[str, Any]] = [{"id": "*", "title": "All", "alias": "Все", "censored": 0}]
        return js(rows + [_category(one) for one in self.portal.titles.categories])

    def on_vod_get_ordered_list(self, asked: Asked) -> Reply:
        if asked.query["movie_id"] != "0":
            return js(_page_of(self._below(asked), asked))
        titles = self.portal.titles
        return js(self._listed([*titles.movies, *titles.series], asked, str))

    def on_vod_create_link(self, asked: Asked) -> Reply:
        """Only `/media/<id>.mpg` and `/media/file_<n>.mpg` are understood, whatever stands before them."""
        self.portal.doings(asked.mac).create_links += 1
        cmd = asked.query["cmd"]
        if asked.query["disable_ad"] != "1":
            return js([{"type": "ad", "cmd": "ffmpeg http://ads.example/1.mp4"}, {"id": 1, "cmd": cmd}])
        if asked.query["forced_storage"] == "undefined":
            return js(_vod_link(cmd, "", "nothing_to_play"))
        movie = next((one for one in self.portal.titles.movies if cmd.endswith(f"/media/{one.id}.mpg")), None)
        if movie is not None and movie.link_error:
            return js(_vod_link(cmd, "", movie.link_error))
        file = re.search(r"/media/file_(\d+)\.mpg$", cmd)
        if file is None and (movie is None or movie.files or movie.cmd):
            return js(_vod_link(cmd, "", "nothing_to_play"))
        name = f"file_{file.group(1)}" if file else str(movie.id if movie else 0)
        return js(_vod_link(cmd, self.portal.vod_link(asked.mac, name, asked.query["series"]), ""))

    def movie_row(self, movie: FakeMovie) -> dict[str, Any]:
        return {
            "id": str(movie.id),
            "name": movie.name,
            "o_name": movie.name,
            "description": f"About {movie.name}<br>and more",
            "director": "A. Director",
            "actors": "B. Actor, C. Actress",
            "year": "1999",
            "time": "95",
            "category_id": movie.category,
            "genres_str": "Thriller, Drama",
            "censored": str(int(movie.censored)),
            "lock": int(movie.censored),
            "added": "2024-05-01 12:00:00",
            "rating_imdb": "7.4",
            "rating_mpaa": "PG-13",
            "country": "US",
            "screenshot_uri": f"/stalker_portal/screenshots/1/{movie.id}.jpg",
            "cmd": "" if movie.files else movie.cmd or f"/media/{movie.id}.mpg",
            "series": list(movie.episodes),
            "has_files": len(movie.files),
            "is_series": 0,
            "is_movie": 1,
            "fav": 0,
            "open": 1,
        } | movie.extra

    def series_row(self, series: FakeSeries) -> dict[str, Any]:
        plain = FakeMovie(series.id, series.name, series.category, censored=series.censored)
        return {**self.movie_row(plain), "cmd": "", "is_series": "1", "is_movie": 0} | series.extra

    def _listed(self, titles: Sequence[FakeMovie | FakeSeries], asked: Asked, total: type) -> dict[str, Any]:
        """A page of titles; rows are made of no others, so that large portals stay quick."""
        category, text = asked.query["category"], asked.query["search"].lower()
        chosen = [one for one in titles if category in ("*", one.category) and (not text or text in one.name.lower())]
        page = max(int(asked.query["p"] or 0), 1)
        rows = [
            self.movie_row(one) if isinstance(one, FakeMovie) else self.series_row(one)
            for one in chosen[(page - 1) * PAGE : page * PAGE]
        ]
        return paged(rows, total(len(chosen)), PAGE, page=0)

    def _below(self, asked: Asked) -> list[dict[str, Any]]:
        movie_id, season_id, episode_id = (asked.query[name] for name in ("movie_id", "season_id", "episode_id"))
        movie = next((one for one in self.portal.titles.movies if str(one.id) == movie_id), None)
        if movie is not None:
            return [_file(file, movie.name) for file in movie.files]
        series = next((one for one in self.portal.titles.series if str(one.id) == movie_id), None)
        if series is None:
            return []
        if season_id == "0":
            return [_season(series, number) for number in series.seasons]
        season = next((n for n in series.seasons if str(series.season_id(n)) == season_id), None)
        if season is None:
            return []
        numbers = range(1, series.seasons[season] + 1)
        if episode_id == "0":
            return [_episode(series, season, number) for number in numbers]
        found = [number for number in numbers if str(series.episode_id(season, number)) == episode_id]
        return [_file(series.episode_id(season, number), f"E{number}") for number in found]


class PanelTitles(StockTitles):
    """As the MAG module of a panel: ints, orders wrapped in base64, series in a list of their own."""

    def on_vod_get_categories(self, asked: Asked) -> Reply:
        return panel_js([_category(one) for one in self.portal.titles.categories])

    def on_series_get_categories(self, asked: Asked) -> Reply:
        return panel_js([_category(one) for one in self.portal.titles.series_categories])

    def on_vod_get_ordered_list(self, asked: Asked) -> Reply:
        return panel_js(self._listed([one for one in self.portal.titles.movies if not one.files], asked, int))

    def on_series_get_ordered_list(self, asked: Asked) -> Reply:
        movie_id = asked.query["movie_id"]
        if movie_id == "0":
            return panel_js(self._listed(self.portal.titles.series, asked, int))
        series = next((one for one in self.portal.titles.series if self._listed_id(one) == movie_id), None)
        rows = [self._season_row(series, number) for number in reversed(series.seasons)] if series else []
        return panel_js(_page_of(rows, asked, total=int))

    def on_vod_create_link(self, asked: Asked) -> Reply:
        self.portal.doings(asked.mac).create_links += 1
        beside = {"streamer_id": 0, "link_id": 0, "load": "", "error": ""}
        cmd, place = asked.query["cmd"], asked.query["series"]
        told = _unwrapped(cmd)
        legacy = re.search(r"^/media/(\d+):(\d+)\.mpg$", cmd)
        if told.get("type") == "movie":
            return panel_js({"id": 1, "cmd": self.portal.vod_link(asked.mac, str(told["stream_id"]), place)}, **beside)
        if told.get("type") == "series":
            series = next(one for one in self.portal.titles.series if one.id == told["series_id"])
            if not place.isdigit() or not 1 <= int(place) <= series.seasons.get(told["season_num"], 0):
                return panel_js({"id": 0, "cmd": ""}, **{**beside, "error": "player_file_missing"})
            name = f"{series.id}-{told['season_num']}"
            return panel_js({"id": 1, "cmd": self.portal.vod_link(asked.mac, name, place)}, **beside)
        if legacy and place.isdigit():
            name = f"{legacy.group(1)}-{legacy.group(2)}"
            return panel_js({"id": 1, "cmd": self.portal.vod_link(asked.mac, name, place)}, **beside)
        return panel_js({"id": 0, "cmd": ""}, **{**beside, "error": "nothing_to_play"})

    def movie_row(self, movie: FakeMovie) -> dict[str, Any]:
        told = {
            "type": "movie",
            "stream_id": str(movie.id),
            "stream_source": None,
            "target_container": '["mkv"]',
        }
        legacy = f"/media/{movie.id}:{movie.season}.mpg" if movie.season else ""
        return {
            **super().movie_row(movie),
            "id": movie.id,
            "category_id": int(movie.category),
            "censored": int(movie.censored),
            "screenshot_uri": f"http://posters.example/{movie.id}.jpg",
            "cmd": movie.cmd or legacy or _wrapped(told),
        } | movie.extra

    def series_row(self, series: FakeSeries) -> dict[str, Any]:
        return {**super().series_row(series), "id": self._listed_id(series), "is_series": 1, "cmd": ""} | series.extra

    def _listed_id(self, series: FakeSeries) -> str:
        """Older panels list an id twice."""
        return f"{series.id}:{series.id}" if series.id % 2 == 0 else str(series.id)

    def _season_row(self, series: FakeSeries, number: int) -> dict[str, Any]:
        told = {"series_id": series.id, "season_num": number, "type": "series"}
        return {
            **self.series_row(series),
            "id": self._listed_id(series) if series.id % 2 else f"{series.id}:{number}",
            "name": f"Season {number}" if number else "Specials",
            "cmd": _wrapped(told),
            "series": list(range(1, series.seasons[number] + 1)),
        }


def _category(category: FakeCategory) -> dict[str, Any]:
    return {
        "id": category.id,
        "title": category.title,
        "alias": category.title.lower(),
        "censored": int(category.censored),
    }


def _season(series: FakeSeries, number: int) -> dict[str, Any]:
    return {
        "id": str(series.season_id(number)),
        "name": f"Season {number}" if number else "Specials",
        "season_number": str(number),
        "is_season": True,
        "series": [],
        "cmd": "",
    }


def _episode(series: FakeSeries, season: int, number: int) -> dict[str, Any]:
    return {
        "id": str(series.episode_id(season, number)),
        "name": f"Part {number}",
        "series_number": str(number),
        "is_episode": True,
        "series": [],
        "cmd": "",
    }


def _file(file: int, name: str) -> dict[str, Any]:
    row = {"id": str(file), "name": name, "is_file": True, "quality": "1080p", "languages": "en"}
    return {**row, "cmd": f"/media/file_{file}.mpg"}


def _page_of(rows: list[dict[str, Any]], asked: Asked, total: type = str) -> dict[str, Any]:
    page = max(int(asked.query["p"] or 0), 1)
    return paged(rows[(page - 1) * PAGE : page * PAGE], total(len(rows)), PAGE, page=0)


def _vod_link(cmd: str, address: str, error: str) -> dict[str, Any]:
    return {"id": 1, "cmd": address, "load": "", "storage_id": "1", "subtitles": [], "error": error}


def _wrapped(told: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(told).encode()).decode()


def _unwrapped(cmd: str) -> dict[str, Any]:
    try:
        told = json.loads(base64.b64decode(cmd, validate=True))
    except ValueError:
        return {}
    return dict(told)
