"""`manage.py channel list|enable|disable`."""

from __future__ import annotations

from typing import Any

from channels.models import Channel
from channels.querysets import ChannelQuerySet
from guide.jobs import ask_for_match
from portals.models import Portal
from restreamer.cli import RestreamerCommand
from restreamer.lib.errors import InvalidInput


class Command(RestreamerCommand):
    help = "List channels and switch them on and off."
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
