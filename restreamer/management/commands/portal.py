"""`manage.py portal add|upload|list|test|refresh|cancel|diff|doctor|remove`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from channels.models import Channel
from portals import leaving
from portals import runs as run_rows
from portals.adding import NewPortal, add_portal
from portals.checking import check_subscription
from portals.models import Portal, PortalKind, Run, RunKind, RunState, Subscription
from portals.models.run import UNDER_WAY
from portals.providers.m3u import is_allowed, keep_upload, pieces_of
from portals.refreshing import kinds_of
from restreamer import portal_reports
from restreamer.cli import whole
from restreamer.cli_runs import RunsCommand, portals_named
from restreamer.lib import redact
from restreamer.lib.errors import InvalidInput, RestreamerError
from restreamer.progress_bar import ProgressBar

_KINDS = {"live": [RunKind.LIVE], "vod": [RunKind.VOD]}


class Command(RunsCommand):
    help = "Add, list, test and refresh the providers you subscribe to."

    def add_verbs(self, verbs: Any) -> None:
        add = verbs.add_parser("add", help="add a provider")
        add.add_argument("name")
        add.add_argument("url", metavar="URL", help="address as your provider gave it, or a playlist file")
        add.add_argument("--kind", choices=PortalKind.values, help="stalker unless said; m3u for a file")
        add.add_argument("--mac", action="append", default=[], help="one or several, comma separated")
        add.add_argument("--login", action="append", default=[], metavar="USER:PASSWORD")
        add.add_argument("--streams", type=whole, default=1, help="streams at once per MAC or login; 0 = unlimited")
        add.add_argument("--proxy", default="", metavar="URL")
        add.add_argument("--refresh", action="store_true", help="fetch the catalogue now and wait for it")
        add.add_argument(
            "--enable-all", action="store_true", help="show all its channels, those of later refreshes too"
        )
        add.add_argument("--no-guide", action="store_true", help="do not take its own programme guide")
        add.set_defaults(action=self.add)
        upload = verbs.add_parser("upload", help="replace the playlist of a provider by a file")
        upload.add_argument("name")
        upload.add_argument("file", type=Path, help="M3U, also packed as .gz, .xz, .bz2 or .zip")
        upload.add_argument("--wait", action="store_true", help="return when it is read")
        upload.set_defaults(action=self.upload)
        listing = verbs.add_parser("list", help="list the providers")
        listing.set_defaults(action=self.list_all)
        test = verbs.add_parser("test", help="ask the provider about each subscription")
        test.add_argument("name", nargs="*")
        test.set_defaults(action=self.test)
        refresh = verbs.add_parser("refresh", help="fetch the catalogue")
        refresh.add_argument("name", nargs="*")
        refresh.add_argument(
            "--kind", choices=[*_KINDS, "all"], default="all", help="only live channels, or only movies and series"
        )
        refresh.add_argument("--wait", action="store_true", help="return when it is done")
        refresh.add_argument("--watch", action="store_true", help="return when it is done, and show how it goes")
        refresh.set_defaults(action=self.refresh)
        cancel = verbs.add_parser("cancel", help="stop a refresh, or drop one that waits for your word")
        cancel.add_argument("name", nargs="*")
        cancel.set_defaults(action=self.cancel)
        diff = verbs.add_parser("diff", help="say what a refresh would change, and change nothing")
        diff.add_argument("name", nargs="*")
        diff.add_argument(
            "--kind", choices=[*_KINDS, "all"], default="all", help="only live, or only movies and series"
        )
        diff.add_argument("--most", type=whole, default=20, help="examples of each kind of change")
        diff.set_defaults(action=self.diff)
        doctor = verbs.add_parser("doctor", help="examine a provider step by step; the report may be shown to others")
        doctor.add_argument("name")
        doctor.add_argument("--show-host", action="store_true", help="leave the provider's host in the report")
        doctor.set_defaults(action=self.doctor)
        remove = verbs.add_parser("remove", help="delete a provider, its subscriptions and streams")
        remove.add_argument("name")
        remove.add_argument("--yes", action="store_true", help="do not ask")
        remove.add_argument("--keep-channels", action="store_true", help="leave the channels nothing else feeds")
        remove.set_defaults(action=self.remove)

    def add(self, options: dict[str, Any]) -> None:
        """Add a portal, on wish refresh it and enable its channels."""
        file = Path(options["url"])
        is_file = options["kind"] in (None, PortalKind.M3U) and file.is_file()
        new = NewPortal(
            name=options["name"],
            address=str(file.absolute()) if is_file else options["url"],
            kind=options["kind"] or (PortalKind.M3U if is_file else PortalKind.STALKER),
            macs=_commas(options["mac"]),
            logins=options["login"],
            streams=options["streams"],
            proxy_url=options["proxy"],
            enable_new=options["enable_all"],
            with_guide=not options["no_guide"],
        )
        if is_file and not is_allowed(file):
            with _opened(file) as opened:
                portal = add_portal(replace(new, playlist=pieces_of(opened)))
        else:
            portal = add_portal(new)
        count = portal.subscriptions.count()
        self.say(f"Portal {portal.name!r} added with {count} subscription{'' if count == 1 else 's'}.")
        document: dict[str, Any] = {"id": portal.pk, "name": portal.name, "slug": portal.slug, "kind": portal.kind}
        runs = self.refresh_all([portal], wait=True) if options["refresh"] else []
        if runs:
            document["runs"] = runs
        if self.as_json:
            self.result(document)
        _fail_with(runs)

    def upload(self, options: dict[str, Any]) -> None:
        """Replace the list of a portal and have it read."""
        portal = portals_named([options["name"]])[0]
        if portal.kind != PortalKind.M3U:
            raise InvalidInput(f"{portal.name!r} is no M3U portal; only those take a playlist file.")
        with _opened(options["file"]) as opened:
            portal.address = keep_upload(pieces_of(opened), portal.slug)
        portal.save(update_fields=["address"])
        self.say(f"Portal {portal.name!r} has its new playlist.")
        runs = self.refresh_all([portal], wait=options["wait"])
        if self.as_json:
            self.result({"id": portal.pk, "name": portal.name, "runs": runs})
        _fail_with(runs)

    def list_all(self, options: dict[str, Any]) -> None:
        """All portals with their subscriptions."""
        rows = [
            {
                "name": portal.name,
                "kind": portal.kind,
                "address": redact.url(portal.address),
                "enabled": portal.enabled,
                "subscriptions": ", ".join(
                    f"{s.shown_name} ({s.get_state_display()})" for s in portal.subscriptions.all()
                ),
                "channels": Channel.objects.of_portal(portal).count(),
                "refreshed": portal.refreshed_at and portal.refreshed_at.isoformat(timespec="minutes"),
            }
            for portal in Portal.objects.prefetch_related("subscriptions")
        ]
        columns = ["name", "kind", "address", "enabled", "subscriptions", "channels", "refreshed"]
        self.table(rows, columns, "No portals yet. Add one: manage.py portal add NAME URL --mac MAC --refresh")

    def test(self, options: dict[str, Any]) -> None:
        """Ask about each subscription; exit 1 when one does not work."""
        rows = []
        for portal in portals_named(options["name"]):
            for subscription in portal.subscriptions.all():
                rows.append({"portal": portal.name, "subscription": subscription.shown_name, **_asked(subscription)})
        self.table(rows, ["portal", "subscription", "state", "expires", "result", "warning"], "Nothing to test.")
        if any(row["state"] != "ok" for row in rows):
            raise SystemExit(1)

    def refresh(self, options: dict[str, Any]) -> None:
        """Refresh portals in the background, or here when no worker runs."""
        watch = options["watch"] and not self.as_json
        rows = self.refresh_all(
            portals_named(options["name"]),
            wait=options["wait"] or options["watch"],
            watch=watch,
            kinds=_KINDS.get(options["kind"], ()),
        )
        if self.as_json:
            self.result(rows)
        _fail_with(rows)

    def cancel(self, options: dict[str, Any]) -> None:
        """Stop what waits or works; drop what is held."""
        run_rows.bury_dead()
        found = Run.objects.filter(portal__in=portals_named(options["name"]), state__in=[*UNDER_WAY, RunState.HELD])
        stopped = [run for run in found.select_related("portal") if run_rows.cancel(run)]
        lines = [f"{run.portal}: {run.get_kind_display()}: stopped. What was stored before stays." for run in stopped]
        self.result([run.pk for run in stopped], lines or ["There is nothing to stop."])

    def diff(self, options: dict[str, Any]) -> None:
        """What refreshes would change."""
        rows = []
        asked = [
            (portal, kind)
            for portal in portals_named(options["name"])
            for kind in _KINDS.get(options["kind"], kinds_of(portal))
        ]
        for portal, kind in asked:
            bar = ProgressBar(self.draw, redraws=True) if self.stdout.isatty() and not self.as_json else None
            try:
                rows.append(portal_reports.changes(portal, kind, bar.show if bar else None))
            finally:
                if bar:
                    bar.close()
            for line in portal_reports.change_lines(rows[-1], options["most"]):
                self.say(line)
        if self.as_json:
            self.result(rows)

    def doctor(self, options: dict[str, Any]) -> None:
        """Step by step from the name to the first bytes; exit 1 when a step failed."""
        portal = portals_named([options["name"]])[0]
        report = portal_reports.examination(portal, show_host=options["show_host"], tell=self.say)
        if self.as_json:
            self.result(report)
        if not report["works"]:
            raise SystemExit(1)

    def remove(self, options: dict[str, Any]) -> None:
        """Delete a portal after saying what goes with it."""
        portal = portals_named([options["name"]])[0]
        if not options["yes"]:
            along = ", ".join(f"{count:,} {name}" for name, count in leaving.goes_along(portal).items())
            raise InvalidInput(
                f"This deletes portal {portal.name!r}{along and ' with '}{along}. Say --yes to do it; --keep-channels "
                "leaves the channels."
            )
        leaving.remove(portal, keep_fed=options["keep_channels"])
        self.result({"removed": portal.name}, [f"Portal {portal.name!r} removed."])


def _fail_with(runs: list[dict[str, Any]]) -> None:
    """Exit 1 when one of the runs did not come to its end; what is to be said was said."""
    if any(row["state"] in (RunState.FAILED, RunState.INTERRUPTED) for row in runs):
        raise SystemExit(1)


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as err:
        raise InvalidInput(f"The file {file} cannot be read: {err.strerror}.") from err


def _asked(subscription: Subscription) -> dict[str, Any]:
    """What the portal says of a subscription; one that cannot be asked does not keep the others from being asked."""
    try:
        report = check_subscription(subscription)
    except RestreamerError as err:
        return {"state": "not asked", "expires": None, "result": err.message, "warning": ""}
    return {
        "state": report.state,
        "expires": report.expires_at and report.expires_at.date().isoformat(),
        "result": report.sentence,
        "warning": report.warning,
    }


def _commas(values: list[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
