"""Players in a soak that ask for lists before they watch: of the Xtream scheme, and of network tuners."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from bench.soak_actors import Actor, get, watch_live
from bench.soak_judges import Wrong, expect
from bench.soak_stage import Stage, programme
from bench.soak_titles import watch_film, watch_past


def xtream_player(stage: Stage, viewer: dict[str, Any]) -> Callable[..., None]:
    """Logs in, loads the lists, looks what is on, then watches a channel, a movie, an episode or the past."""
    login = f"{viewer['name']}/{viewer['password']}"
    base = stage.house.base

    def api(actor: Actor, action: str = "", **more: object) -> Any:
        query = {"username": viewer["name"], "password": viewer["password"], **more}
        if action:
            query["action"] = action
        return json.loads(get(f"{base}/player_api.php?{urlencode(query)}", actor.name))

    def act(actor: Actor) -> None:
        user = api(actor)["user_info"]
        expect("login", (user["auth"], user["status"], user["username"]), (1, "Active", viewer["name"]))
        actor.tally.add("xtream: logins")
        channels = {row["name"]: row["stream_id"] for row in api(actor, "get_live_streams")}
        movies = {row["name"]: row["stream_id"] for row in api(actor, "get_vod_streams")}
        series = api(actor, "get_series")
        info = api(actor, "get_series_info", series_id=series[0]["series_id"])
        episodes = {row["title"]: row["id"] for rows in info["episodes"].values() for row in rows}
        archives = {name for name in stage.films if name.startswith("Archive")}
        expect("channels", set(channels), {*stage.channels, *archives})
        expect("movies and episodes", set(movies) | set(episodes), set(stage.films) - archives)
        name = actor.chance.choice(stage.channels)
        listing = api(actor, "get_short_epg", stream_id=channels[name])["epg_listings"]
        titles = [base64.b64decode(row["title"]).decode() for row in listing]
        if not titles or not all(title.startswith(programme(name)) for title in titles):
            raise Wrong(f"short guide of {name}: {titles}")
        actor.tally.add("xtream: lists right")
        kind = actor.chance.choice(["live", "live", "movie", "series", "past"])
        if kind == "live":
            watch_live(actor, stage, name, f"{base}/live/{login}/{channels[name]}.ts", actor.chance.uniform(2, 10))
        elif kind == "movie":
            movie = actor.chance.choice(list(movies))
            watch_film(actor, stage, movie, f"{base}/movie/{login}/{movies[movie]}.mkv")
        elif kind == "series":
            episode = actor.chance.choice(list(episodes))
            watch_film(actor, stage, episode, f"{base}/series/{login}/{episodes[episode]}.mkv")
        else:
            past = actor.chance.choice(sorted(archives))
            watch_past(actor, stage, past, f"{base}/timeshift/{login}/30/{{start}}/{channels[past]}.ts")
        actor.rest(0.5, 2)

    return act


def tuner_client(stage: Stage, viewer: dict[str, Any]) -> Callable[..., None]:
    """Finds the tuner's lineup as Plex does, and tunes."""

    def act(actor: Actor) -> None:
        device = json.loads(get(f"{viewer['tuner']}/discover.json", actor.name))
        lineup = {row["GuideName"]: row["URL"] for row in json.loads(get(device["LineupURL"], actor.name))}
        expect("lineup", set(stage.channels) - set(lineup), set())
        actor.tally.add("tuner: lineups")
        name = actor.chance.choice(stage.channels)
        watch_live(actor, stage, name, lineup[name], actor.chance.uniform(2, 8))
        actor.rest(0.5, 2)

    return act
