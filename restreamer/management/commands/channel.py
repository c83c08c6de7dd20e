"""`manage.py channel list|enable|disable|deliver|doubles`."""

from __future__ import annotations

from typing import Any

from channels import merging
from channels.models import Channel, Group, Merge
from channels.querysets import ChannelQuerySet
from guide.jobs import ask_for_match
from portals.models import Portal
from restreamer.cli import RestreamerCommand, whole
from restreamer.lib.errors import InvalidInput
from streaming.deliver import Subject, deliver, deliver_as_usual, profile_named
from streaming.delivery import Mode
from streaming.models import Delivery


class Command(RestreamerCommand):
    help = "List channels, switch them on and off, choose how they are delivered, find doubles."
    needs_redis = False

    def add_verbs(self, verbs: Any) -> None:
        for verb, text, action in (
            ("list", "list channels", self.list_all),
            ("enable", "show channels to viewers", self.enable),
            ("disable", "hide channels from viewers", self.disable),
        ):
            parser = verbs.add_parser(verb, help=text)
            parser.add_argument("--portal", default="", metavar="NAME", help="only those fed by this portal")
            parser.add_argument("--genre", default="", metavar="NAME", help="only this genre of the portal")
            parser.add_argument("--name", default="", metavar="TEXT", help="only names that hold this text")
            parser.add_argument("--all", action="store_true", help="every channel (list: disabled ones too)")
            parser.set_defaults(action=action)
        delivering = verbs.add_parser(
            "deliver", help="how channels reach their viewers; without MODE: what is chosen now"
        )
        delivering.add_argument("mode", nargs="?", default="", choices=["", *Mode, "usual"], metavar="MODE",
                                help="relay, transcode, redirect; usual = take the choice back")  # fmt: skip
        delivering.add_argument("--channel", type=whole, action="append", default=[], metavar="ID", help="these")
        delivering.add_argument("--group", action="append", default=[], metavar="NAME", help="these groups")
        delivering.add_argument("--portal", action="append", default=[], metavar="NAME", help="these portals")
        delivering.add_argument("--profile", default="", metavar="NAME", help="the ffmpeg profile")
        delivering.set_defaults(action=self.deliver)

        doubles = verbs.add_parser("doubles", help="look for channels that are one; says which, and changes nothing")
        doubles.add_argument("--merge-sure", action="store_true", help="merge those that are as good as certain")
        doubles.set_defaults(action=self.doubles)

    def doubles(self, options: dict[str, Any]) -> None:
        """Look for doubles now; what waits for a decision is listed, the surest first."""
        done = merging.refresh_proposals(auto=options["merge_sure"], by="command line")
        if done.merged:
            self.say(f"{done.merged} pair(s) merged; the page “Doubles” takes them back.")
        rows = [
            {
                "stays": row.stays.name,
                "stays_id": row.stays_id_kept,
                "goes": row.goes_name,
                "goes_id": row.goes_id,
                "sure": f"{row.confidence * 100:.0f} %",
                "reason": row.reason,
            }
            for row in Merge.objects.filter(state=Merge.State.OPEN).select_related("stays")
        ]
        self.table(rows, ["stays", "stays_id", "goes", "goes_id", "sure", "reason"], "No doubles wait for you.")

    def list_all(self, options: dict[str, Any]) -> None:
        """Enabled channels, or all with --all."""
        channels = _chosen(options).in_order().select_related("group").prefetch_related("streams__portal")
        if not options["all"]:
            channels = channels.enabled()
        rows = [
            {
                "id": channel.id,
                "number": channel.shown_number,
                "name": channel.name,
                "group": channel.group.name if channel.group else "",
                "enabled": channel.enabled,
                "portals": ", ".join(sorted({stream.portal.name for stream in channel.streams.all()})),
            }
            for channel in channels
        ]
        columns = ["id", "number", "name", "group", "enabled", "portals"]
        self.table(rows, columns, "No channels here. Enable some, or list all of them with --all.")

    def enable(self, options: dict[str, Any]) -> None:
        """Switch channels on."""
        self._switch(options, enabled=True)

    def disable(self, options: dict[str, Any]) -> None:
        """Switch channels off."""
        self._switch(options, enabled=False)

    def deliver(self, options: dict[str, Any]) -> None:
        """Choose, take back, or show what is chosen."""
        subjects = _subjects(options)
        if not options["mode"]:
            self._show_deliveries()
            return
        if not subjects:
            raise InvalidInput("Say what: --channel ID, --group NAME or --portal NAME.")
        if options["mode"] == "usual":
            changed = deliver_as_usual(subjects)
        else:
            profile = profile_named(options["profile"]) if options["profile"] else None
            changed = deliver(subjects, Mode(options["mode"]), profile)
        said = f"{changed} changed; what runs now keeps its delivery until it is started again."
        self.result({"changed": changed, "mode": options["mode"], "profile": options["profile"]}, [said])

    def _show_deliveries(self) -> None:
        chosen = Delivery.objects.select_related("channel", "group", "portal", "profile")
        rows = [
            {
                "kind": one.level,
                "id": one.subject.pk if one.subject else None,
                "name": str(one.subject),
                "mode": one.mode,
                "profile": one.profile.name if one.profile else "",
            }
            for one in chosen
        ]
        empty = "Nothing is chosen: everything is delivered as RESTREAMER_DELIVERY says."
        self.table(rows, ["kind", "id", "name", "mode", "profile"], empty)

    def _switch(self, options: dict[str, Any], *, enabled: bool) -> None:
        if not any(options[key] for key in ("portal", "genre", "name", "all")):
            raise InvalidInput("Say which channels: --portal, --genre, --name, or --all.")
        chosen = _chosen(options)
        # A subquery, because an UPDATE cannot carry the DISTINCT of a join.
        changed = Channel.objects.filter(pk__in=chosen.values("pk")).exclude(enabled=enabled).update(enabled=enabled)
        if changed:
            ask_for_match()
        word = "enabled" if enabled else "disabled"
        self.result({"changed": changed, "enabled": enabled}, [f"{changed} channel(s) {word}."])


def _subjects(options: dict[str, Any]) -> list[Subject]:
    found: list[Subject] = []
    for number in options["channel"]:
        found.append(_one(Channel.objects.filter(pk=number).first(), f"No channel has the id {number}."))
    for name in options["group"]:
        found.append(_one(Group.objects.filter(name=name).first(), f"No group is called {name!r}."))
    for name in options["portal"]:
        found.append(_one(Portal.objects.filter(name=name).first(), f"No portal is called {name!r}."))
    return found


def _one(row: Subject | None, sentence: str) -> Subject:
    if row is None:
        raise InvalidInput(sentence)
    return row


def _chosen(options: dict[str, Any]) -> ChannelQuerySet:
    channels = Channel.objects.all()
    if options["portal"]:
        portal = Portal.objects.filter(name=options["portal"]).first()
        if portal is None:
            raise InvalidInput(f"No portal is called {options['portal']!r}.")
        channels = channels.of_portal(portal)
    if options["genre"]:
        channels = channels.of_genre(options["genre"])
    if options["name"]:
        channels = channels.filter(name__icontains=options["name"])
    return channels
