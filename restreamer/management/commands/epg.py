"""`manage.py epg add|list|refresh|match|remove`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from guide import jobs, matchmaking
from guide.models import Decision, EpgSource, GuideMatch, SourceKind
from guide.wanted import our_channels
from portals.models import Portal
from restreamer.cli import RestreamerCommand, whole
from restreamer.lib import redact
from restreamer.lib.errors import InvalidInput, RestreamerError


class Command(RestreamerCommand):
    help = "Add, list and refresh guides, and match their channels with ours."

    def add_verbs(self, verbs: Any) -> None:
        add = verbs.add_parser("add", help="add a guide")
        add.add_argument("name")
        add.add_argument(
            "address", nargs="?", default="", help="http(s):// address of XMLTV, or a file of this machine"
        )
        add.add_argument(
            "--portal", default="", metavar="NAME", help="the guide of this portal, in place of an address"
        )
        add.add_argument("--priority", type=whole, default=100, help="lower wins when two guides know a channel")
        add.add_argument("--shift", type=whole, default=0, metavar="MINUTES", help="move the whole guide")
        add.add_argument("--everything", action="store_true", help="keep broadcasts of channels we do not have, too")
        add.add_argument("--refresh", action="store_true", help="fetch it now and wait for it")
        add.set_defaults(action=self.add)
        verbs.add_parser("list", help="list the guides").set_defaults(action=self.list_all)
        refresh = verbs.add_parser("refresh", help="fetch guides now and wait for them")
        refresh.add_argument("name", nargs="*")
        refresh.set_defaults(action=self.refresh)
        match = verbs.add_parser("match", help="find guide channels for ours; prints what waits for a decision")
        match.set_defaults(action=self.match)
        remove = verbs.add_parser("remove", help="delete a guide")
        remove.add_argument("name")
        remove.set_defaults(action=self.remove)

    def add(self, options: dict[str, Any]) -> None:
        """Add a source, on wish fetch it."""
        if EpgSource.objects.filter(name=options["name"]).exists():
            raise InvalidInput(f"A guide is called {options['name']!r} already.")
        source = EpgSource(
            name=options["name"],
            kind=_kind(options),
            address=options["address"],
            portal=_portal(options["portal"]) if options["portal"] else None,
            priority=options["priority"],
            shift_minutes=options["shift"],
            keep_everything=options["everything"],
        )
        try:
            source.full_clean()
        except ValidationError as err:
            raise InvalidInput(" ".join(err.messages)) from err
        source.save()
        self.say(f"Guide {source.name!r} added.")
        if options["refresh"]:
            self._refresh([source])
        elif self.as_json:
            self.result({"id": source.pk, "name": source.name, "kind": source.kind})

    def list_all(self, options: dict[str, Any]) -> None:
        """All sources with what came of the last visit."""
        rows = [
            {
                "name": source.name,
                "kind": source.kind,
                "address": str(source.portal) if source.portal else redact.url(source.address),
                "enabled": source.enabled,
                "channels": source.channels.live().count(),
                "broadcasts": source.counts.get("kept", 0),
                "status": source.status,
            }
            for source in EpgSource.objects.select_related("portal").in_order()
        ]
        columns = ["name", "kind", "address", "enabled", "channels", "broadcasts", "status"]
        self.table(rows, columns, "No guides yet. Add one: manage.py epg add NAME ADDRESS --refresh")

    def refresh(self, options: dict[str, Any]) -> None:
        """Fetch the named sources, or all that are switched on."""
        names = options["name"]
        self._refresh([_source(name) for name in names] or list(EpgSource.objects.enabled().in_order()))

    def match(self, options: dict[str, Any]) -> None:
        """Accept what is certain, list what waits for a person."""
        report = matchmaking.match(our_channels(), now=timezone.now())
        self.say(
            f"{report.channels} channels: {report.accepted} matched now, {report.settled} before, "
            f"{report.proposed} wait for a decision, {report.without} have no likeness in any guide."
        )
        waiting = [
            {
                "channel": pair.channel_name,
                "guide": pair.guide_name or pair.guide_id,
                "id": pair.guide_id,
                "confidence": f"{pair.confidence:.0%}",
                "reason": pair.reason,
            }
            for pair in GuideMatch.objects.filter(decision=Decision.PROPOSED)
        ]
        if self.as_json:
            self.result({**asdict(report), "waiting": waiting})
        elif waiting:
            self.table(waiting, ["channel", "guide", "id", "confidence", "reason"], "")

    def remove(self, options: dict[str, Any]) -> None:
        """Delete a source with its broadcasts."""
        source = _source(options["name"])
        source.delete()
        self.result({"removed": options["name"]}, [f"Guide {options['name']!r} removed."])

    def _refresh(self, sources: list[EpgSource]) -> None:
        if not sources:
            raise InvalidInput("There is no guide to refresh. Add one: manage.py epg add NAME ADDRESS")
        results = []
        for source in sources:
            try:
                jobs.refresh_here(source, "command")
            except RestreamerError as err:
                results.append({"name": source.name, "ok": False, "status": redact.text(err.message)})
            else:
                source.refresh_from_db()
                results.append({"name": source.name, "ok": True, "status": source.status})
        self.result(results, [f"{row['name']}: {row['status']}" for row in results])
        if not all(row["ok"] for row in results):
            raise SystemExit(1)


def _kind(options: dict[str, Any]) -> SourceKind:
    if bool(options["address"]) == bool(options["portal"]):
        raise InvalidInput("Say where the guide is: an address, or --portal NAME.")
    if options["portal"]:
        return SourceKind.PORTAL
    return SourceKind.URL if "://" in options["address"] else SourceKind.FILE


def _portal(name: str) -> Portal:
    portal = Portal.objects.filter(name=name).first()
    if portal is None:
        raise InvalidInput(f"No portal is called {name!r}.")
    return portal


def _source(name: str) -> EpgSource:
    source = EpgSource.objects.filter(name=name).first()
    if source is None:
        raise InvalidInput(f"No guide is called {name!r}.")
    return source
