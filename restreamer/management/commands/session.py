"""`manage.py session list|relays|stop|switch|prefer`: who is watching what, and steering it."""

from __future__ import annotations

import time
from typing import Any

from channels.models import Channel, Stream
from restreamer.cli import RestreamerCommand, whole
from restreamer.lib.errors import InvalidInput
from restreamer.lib.redis_client import connection
from streaming.candidates import channel_key
from streaming.sessions import Sessions


class Command(RestreamerCommand):
    help = "Who is watching what; end a session, switch a channel's source, prefer a stream."

    def add_verbs(self, verbs: Any) -> None:
        listing = verbs.add_parser("list", help="who is watching what")
        listing.set_defaults(action=self.list_all)
        relays = verbs.add_parser("relays", help="which channels run, and from where")
        relays.set_defaults(action=self.relays)
        stop = verbs.add_parser("stop", help="end a session")
        stop.add_argument("session", help="its id, as `session list` shows it")
        stop.set_defaults(action=self.stop)
        switch = verbs.add_parser("switch", help="have a channel take its next source now; nobody is dropped")
        switch.add_argument("channel", type=whole, help="its id, as `channel list` shows it")
        switch.set_defaults(action=self.switch)
        prefer = verbs.add_parser("prefer", help="have a stream tried first for a day, and at once where it runs")
        prefer.add_argument("channel", type=whole)
        prefer.add_argument("stream", type=whole, help="id of the stream; 0 takes the wish back")
        prefer.set_defaults(action=self.prefer)

    def list_all(self, options: dict[str, Any]) -> None:
        """All running sessions."""
        now = time.time()
        rows = [
            {
                "id": one.facts.session_id,
                "viewer": one.facts.viewer_name,
                "watches": one.facts.title,
                "from": one.facts.peer,
                "player": one.facts.agent[:40],
                "minutes": round((now - one.facts.started_at) / 60, 1),
                "MB": round(one.facts.bytes_out / 1e6, 1),
                "behind_s": one.facts.lag_s,
            }
            for one in Sessions(connection()).sessions()
        ]
        columns = ["id", "viewer", "watches", "from", "player", "minutes", "MB", "behind_s"]
        self.table(rows, columns, "Nobody is watching.")

    def relays(self, options: dict[str, Any]) -> None:
        """All running relays."""
        rows = [
            {
                "channel": facts.title,
                "key": facts.key,
                "state": facts.state,
                "from": facts.label,
                "stream": facts.stream_id,
                "viewers": facts.viewers,
                "at": owner,
                "feeds": facts.nodes,
                "ring_MB": round(facts.ring_bytes / 1e6, 1),
                "ffmpeg_speed": facts.ffmpeg_speed or None,
            }
            for facts, owner in Sessions(connection()).relays()
        ]
        columns = ["channel", "key", "state", "from", "stream", "viewers", "at", "feeds", "ring_MB", "ffmpeg_speed"]
        self.table(rows, columns, "Nothing runs.")

    def stop(self, options: dict[str, Any]) -> None:
        """End one session."""
        if not Sessions(connection()).stop(options["session"]):
            raise InvalidInput("There is no such session (any more). See `session list`.")
        self.result({"stopped": options["session"]}, ["The session ends."])

    def switch(self, options: dict[str, Any]) -> None:
        """Next source, now."""
        key = channel_key(_channel(options["channel"]).pk)
        if not Sessions(connection()).switch(key):
            raise InvalidInput("That channel does not run now; nobody watches it.")
        self.result({"switched": key}, ["The channel takes its next source."])

    def prefer(self, options: dict[str, Any]) -> None:
        """Try one stream first."""
        channel = _channel(options["channel"])
        stream = options["stream"]
        if stream and not Stream.objects.filter(pk=stream, link__channel=channel).exists():
            known = ", ".join(f"{s.pk} ({s.portal.name}: {s.name})" for s in channel.streams.select_related("portal"))
            raise InvalidInput(f"{channel} has no stream {stream}. It has: {known or 'none'}.")
        runs = Sessions(connection()).prefer(channel_key(channel.pk), stream)
        text = "The wish is taken back." if not stream else "It is tried first from now on."
        self.result({"preferred": stream, "runs_now": runs}, [text])


def _channel(pk: int) -> Channel:
    channel = Channel.objects.filter(pk=pk).first()
    if channel is None:
        raise InvalidInput(f"There is no channel {pk}. See `channel list --all`.")
    return channel
