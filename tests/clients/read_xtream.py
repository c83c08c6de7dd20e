"""Logs in with pyxtream, the library several players are built on, and prints what it understood as one line of JSON.

Usage: python read_xtream.py BASE NAME PASSWORD FOLDER
"""

from __future__ import annotations

import contextlib
import json
import sys

from pyxtream import XTream  # type: ignore[import-not-found]


def main() -> None:
    base, name, password, folder = sys.argv[1:]
    with contextlib.redirect_stdout(sys.stderr):
        xtream = XTream("ours", name, password, base, cache_path=folder)
        xtream.load_iptv()
        for series in xtream.series:
            xtream.get_series_info_by_id(series)
    understood = {
        "state": xtream.state,
        "channels": [{"name": one.name, "url": one.url, "epg": one.epg_channel_id} for one in xtream.channels],
        "movies": [{"name": one.name, "url": one.url} for one in xtream.movies],
        "series": [
            {"name": one.name, "seasons": {name: list(season.episodes) for name, season in one.seasons.items()}}
            for one in xtream.series
        ],
        "groups": [one.name for one in xtream.groups],
    }
    print(json.dumps(understood))


main()
