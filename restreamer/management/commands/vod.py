"""`manage.py vod list|search|enable|disable|refresh|prefetch`."""

from __future__ import annotations

from typing import Any

from portals.models import Portal, RunKind, RunState
from restreamer.cli import whole
from restreamer.cli_runs import RunsCommand, portals_named
from restreamer.lib.errors import InvalidInput
from vod.models import Movie, Series
from vod.querysets import TitleQuerySet

_COLUMNS = ["id", "kind", "name", "year", "category", "enabled", "portals"]
_KINDS: dict[str, list[type[Movie] | type[Series]]] = {
    "movies": [Movie],
    "series": [Series],
    "all": [Movie, Series],
}


class Command(RunsCommand):
    help = "List, search and switch movies and series; fetch them and their details."

    def add_verbs(self, verbs: Any) -> None:
        for verb, text, action in (
            ("list", "list movies and series", self.list_all),
            ("search", "search by name", self.search),
            ("enable", "show to viewers", self.enable),
            ("disable", "hide from viewers", self.disable),
        ):
            parser = verbs.add_parser(verb, help=text)
            if verb == "search":
                parser.add_argument("text")
            parser.add_argument("--kind", choices=list(_KINDS), default="all")
            parser.add_argument("--portal", default="", metavar="NAME", help="only what this portal offers")
            parser.add_argument("--category", default="", metavar="NAME", help="only of this category")
            parser.add_argument("--id", type=whole, action="append", default=[], help="only this one; may be repeated")
            parser.add_argument("--all", action="store_true", help="every one (list, search: hidden ones too)")
            parser.add_argument("--most", type=whole, default=1000, help="show no more than so many of each kind")
            parser.set_defaults(action=action)
        for verb, text, action in (
            ("refresh", "fetch the lists of movies and series", self.refresh),
            ("prefetch", "fetch all details: plot, cast, episodes; takes hours, goes on where it was", self.prefetch),
        ):
            parser = verbs.add_parser(verb, help=text)
            parser.add_argument("name", nargs="*", help="portals; all without a name")
            parser.add_argument("--wait", action="store_true", help="return when it is done")
            parser.add_argument("--watch", action="store_true", help="return when it is done, and show how it goes")
            parser.set_defaults(action=action)

    def list_all(self, options: dict[str, Any]) -> None:
        """What viewers see, or everything with --all."""
        rows = [row for titles in _chosen(options) for row in _rows(titles.in_order(), options)]
        self.table(rows, _COLUMNS, "No movies or series here. Enable some, or list all of them with --all.")

    def search(self, options: dict[str, Any]) -> None:
        """By name, best first; accents and case do not count."""
        rows = [row for titles in _chosen(options) for row in _rows(titles.search(options["text"]), options)]
        self.table(rows, _COLUMNS, "Nothing is called that. Hidden ones are found with --all.")

    def enable(self, options: dict[str, Any]) -> None:
        """Switch on."""
        self._switch(options, enabled=True)

    def disable(self, options: dict[str, Any]) -> None:
        """Switch off."""
        self._switch(options, enabled=False)

    def refresh(self, options: dict[str, Any]) -> None:
        """Fetch the lists."""
        self._run(options, RunKind.VOD)

    def prefetch(self, options: dict[str, Any]) -> None:
        """Fetch all details."""
        self._run(options, RunKind.DETAILS)

    def _switch(self, options: dict[str, Any], *, enabled: bool) -> None:
        if not (options["portal"] or options["category"] or options["id"] or options["all"]):
            raise InvalidInput("Say which: --portal, --category, --id, or --all.")
        changed = {str(t.model._meta.verbose_name_plural): t.switch(enabled=enabled) for t in _chosen(options)}
        words = ", ".join(f"{count} {kind}" for kind, count in changed.items())
        self.result(
            {"changed": changed, "enabled": enabled}, [f"{words} {'shown to' if enabled else 'hidden from'} viewers."]
        )

    def _run(self, options: dict[str, Any], kind: RunKind) -> None:
        portals = [portal for portal in portals_named(options["name"]) if portal.with_vod]
        if not portals:
            raise InvalidInput("No portal fetches movies and series; switch that on at the portal.")
        watch = options["watch"] and not self.as_json
        rows = self.refresh_all(portals, wait=options["wait"] or options["watch"], watch=watch, kinds=[kind])
        if self.as_json:
            self.result(rows)
        if any(row["state"] in (RunState.FAILED, RunState.INTERRUPTED) for row in rows):
            raise SystemExit(1)


def _chosen(options: dict[str, Any]) -> list[TitleQuerySet[Any]]:
    portal = Portal.objects.filter(name=options["portal"]).first() if options["portal"] else None
    if options["portal"] and portal is None:
        raise InvalidInput(f"No portal is called {options['portal']!r}.")
    chosen = []
    for model in _KINDS[options["kind"]]:
        titles: TitleQuerySet[Any] = model.objects.all()
        if portal is not None:
            titles = titles.of_portal(portal)
        if options["category"]:
            titles = titles.in_category(options["category"])
        if options["id"]:
            titles = titles.filter(pk__in=options["id"])
        chosen.append(titles)
    return chosen


def _rows(titles: TitleQuerySet[Any], options: dict[str, Any]) -> list[dict[str, Any]]:
    shown = titles if options["all"] else titles.visible()
    return [
        {
            "id": title.pk,
            "kind": title._meta.model_name,
            "name": title.shown_name,
            "year": title.year,
            "category": title.category.name if title.category else "",
            "enabled": title.enabled,
            "portals": ", ".join(sorted({offer.portal.name for offer in title.offers.all()})),
        }
        for title in shown.select_related("category").prefetch_related("offers__portal")[: max(options["most"], 0)]
    ]
