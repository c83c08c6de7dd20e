"""`manage.py import stb-proxy|kptv`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from portals import refreshing
from portals.jobs import enqueue_refresh
from portals.models import Portal, RunKind
from restreamer.cli import RestreamerCommand
from restreamer.lib.errors import RestreamerError
from restreamer.moving import kptv, stb_proxy
from restreamer.moving.moving_in import move_in
from restreamer.moving.wishes import Wishes


class Command(RestreamerCommand):
    help = "Move in from another system: its portals, logins, names and numbers."

    def add_verbs(self, verbs: Any) -> None:
        stb = verbs.add_parser("stb-proxy", help="from STB-Proxy's config.json")
        stb.add_argument("file", type=Path)
        stb.set_defaults(action=self.stb_proxy)
        other = verbs.add_parser("kptv", help="from KPTV Proxy's config.json, .env file, or SOURCES variable")
        other.add_argument("file", type=Path, nargs="?", help="left out: SOURCES and its neighbours of the environment")
        other.add_argument("--sources", default="", metavar="URL|N,…", help="what SOURCES held")
        other.set_defaults(action=self.kptv)
        for verb in (stb, other):
            verb.add_argument("--dry-run", action="store_true", help="say what would be stored, and store nothing")
            verb.add_argument("--no-refresh", action="store_true", help="do not fetch the channels now")

    def stb_proxy(self, options: dict[str, Any]) -> None:
        """STB-Proxy."""
        self._move(stb_proxy.read(options["file"]), options)

    def kptv(self, options: dict[str, Any]) -> None:
        """KPTV Proxy."""
        if options["file"]:
            wishes = kptv.read(options["file"])
        else:
            given = {"SOURCES": options["sources"]} if options["sources"] else {}
            wishes = kptv.from_variables({**os.environ, **given})
        self._move(wishes, options)

    def _move(self, wishes: Wishes, options: dict[str, Any]) -> None:
        dry_run = options["dry_run"]
        report = move_in(wishes, None if options["no_refresh"] else _refreshed, dry_run=dry_run)
        if self.as_json:
            self.result({"dry_run": dry_run, **report})
            return
        for subject in ("portals", "guides", "viewers"):
            for row in report[subject]:
                told = f"{subject[:-1]} {row['name']}: {row['result']}"
                if "channels_curated" in row and row["channels"]:
                    told += f"; {row['channels_curated']} channel(s) as you had them"
                    if row["channels_missing"]:
                        told += f", {row['channels_missing']} not offered now"
                self.say(told + ".")
        for words in report["left"]:
            self.say(f"left out: {words}.")
        if dry_run:
            self.say("Nothing was stored. Without --dry-run it is.")


def _refreshed(portal: Portal) -> str:
    """Fetch the portal's channels here; the reason when that does not work."""
    if not portal.enabled:
        return "it is switched off"
    try:
        refreshing.perform(enqueue_refresh(portal, RunKind.LIVE, "import"))
    except RestreamerError as err:
        return err.message
    return ""
