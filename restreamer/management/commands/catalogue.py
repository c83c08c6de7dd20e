"""`manage.py catalogue stats`."""

from __future__ import annotations

from typing import Any

from restreamer.catalogue_stats import stats
from restreamer.cli import RestreamerCommand


class Command(RestreamerCommand):
    help = "Say what the catalogue holds."
    needs_redis = False

    def add_verbs(self, verbs: Any) -> None:
        verbs.add_parser("stats", help="how much of what there is, portal by portal").set_defaults(action=self.stats)

    def stats(self, options: dict[str, Any]) -> None:
        """Counts, for a person or for a script."""
        found = stats()
        if self.as_json:
            self.result(found)
            return
        for title, facts in found.items():
            if title == "portals":
                continue
            self.say(f"{title}: " + ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in facts.items()))
        if found["portals"]:
            self.table(found["portals"], list(found["portals"][0]), "")
