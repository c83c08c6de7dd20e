"""The Stalker provider: what the rest of the house asks, answered by the rooms beside this one."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

from redis import Redis

from portals import checking, errors
from portals.models import Portal, Subscription, SubscriptionState
from portals.pacing import Pacer, Pacing
from portals.providers import reach
from portals.providers.base import Progress
from portals.providers.records import GenreRecord, PlayUrl, StreamRecord, SubscriptionReport
from portals.providers.stalker import expiry, links, live, macs, merging, profile, urls
from portals.providers.stalker.archive import ArchiveReader
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.epg import GuideReader
from portals.providers.stalker.episodes import EpisodeReader
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.session import Sessions
from portals.providers.stalker.signin import PortalSession
from portals.providers.stalker.vod import VodReader
from portals.providers.stalker.vod_play import VodPlay
from portals.providers.stalker.watchdog import Watchdog
from portals.providers.stalker.wire import PATIENCE_PLAY_S, QUICK, Wire
from portals.providers.vod_records import (
    ArchiveWindow,
    CategoryRecord,
    ChannelProgrammes,
    EpisodeRecord,
    MovieRecord,
    ProgrammeRecord,
    SeriesDetails,
    SeriesRecord,
    VodKind,
)
from restreamer.lib import redis_client
from restreamer.lib.redis_client import answering

#: Alternates the portal itself lists for one item, tried while the viewer waits.
_MOST_ALTERNATES = 2


P = ParamSpec("P")
T = TypeVar("T")


def _on_the_line(method: Callable[Concatenate[StalkerProvider, P], T]) -> Callable[Concatenate[StalkerProvider, P], T]:
    """Around everything others may call: Redis trouble gets its name, and no idle connection stays behind."""

    @functools.wraps(method)
    def wrapped(self: StalkerProvider, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with answering():
            try:
                return method(self, *args, **kwargs)
            finally:
                self._wire.hang_up()

    return wrapped


class StalkerProvider:
    """Implements every protocol of `portals.providers`; sessions and pace live in Redis. One per use.

    A refresh asks one question after the other, so that of the two places a portal gives us one stays free for who
    wants to watch. What it raises besides PortalError is RedisUnavailable: without Redis nobody may ask a portal.
    """

    #: Episodes come with their series' details.
    lists_episodes = False

    def __init__(
        self,
        portal: Portal,
        client: Redis | None = None,
        *,
        pacer: Pacing | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._portal = portal
        client = client if client is not None else redis_client.connection()
        self._client = client
        self._wire = Wire(portal, pacer or Pacer(client, portal.pk), clock=clock, sleep=sleep)
        self._sessions = Sessions(portal, client, self._wire)
        self._live = live.LiveReader(portal, self._sessions, self._wire)
        self._vod = VodReader(portal, self._sessions, self._wire)
        self._episodes = EpisodeReader(portal, self._vod)
        self._vod_play = VodPlay(self._sessions)
        self._guide = GuideReader(self._sessions, self._wire)
        self._archive = ArchiveReader(self._sessions, self._guide)
        self._watchdog = Watchdog(self._sessions, client)
        self._clock = clock

    @_on_the_line
    def check(self, subscription: Subscription) -> SubscriptionReport:
        """Sign in, ask for a list to prove it, read the account.

        A refusal is a report; a portal that cannot be asked raises PortalError.
        """
        asked_before = self._sessions.noted(subscription, "asked_at")
        try:
            signed_in = self._sessions.signed_in_again(subscription, fresh=True)
            self._sessions.ask(subscription, {"type": "itv", "action": "get_genres"})
            main_info = self._main_info(subscription)
        except errors.SubscriptionExpired as err:
            return SubscriptionReport(state=err.state, sentence=err.message, expires_at=err.ended_at)
        except errors.SubscriptionRefused as err:
            return SubscriptionReport(state=err.state, sentence=err.message)
        except errors.SessionLost as err:
            return SubscriptionReport(state=SubscriptionState.COOLDOWN, sentence=err.message)
        accepted = signed_in.profile
        now = datetime.fromtimestamp(self._clock(), UTC)
        ends = expiry.account_end(accepted.row, main_info, now)
        ours_last = datetime.fromtimestamp(float(asked_before), UTC) if asked_before else None
        found = profile.warnings(accepted, now=now, ours_last=ours_last)
        report = SubscriptionReport(
            state=SubscriptionState.OK,
            sentence=Say.WORKS.of(),
            expires_at=ends,
            warning="\n".join(found),
            time_zone=accepted.zone,
            facts=profile.facts(accepted, main_info, signed_in.session.family),
        )
        if ends is not None and ends < now:
            sentence = Say.EXPIRED.of(date=f"{ends:%d %B %Y}")
            return replace(report, state=SubscriptionState.EXPIRED, sentence=sentence)
        return report

    @_on_the_line
    def live_genres(self) -> list[GenreRecord]:
        """All genres; the first MAC that can be asked tells them.

        Raises PortalError.
        """
        return macs.from_first(self._portal, self._live.genres)

    @_on_the_line
    def live_streams(self, progress: Progress) -> Iterator[StreamRecord]:
        """All live items, merged over the MACs that can be asked.

        Raises CatalogueIncomplete rather than ending early, PortalError.
        """
        catalogue = merging.Catalogue(merging.logo_base(self._portal))
        not_asked: dict[Subscription, errors.PortalError] = {}
        for subscription in macs.usable(self._portal):
            try:
                self._add_offers(subscription, catalogue, progress)
            except (errors.SubscriptionRefused, errors.SubscriptionBusy, errors.SessionLost) as err:
                checking.note_failure(subscription, err)
                not_asked[subscription] = err
            except errors.PortalError as err:
                if not catalogue:
                    raise
                # Half of what the MACs are offered must not look like all of it.
                sentence = Say.LIST_OF_ONE_MAC.of(mac=subscription.shown_name, why=err.message)
                raise errors.CatalogueIncomplete(sentence, retry_after_s=err.retry_after_s) from err
        if not catalogue:
            raise next(iter(not_asked.values()), errors.NoUsableSubscription(Say.NO_MAC.of()))
        return catalogue.records(not_asked)

    @_on_the_line
    def play_url(
        self, subscription: Subscription, provider_id: str, cmd: str, provider_data: Mapping[str, Any]
    ) -> PlayUrl:
        """The address to open now, of a channel, a movie or an episode.

        Raises ItemRefused and its kinds, SubscriptionRefused, PortalError.
        """
        told = provider_data.get("vod")
        if isinstance(told, Mapping):
            return self._play_url(subscription, self._vod_play.address(subscription, cmd, told))
        orders = provider_data.get("orders")
        if isinstance(orders, Mapping):
            cmd = orders.get(str(subscription.pk), cmd)
        session = self._sessions.current(subscription)
        alternates = provider_data.get("alternates")
        further = list(alternates)[:_MOST_ALTERNATES] if isinstance(alternates, list) else []
        first: errors.ItemRefused | None = None
        for order in [cmd, *further]:
            try:
                return self._play_url(subscription, self._address(subscription, session, order, provider_data))
            except errors.ItemNotSubscribed:
                raise
            except errors.ItemRefused as err:
                first = first or err
        raise first or errors.ItemRefused(Say.ITEM_EMPTY.of())

    @_on_the_line
    def movie_categories(self) -> list[CategoryRecord]:
        """All categories of the list of movies. Raises PortalError."""
        return self._vod.movie_categories()

    @_on_the_line
    def movies(self, progress: Progress) -> Iterator[MovieRecord]:
        """All movies, merged over the MACs that can be asked. Raises CatalogueIncomplete, PortalError."""
        return self._vod.movies(progress)

    @_on_the_line
    def movie_details(self, provider_id: str, provider_data: Mapping[str, Any]) -> MovieRecord:
        """A portal's list tells all it knows at once. Raises ItemRefused."""
        raise errors.ItemRefused(Say.NO_DETAILS.of())

    @_on_the_line
    def series_categories(self) -> list[CategoryRecord]:
        """All categories series have. Raises PortalError."""
        return self._vod.series_categories()

    @_on_the_line
    def series(self, progress: Progress) -> Iterator[SeriesRecord]:
        """All series, merged over the MACs that can be asked. Raises CatalogueIncomplete, PortalError."""
        return self._vod.series(progress)

    def episodes(self, progress: Progress) -> Iterator[EpisodeRecord]:
        """None: portals list episodes with their series only."""
        return iter(())

    @_on_the_line
    def series_details(self, provider_id: str, provider_data: Mapping[str, Any]) -> SeriesDetails:
        """One series with its seasons and episodes. Raises ItemRefused, PortalError."""
        return self._episodes.details(provider_id, provider_data)

    @_on_the_line
    def search(self, text: str, kind: VodKind) -> list[MovieRecord] | list[SeriesRecord]:
        """What the portal finds among its movies or series. Raises PortalError."""
        return self._vod.search(text, kind)

    @_on_the_line
    def guide(self, stop: datetime, wanted: Collection[str]) -> Iterator[ChannelProgrammes]:
        """The guide from now to `stop`, as the first MAC is told it. Raises PortalError."""
        return macs.from_first(self._portal, lambda one: self._guide.guide(one, stop, wanted))

    @_on_the_line
    def programmes(self, provider_id: str, provider_data: Mapping[str, Any]) -> list[ProgrammeRecord]:
        """Today and tomorrow on one channel, or what is on and next where the portal keeps no days.

        Raises PortalError.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)

        def asked(subscription: Subscription) -> list[ProgrammeRecord]:
            days = [self._guide.day(subscription, provider_id, now + timedelta(days=n)) for n in (0, 1)]
            return [*days[0], *days[1]] or self._guide.upcoming(subscription, provider_id)

        return macs.from_first(self._portal, asked)

    @_on_the_line
    def archive_urls(
        self,
        subscription: Subscription,
        provider_id: str,
        cmd: str,
        provider_data: Mapping[str, Any],
        window: ArchiveWindow,
    ) -> list[PlayUrl]:
        """The address of the programme that is on at the window's start. Raises ItemRefused, PortalError."""
        return [self._play_url(subscription, self._archive.address(subscription, provider_id, window))]

    @_on_the_line
    def make_ready(self, subscription: Subscription) -> None:
        """Sign in, unless the installation is signed in with this MAC."""
        self._sessions.current(subscription)

    @_on_the_line
    def keep_alive(self, subscription: Subscription, *, playing: bool) -> float:
        """The watchdog. Who sends it, when several play one MAC, is for the caller to settle.

        Raises SubscriptionRefused when the portal cuts the MAC off, PortalError.
        """
        return self._watchdog.beat(subscription, playing=playing)

    def _add_offers(self, subscription: Subscription, catalogue: merging.Catalogue, progress: Progress) -> None:
        genres = self._live.genres(subscription)
        listing = self._live.listing(subscription, genres, progress)
        if listing.play_token:
            self._sessions.note(subscription, play_token=listing.play_token)
        catalogue.add(subscription, listing, live.censored_ids(genres))
        checking.note_success(subscription)
        self._note_end(subscription)

    def _note_end(self, subscription: Subscription) -> None:
        """How long it is paid for: one question, put to whichever page tells it. A list needs no answer to it."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        try:
            if self._sessions.noted(subscription, "profile_tells_end"):
                ends = expiry.account_end(self._sessions.signed_in_again(subscription).profile.row, {}, now)
            else:
                ends = expiry.account_end({}, self._main_info(subscription), now)
        except errors.SubscriptionRefused as err:
            checking.note_failure(subscription, err)
        except errors.PortalError:
            return
        else:
            checking.note_end(subscription, ends)

    def _address(
        self, subscription: Subscription, session: PortalSession, order: str, provider_data: Mapping[str, Any]
    ) -> str:
        if links.is_box_only(order):
            raise errors.ItemRefused(Say.ITEM_BOX_ONLY.of())
        is_stale = links.TOKEN_MARK in order and not session.play_token
        home = urls.base_of(session.endpoint)
        order = links.personal(order, subscription.mac, session.play_token)
        forced = bool(session.force_link_check) or is_stale
        if not links.needs_create_link(order, provider_data, forced=forced, home=home):
            return links.listed_address(order)
        try:
            return self._made_address(subscription, session, order)
        except errors.ItemRefused:
            finished = links.listed_address(order)
            # An old dialect listed no flags, so we asked; but the order was a finished address all along.
            if not is_stale and not provider_data.get("known") and links.is_finished(finished, home):
                return finished
            raise

    def _made_address(self, subscription: Subscription, session: PortalSession, order: str) -> str:
        said = self._create_link(subscription, order)
        if links.wants_second_call(said, order):
            said = self._create_link(subscription, order)
        return links.made_address(said, order, urls.base_of(session.endpoint))

    def _create_link(self, subscription: Subscription, order: str) -> Envelope:
        return self._sessions.ask(
            subscription,
            {
                "type": "itv",
                "action": "create_link",
                "cmd": order,
                "series": "",
                "forced_storage": "0",
                "disable_ad": "1",
                "download": "0",
                "force_ch_link_check": "0",
            },
            bounds=QUICK,
            patience_s=PATIENCE_PLAY_S,
        )

    def _play_url(self, subscription: Subscription, address: str) -> PlayUrl:
        is_http = urlsplit(address).scheme in ("http", "https")
        identity = self._sessions.identity(subscription)
        headers = {"User-Agent": identity.user_agent, "Accept": "*/*"}
        if self._portal.referer:
            headers["Referer"] = self._portal.referer
        if self._portal.origin:
            headers["Origin"] = self._portal.origin
        return PlayUrl(
            url=address,
            headers=headers if is_http else {},
            cookies={"mac": quote(identity.mac, safe=""), "stb_lang": identity.language} if is_http else {},
            proxy_url=self._portal.proxy_url,
            verify_tls=self._portal.verify_tls,
            fence=reach.fence_of(self._portal),
            form=links.form_of(address),
        )

    def _main_info(self, subscription: Subscription) -> Mapping[str, Any]:
        """The account page; portals without one are no less usable."""
        try:
            said = self._sessions.ask(
                subscription, {"type": "account_info", "action": "get_main_info"}, empty_is_answer=True
            )
        except (errors.AnswerUnreadable, errors.PortalOverloaded, errors.TokenRefused, errors.AccessDenied):
            return {}
        return said.js if isinstance(said.js, dict) else {}
