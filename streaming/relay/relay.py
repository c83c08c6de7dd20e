"""One upstream, its ring and its audience: the states of a relay. Runs in the loop; what blocks is an errand."""

from __future__ import annotations

import threading
from dataclasses import replace

from restreamer.lib.errors import RestreamerError
from streaming.faults import Fault, UpstreamError
from streaming.journal.notes import Kind
from streaming.relay import endings
from streaming.relay.audience import Audience, Viewer
from streaming.relay.block import Block
from streaming.relay.bridge import Bridge
from streaming.relay.chronicle import Chronicle
from streaming.relay.desk import Desk
from streaming.relay.endings import RelayEnded, StartTimedOut
from streaming.relay.feeds import Feed, feed_for
from streaming.relay.intake import Intake
from streaming.relay.joint import Joint
from streaming.relay.keyframes import EntryPoint, KeyframeIndex
from streaming.relay.polling import Poller
from streaming.relay.ring import Ring
from streaming.relay.seams import FaultHistory, Opened, RelayFacts, SessionFacts, Ticket
from streaming.relay.states import TRANSITIONS, RelayState
from streaming.relay.surroundings import Surroundings
from streaming.relay.vigil import Vigil
from streaming.sources.base import ffmpeg_speed, quiet_s


class Relay:
    """One running channel. See `RelayState` for its life."""

    def __init__(self, ticket: Ticket, around: Surroundings) -> None:
        self.key = ticket.key
        self.title = ticket.title
        self.state = RelayState.STARTING
        self.opened: Opened | None = None
        self.lingering_since: float | None = None
        self.reason = ""
        limits = around.limits
        self.ring = Ring(keep_s=limits.ring_s, limit_bytes=limits.ring_bytes)
        self._joint = joint = Joint()
        self.audience = Audience(
            around.loop,
            self.ring,
            self._viewer_left,
            flush_s=limits.flush_s,
            slow_flush_s=limits.slow_flush_s,
            console=around.console,
            lead_pid=lambda: joint.lead_pid,
        )
        self.desk = Desk(self.key, around.loop, around.polls, around.cutting, around.wall, self._viewer_left)
        self.index = KeyframeIndex()
        self._around = around
        self._limits = limits
        self._ticket = ticket
        self._feed: Feed | None = None
        self._intake: Intake | None = None
        self._chronicle = Chronicle(ticket, joint, around.note, around.measured, around.wall)
        self.history = FaultHistory(note=self._chronicle.add)
        self._bridge = Bridge(joint, around.slates, limits.slate_after_s, self._chronicle.say)
        self._vigil: Vigil | None = None
        self._cancelled = threading.Event()
        #: The upstream is closed and its lease is back, for good.
        self.released = False
        self._away = False
        #: What the next source needs was made ready while this one plays.
        self._looked_ahead = False
        self._bytes_in = 0
        self._heard_at = around.loop.clock()
        #: HLS may be quiet for longer than others.
        self._silence_s = limits.silence_s
        self._since = around.wall()
        around.loop.add(self)

    # --- asked by the registry ----------------------------------------------------------------------------------

    def attach(self, viewer: Viewer) -> None:
        """A viewer: joins at once when the relay runs, else waits."""
        self.lingering_since = None
        if viewer.ticket.hls:
            self.desk.add(viewer)
        else:
            self.audience.add(viewer)
        self._admit(self._around.loop.clock())

    def start(self) -> None:
        """Open the first upstream."""
        if not self._away and self.state is RelayState.STARTING:
            self._send_for_upstream(None)

    def switch(self, fault: Fault) -> bool:
        """Leave this upstream for the next; False when none is running."""
        if self.state is not RelayState.RUNNING:
            return False
        self._lost(fault)
        return True

    def stop(self, reason: str, *, for_good: bool = True) -> None:
        """Close the upstream and end all viewings cleanly; `for_good`: who only comes by is not to start it again."""
        self.desk.finish_all(RelayEnded(), reason, for_good=for_good)
        self._drain(reason, RelayEnded())

    def end_session(self, session_id: str, reason: str) -> bool:
        """End one viewing; False when it is none of ours."""
        for viewer in self.audience.viewers():
            if viewer.ticket.session_id == session_id:
                self.audience.finish(viewer, reason)
                return True
        return self.desk.finish(session_id, reason)

    @property
    def watching(self) -> int:
        """How many watch or wait, other nodes too."""
        return len(self.audience) + len(self.desk)

    @property
    def people(self) -> int:
        """The same without other nodes."""
        return self.watching - len(self.audience.nodes)

    def hurry(self, seconds: float) -> None:
        """Viewers who are being sent their last bytes have so long left."""
        by = self._around.loop.clock() + seconds
        for viewer in self.audience.viewers():
            viewer.end_by = min(viewer.end_by, by)

    @property
    def lingering(self) -> bool:
        """Runs for nobody, in case somebody comes back."""
        return self.lingering_since is not None and self.state is RelayState.RUNNING

    @property
    def eager(self) -> bool:
        """Somebody waits for a first picture that may come any moment."""
        return self._feed is not None and (self.audience.waiting or not self._admitted)

    @property
    def calm(self) -> bool:
        """Pictures come and go."""
        return self.state is RelayState.RUNNING and self._admitted

    # --- the loop's ---------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Take in what has come, send it on, and look at the clock."""
        if self._feed is not None:
            self._take_in(self._feed, now)
        elif self.state is RelayState.SWITCHING:
            self._fill(now)
        self._watch_clock(now)
        if self.state is RelayState.DRAINING and self.released and self.audience.empty:
            self._end()

    def crash(self, error: Exception) -> None:
        """A defect in this relay: end it with a reason."""
        self._drain(f"{endings.DEFECT}{error!r}", RestreamerError())

    def lease_lost(self) -> None:
        """The right to the upstream is gone: close it now, go on with the next."""
        self._lost(Fault.LEASE_LOST)
        # Other nodes as well: maybe one of them has the right now.
        self.audience.finish_nodes("the right to the source ran out here")

    # --- facts --------------------------------------------------------------------------------------------------

    def facts(self) -> RelayFacts:
        """The relay as admin sees it; asked for about once a second, which is when it measures its source."""
        self._chronicle.look(self._around.loop.clock())
        opened = self.opened
        return RelayFacts(
            key=self.key,
            title=self.title,
            state=self._shown_state(),
            candidate=opened.candidate if opened else "",
            label=opened.label if opened else "",
            viewers=self.people,
            bytes_in=self._bytes_in,
            ring_bytes=self.ring.kept_bytes,
            started_at=self._since,
            stream_id=opened.stream_id if opened else 0,
            subscription_id=opened.subscription_id if opened else 0,
            ffmpeg_speed=round(ffmpeg_speed(opened.source), 2) if opened else 0.0,
            fed_by=opened.fed_by if opened else "",
            nodes=len(self.audience.nodes),
        )

    def _shown_state(self) -> str:
        """The state as it is told: what viewers see counts, not that a source has connected."""
        if self.lingering:
            return "lingering"
        return "slate" if self._joint.shows_slate else str(self.state)

    def sessions(self) -> list[SessionFacts]:
        """All its viewers as admin sees them."""
        everybody: list[Viewer | Poller] = [*self.audience.viewers(), *self.desk.pollers]
        return [self._facts_of(one) for one in everybody if not one.ticket.node]

    def _facts_of(self, viewer: Viewer | Poller) -> SessionFacts:
        arrived_at = self.ring.arrived_at(viewer.position) if viewer.position >= 0 else None
        lag_s = 0.0 if arrived_at is None else self._around.loop.clock() - arrived_at
        return SessionFacts.of(viewer.ticket, viewer.since, viewer.sent, round(lag_s, 1), self._chronicle.run.id)

    # --- bytes --------------------------------------------------------------------------------------------------

    @property
    def _admitted(self) -> bool:
        return self._intake is not None and self._joint.joined

    def _take_in(self, feed: Feed, now: float) -> None:
        assert self._intake is not None
        try:
            data = feed.pump()
            block, entries = self._intake.feed(data, now) if data else (Block(), [])
        except UpstreamError as err:
            self._lost(err.fault)
            return
        if data:
            self._bytes_in += len(data)
            self._heard_at = now
        if now - self._intake.heard_at > self._silence_s:
            # Bytes that are no packets keep no source alive.
            self._lost(Fault.NOT_TS if self._heard_at > self._intake.heard_at else Fault.SILENT)
            return
        if not data and now - self._intake.heard_at > self._silence_s / 2:
            self._look_ahead()
        if block:
            self.history.lost_at = None
            self._bridge.published(block, now)
            self._chronicle.published(block, now)
            self._publish(block, entries, now)
        else:
            self._fill(now)
        vigil = self._vigil
        if vigil is not None and vigil.due(now) and self._intake.heard_at == now and self._admitted:
            fault = vigil.look(self._joint.statistics, now, has_sound=self._joint.has_sound)
            if fault is not None:
                self._lost(fault)
                return
        self._admit(now)

    def _fill(self, now: float) -> None:
        """The source gives nothing to publish: null packets or a slate."""
        before = self._joint.shows_slate
        block = self._bridge.fill(now)
        if self._joint.shows_slate and not before:
            # Whoever comes later begins with what comes after the slate.
            self.index.clear()
        self._publish(Block.of(block), [], now)

    def _publish(self, block: Block, entries: list[EntryPoint], now: float) -> None:
        """Into the ring and out to the viewers."""
        if not block:
            return
        head = self.ring.head
        self.ring.append(block, now)
        for entry in entries:
            self.index.add(replace(entry, position=head + entry.position))
        self.audience.send(block)
        self.desk.publish(block)
        self._let_go(now)

    def _let_go(self, now: float) -> None:
        tail = self.ring.due_tail(now)
        if tail > self.ring.tail:
            self.audience.drop_behind(tail)
            self.index.forget_before(tail)
            self.ring.let_go(tail)

    def _admit(self, now: float) -> None:
        """Let those who wait begin, when there is a place to begin."""
        if self.state is not RelayState.RUNNING or not self._admitted:
            return
        if self.audience.waiting and (entry := self.index.join_point(now, self._limits.join_behind_s)) is not None:
            self.audience.join(entry)
        if self.desk.wants_to_begin and (entry := self.index.join_point(now, self._limits.ring_s)) is not None:
            self.desk.begin(self.ring, entry, now)

    def _watch_clock(self, now: float) -> None:
        if self.audience.waiting:
            self.audience.refuse_late(now - self._limits.start_timeout_s, StartTimedOut())
        self.audience.expire(now)
        self.desk.expire(now)
        since = self.lingering_since
        if since is not None and now - since >= self._limits.linger_s and self.state is not RelayState.DRAINING:
            self._drain(endings.UNWATCHED, RelayEnded())

    def _viewer_left(self, viewer: Viewer | Poller, reason: str) -> None:
        if not viewer.ticket.node:
            self._around.ended(self._facts_of(viewer), reason)
        if not self.watching and self.lingering_since is None:
            self.lingering_since = self._around.loop.clock()

    # --- upstreams ----------------------------------------------------------------------------------------------

    def _send_for_upstream(self, old: Opened | None) -> None:
        """In a thread: close the old upstream, confirmed, then open the next."""
        opener, ticket, history, cancelled = self._around.opener, self._ticket, self.history, self._cancelled
        history.decoded, chronicle = self._joint.decoded, self._chronicle

        def work() -> Opened:
            if old is not None:
                opener.close(old)
                chronicle.gave_back(old)
            return opener.open(ticket, history, cancelled)

        self._away = True
        self._around.errands.run(f"open {self.key}", work, self._got_upstream, self._got_none)

    def _look_ahead(self) -> None:
        """The source may be lost soon: have ready what the next one needs, once for each source."""
        opened = self.opened
        if opened is None or self._looked_ahead or self.lingering:
            return
        self._looked_ahead = True
        opener, ticket, history = self._around.opener, self._ticket, self.history
        self._around.errands.run(
            f"look ahead {self.key}",
            lambda: opener.look_ahead(ticket, history, opened.candidate),
            lambda _: None,
            # It never raises; a defect is logged by the errand, and the channel plays on.
            lambda _: None,
        )

    def _got_upstream(self, opened: Opened) -> None:
        self._away = False
        self.opened = opened
        if self.state is RelayState.DRAINING:
            self._give_back()
            return
        now = self._around.loop.clock()
        self._feed = feed_for(opened.source, self._around.scratch)
        self._intake = Intake(now, self._joint)
        self._heard_at = now
        self._looked_ahead = False
        self._silence_s = max(self._limits.silence_s, quiet_s(opened.source))
        # What a node gives was judged there; a fault of its source is bridged there.
        self._vigil = None if opened.fed_by else Vigil(self._silence_s)
        if opened.fed_by:
            self.audience.finish_nodes("another node has the source now")
        self._become(RelayState.RUNNING)
        self._chronicle.plays(opened, now)

    def _got_none(self, error: RestreamerError) -> None:
        self._away = False
        if self.state is RelayState.DRAINING:
            self._give_back()
        else:
            self._drain(endings.NO_SOURCE + error.message, error)

    def _lost(self, fault: Fault) -> None:
        """The upstream failed: say so, and get the next one unless nobody would watch it."""
        opened = self.opened
        if opened is None or self.state is not RelayState.RUNNING:
            return
        now = self._around.loop.clock()
        self.history.add(now, opened.candidate, fault)
        if self.history.lost_at is None:
            self.history.lost_at = now
        self._chronicle.lost(opened, fault)
        if self.lingering:
            self._drain(f"nobody watched, and {fault.value}", RelayEnded())
            return
        self._unplug()
        self._bridge.lost(now)
        self.opened = None
        self._become(RelayState.SWITCHING)
        self._send_for_upstream(opened)

    def _unplug(self) -> None:
        if self._feed is None:
            return
        self._feed.stop()
        self._feed = self._intake = self._vigil = None
        now = self._around.loop.clock()
        self._publish(*self._joint.cut(now), now)

    # --- the end ------------------------------------------------------------------------------------------------

    def _drain(self, reason: str, error: RestreamerError) -> None:
        if self.state in (RelayState.DRAINING, RelayState.STOPPED):
            return
        self.reason = reason
        self._become(RelayState.DRAINING)
        self._chronicle.say(Kind.ENDS, reason)
        self._unplug()
        self._publish(Block.of(self._joint.end_slate()), [], self._around.loop.clock())
        self._cancelled.set()
        self.audience.refuse(error)
        self.audience.finish_all(reason)
        self.desk.finish_all(error, reason, for_good=False)
        if not self._away:
            self._give_back()

    def _give_back(self) -> None:
        """Close the upstream, if any, confirmed; then the key is free."""
        opened, self.opened = self.opened, None
        if opened is None:
            self._release()
            return
        opener, key, chronicle = self._around.opener, self.key, self._chronicle

        def work() -> None:
            opener.close(opened)
            chronicle.gave_back(opened)
            opener.over(key)

        self._around.errands.run(f"close {key}", work, lambda _: self._release(), lambda _: self._release())

    def _release(self) -> None:
        self.released = True
        self.audience.finish_nodes(self.reason)
        self._around.released(self)

    def _end(self) -> None:
        self._become(RelayState.STOPPED)
        self._around.loop.remove(self)
        self.ring.close()
        self._chronicle.say(Kind.CLOSED, "all connections are closed")
        self._around.stopped(self)

    def _become(self, state: RelayState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise AssertionError(f"a relay cannot go from {self.state} to {state}")
        self.state = state
