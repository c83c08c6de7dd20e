"""One search for an upstream: asks the failover rule what to try, tries it, tells the history what went wrong."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError

from portals import standing
from portals.errors import (
    ItemBusy,
    ItemRefused,
    NoFreeSlot,
    PortalError,
    SessionLost,
    SubscriptionBusy,
    SubscriptionRefused,
)
from portals.leases import Lease
from portals.providers.records import PlayUrl
from restreamer.lib.errors import ConfigurationError, RestreamerError
from restreamer.lib.redis_client import RedisUnavailable
from streaming.candidates import Playable, candidates_for, why_nothing
from streaming.deliveries import Deliveries
from streaming.delivery import Mode
from streaming.errors import Cancelled, CodecChanged, NothingToPlay
from streaming.failover import Attempt, GiveUp, Reason, Try, Wait, decide
from streaming.faults import SENTENCES, Fault, UpstreamError
from streaming.ffmpeg.profiles import Profile, matching
from streaming.journal.notes import Kind, Note, clean
from streaming.journal.reasons import why
from streaming.relay.seams import FaultHistory, Opened, Ticket
from streaming.sources.base import Source
from streaming.sources.choose import through_ffmpeg
from streaming.watch import OpeningWatch

if TYPE_CHECKING:
    from streaming.opening import PortalOpener

logger = logging.getLogger(__name__)

#: A start waits this long for a slot: somebody may be changing channel right now.
SLOT_PATIENCE_S = 2.5
_SLOT_POLL_S = 0.1
#: Candidates are read again at most this often: a person or a refusal may have changed them.
_LOOK_AGAIN_S = 1.0
#: A provider that refuses within this time of a close may still be counting the connection that was closed.
SLOW_RELEASE_S = 8.0
_TURNING_AWAY = frozenset({403, 429, 456, 458, 509})
#: Some panels say "not found" when they mean that; others mean it, so that is believed for less long.
UNFOUND_RELEASE_S = 2.5


class Search:
    """Lives for one call of `PortalOpener.open`, in one thread."""

    def __init__(self, opener: PortalOpener, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> None:
        self._opener = opener
        self._ticket = ticket
        self._history = history
        self._cancelled = cancelled
        starting = not history.entries
        patience_s = settings.RELAY_START_TIMEOUT_S if starting else settings.RELAY_RETRY_S
        since = opener.clock() if history.lost_at is None else history.lost_at
        self._attempt = Attempt(since, patience_s, starting)
        self._playables: dict[str, Playable] = {}
        #: How each is delivered; read together with them.
        self._deliveries: Deliveries
        self._looked_at = float("-inf")
        #: Candidates without a free slot, and those of them for which room may still be made.
        self._full: dict[str, NoFreeSlot] = {}
        self._roomless: list[Playable] = []
        self._full_since: float | None = None
        #: The slot we keep while a provider still counts the connection that was closed on it.
        self._kept: tuple[str, Lease] | None = None
        self._last_error: RestreamerError | None = None
        #: What the journal has been told by this search: a slot that is waited for is asked for ten times a second.
        self._said: set[str] = set()

    def run(self) -> Opened:
        """Try until something plays. Raises RestreamerError."""
        try:
            while True:
                if self._cancelled.is_set():
                    raise Cancelled
                try:
                    opened = self._step()
                except (RedisUnavailable, DatabaseError) as err:
                    self._sit_out(err)
                    continue
                if opened is not None:
                    return opened
        finally:
            self._drop_kept()

    def _sit_out(self, err: RedisUnavailable | DatabaseError) -> None:
        """Without Redis or database nothing is started; a channel that people watch waits for them to come back."""
        left_s = self._attempt.since + self._attempt.patience_s - self._opener.clock()
        if self._attempt.starting or left_s <= 0:
            if isinstance(err, RedisUnavailable):
                raise err
            raise NothingToPlay(f"The database does not answer: {err}") from err
        logger.warning("%s waits: %s", self._ticket.title, err)
        self._pause(min(_LOOK_AGAIN_S, left_s))

    def _look(self) -> None:
        """Read the candidates, if that was not done a moment ago."""
        now = self._opener.clock()
        if now - self._looked_at >= _LOOK_AGAIN_S:
            preferred = self._opener.sessions.preferred(self._ticket.key)
            found = candidates_for(self._ticket.key, preferred_stream=preferred)
            self._deliveries = Deliveries(self._ticket.key, [one.subscription.portal for one in found])
            self._playables = {one.candidate.key: one for one in [*found, *self._made_to_fit(found)]}
            self._looked_at = now

    def _made_to_fit(self, found: list[Playable]) -> list[Playable]:
        """Those whose codecs the running players could not follow, once more, as what a profile makes of them."""
        other = {key for _, key, fault in self._history.entries if fault is Fault.OTHER_CODEC}
        fitting = (replace(one, candidate=replace(one.candidate, transcoded=True)) for one in found)
        return [one for one in fitting if one.candidate.plain_key in other and self._profile(one) is not None]

    def _profile(self, playable: Playable) -> Profile | None:
        """What ffmpeg does to it on its way; None = it comes as it is."""
        choice = self._deliveries.of(playable.subscription.portal)
        if playable.candidate.transcoded:
            return matching(choice.profile, *self._history.decoded) if choice.profile is not None else None
        return choice.profile if choice.mode is Mode.TRANSCODE else None

    def _step(self) -> Opened | None:
        """One decision and what follows from it."""
        first_look = not self._playables
        self._look()
        now = self._opener.clock()
        candidates = [one.candidate for one in self._playables.values()]
        if first_look and self._attempt.starting:
            self._opener.cooling.check(self._ticket.key, frozenset(candidates))
        decision = decide(candidates, self._history.entries, now, self._attempt, self._full)
        if self._roomless and not self._stays_with_stream(decision):
            return self._make_room()
        match decision:
            case Try(candidate):
                playable = self._playables[candidate.key]
                reason = why(candidate, candidates, self._history.entries, self._full)
                self._say(Kind.TRY, f"tries {_label(playable)}: {reason}")
                return self._try(playable)
            case Wait(seconds, reason, _):
                # A little later than the rule says: a hundred channels of one dead provider must not knock as one.
                self._pause(seconds * random.uniform(1.0, 1.2), keep=reason is Reason.SLOT_BUSY)
                return None
            case GiveUp(Reason.ALL_FULL):
                self._wait_for_a_slot()
                return None
            case GiveUp(reason):
                raise self._given_up(reason)

    # --- slots ----------------------------------------------------------------------------------------------------

    def _stays_with_stream(self, decision: Try | Wait | GiveUp) -> bool:
        """Another subscription of the same stream is better than asking somebody to leave; another stream is not."""
        wanted = self._roomless[0].stream.pk
        return isinstance(decision, Try) and decision.candidate.stream_id == wanted

    def _try(self, playable: Playable) -> Opened | None:
        lease = self._lease_for(playable)
        try:
            closed_ago_s = self._opener.ledger.take(lease)
        except NoFreeSlot as err:
            self._full[playable.candidate.key] = err
            self._roomless.append(playable)
            self._last_error = err
            self._say(Kind.SLOT, f"no free slot on {_label(playable)}")
            return None
        return self._open(playable, lease, closed_ago_s)

    def _lease_for(self, playable: Playable) -> Lease:
        kept, self._kept = self._kept, None
        if kept is not None:
            if kept[0] == playable.candidate.key:
                return kept[1]
            self._opener.give_back(kept[1].id, used=False)
        return self._opener.ledger.want(playable.subscription, key=self._ticket.key, viewer=self._ticket.viewer_name)

    def _make_room(self) -> Opened | None:
        """Ask others to leave, for each candidate that found no slot, in order."""
        roomless, self._roomless = self._roomless, []
        for playable in roomless:
            full = self._full[playable.candidate.key]
            lease = self._lease_for(playable)
            made = False
            try:
                made = self._opener.room.make(lease, full, self._ticket, self._cancelled)
            finally:
                if not made:
                    self._opener.give_back(lease.id, used=False)
            if made:
                del self._full[playable.candidate.key]
                self._say(Kind.SLOT, f"another channel made room on {_label(playable)}")
                # Somebody has just closed there.
                return self._open(playable, lease, closed_ago_s=0.0)
        return None

    def _wait_for_a_slot(self) -> None:
        """Everything is full: somebody may be leaving. Raises NoFreeSlot when the patience for that is over."""
        now = self._opener.clock()
        if self._full_since is None:
            self._full_since = now
        error = next(iter(self._full.values()))
        patience_s = SLOT_PATIENCE_S if self._attempt.starting else self._attempt.patience_s
        if error.level == "memory":
            patience_s = self._attempt.patience_s
        if now - self._full_since >= patience_s:
            raise error
        self._pause(_SLOT_POLL_S)

    def _pause(self, seconds: float, *, keep: bool = False) -> None:
        """Wait, with open eyes: what was full may be free afterwards."""
        if not keep:
            self._drop_kept()
        self._full.clear()
        self._cancelled.wait(seconds)

    def _drop_kept(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            self._opener.give_back(kept[1].id, used=False)

    # --- opening --------------------------------------------------------------------------------------------------

    def _open(self, playable: Playable, lease: Lease, closed_ago_s: float) -> Opened | None:
        """Under a held lease: the upstream, or None with the fault written down and the slot given back or kept."""
        self._full_since = None
        self._say(Kind.SLOT, f"a slot is taken on {_label(playable)}")
        with contextlib.ExitStack() as undo:
            undo.callback(self._opener.give_back, lease.id, used=False)
            try:
                source = self._connect(playable, lease)
            except (UpstreamError, PortalError) as err:
                if self._note(playable, err, closed_ago_s) is Fault.SLOT_BUSY:
                    self._kept = (playable.candidate.key, lease)
                    undo.pop_all()
                return None
            undo.callback(source.close)
            standing.played(self._opener.client, playable.subscription)
            self._opener.cooling.played(self._ticket.key)
            undo.pop_all()
        return Opened(
            source=source,
            lease_id=lease.id,
            candidate=playable.candidate.key,
            stream_id=playable.stream.pk,
            subscription_id=playable.subscription.pk,
            label=_label(playable),
        )

    def _connect(self, playable: Playable, lease: Lease) -> Source:
        """Raises UpstreamError, PortalError, Cancelled."""
        play = self._address(playable, lease)
        profile = self._profile(playable)
        source_for = self._opener.source_for
        source = source_for(play) if profile is None else through_ffmpeg(play, profile, source_for)
        watch = OpeningWatch(self._opener.ledger, lease, self._cancelled, source.close)
        with contextlib.ExitStack() as undo:
            undo.callback(source.close)
            try:
                with watch:
                    source.open()
            except UpstreamError:
                # Woken by the watch it has an error of its own, which means nothing.
                self._must_go_on(watch)
                raise
            self._must_go_on(watch)
            undo.pop_all()
        return source

    def _address(self, playable: Playable, lease: Lease) -> PlayUrl:
        """Ask the portal. It may take its time: who leaves meanwhile frees the slot, as nothing is connected yet."""
        stream, subscription = playable.stream, playable.subscription
        ledger = self._opener.ledger
        watch = OpeningWatch(ledger, lease, self._cancelled, lambda: self._opener.give_back(lease.id, used=False))
        try:
            provider = self._opener.providers(subscription.portal)
            with watch:
                play = provider.play_url(subscription, stream.provider_id, stream.cmd, stream.provider_data)
        except ConfigurationError as err:
            raise PortalError(err.message) from err
        self._must_go_on(watch)
        return play

    def _must_go_on(self, watch: OpeningWatch) -> None:
        """Raises Cancelled, UpstreamError(LEASE_LOST)."""
        if self._cancelled.is_set():
            raise Cancelled
        if watch.lease_lost:
            raise UpstreamError(Fault.LEASE_LOST)

    # --- faults ---------------------------------------------------------------------------------------------------

    def _note(self, playable: Playable, err: UpstreamError | PortalError, closed_ago_s: float) -> Fault:
        """Write down what went wrong, for the rule and for the subscription's row."""
        self._last_error = err
        if isinstance(err, UpstreamError):
            fault = self._media_fault(playable, err, closed_ago_s)
        else:
            fault = self._portal_fault(playable, err, closed_ago_s)
        self._history.add(self._opener.clock(), playable.candidate.key, fault)
        logger.info("%s on %s: %s", self._ticket.title, _label(playable), err.message)
        self._say(Kind.FAULT, f"{_label(playable)}: {SENTENCES[fault]} ({err.message})", fault)
        return fault

    def _say(self, kind: Kind, text: str, fault: Fault | None = None) -> None:
        """Tell the journal; what is no fault, once per search."""
        if fault is None and text in self._said:
            return
        self._said.add(text)
        self._history.note(Note(time.time(), kind, clean(text), str(fault or "")))

    def _media_fault(self, playable: Playable, err: UpstreamError, closed_ago_s: float) -> Fault:
        """What the media server's refusal means for stream and subscription."""
        if err.status_code == 404 and closed_ago_s <= UNFOUND_RELEASE_S:
            return Fault.SLOT_BUSY
        turned_away = err.status_code in _TURNING_AWAY or err.fault is Fault.SLOT_BUSY
        if not turned_away:
            return err.fault
        if closed_ago_s <= SLOW_RELEASE_S:
            return Fault.SLOT_BUSY
        standing.turned_away(self._opener.client, playable.subscription, playable.stream.pk, err.message)
        return Fault.REFUSED

    def _portal_fault(self, playable: Playable, err: PortalError, closed_ago_s: float) -> Fault:
        """What the portal's refusal means; the subscription's row learns of it."""
        if isinstance(err, SubscriptionBusy) and closed_ago_s <= SLOW_RELEASE_S:
            return Fault.SLOT_BUSY
        standing.failed(playable.subscription, err)
        if isinstance(err, SubscriptionRefused | SubscriptionBusy | SessionLost):
            self._looked_at = float("-inf")
            return Fault.REFUSED
        if isinstance(err, ItemRefused) and not isinstance(err, ItemBusy):
            return Fault.NOT_FOUND
        return Fault.PORTAL

    def _given_up(self, reason: Reason) -> RestreamerError:
        """The refusal; a start that failed by its sources is not made again at once."""
        error = self._refusal(reason)
        if self._attempt.starting and self._playables and isinstance(error, NothingToPlay):
            offer = frozenset(one.candidate for one in self._playables.values())
            self._opener.cooling.failed(self._ticket.key, offer, error)
        return error

    def _refusal(self, reason: Reason) -> RestreamerError:
        """Why nothing plays, for the owner in full and for the viewer in a sentence."""
        if reason is Reason.OTHER_CODEC:
            return CodecChanged(f"{self._ticket.title}: only sources in other codecs are left; players begin anew.")
        if reason is Reason.NOTHING_OFFERED:
            return NothingToPlay(why_nothing(self._ticket.key))
        last = self._last_error
        if isinstance(last, NoFreeSlot):
            return last
        said = last.message if last is not None else "Every source failed too often a moment ago."
        return NothingToPlay(f"{self._ticket.title}: {said}", retry_after_s=last.retry_after_s if last else None)


def _label(playable: Playable) -> str:
    return f"{playable.stream.portal.name} · {playable.subscription.shown_name}"
