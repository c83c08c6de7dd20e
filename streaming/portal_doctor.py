"""Examines one portal step by step, from its name to the first bytes of a stream; the report may be shown to others."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from redis import Redis

from portals.checking import check_subscription
from portals.errors import NoFreeSlot, NotAPortal
from portals.leases import Lease, Ledger
from portals.models import Portal, Subscription
from portals.providers import reach
from portals.providers.base import Provider
from portals.providers.records import StreamRecord
from portals.providers.registry import provider_for
from restreamer.lib import redact
from restreamer.lib.errors import RestreamerError
from restreamer.lib.http import Bounds, HttpError
from streaming.faults import UpstreamError
from streaming.sources.choose import source_for

_LOOK = Bounds(connect_s=6, silence_s=10, total_s=20, max_bytes=256 * 1024)
_CONNECT_S = 6.0
#: Enough to see that it is television and goes on being it.
_ENOUGH_BYTES = 256 * 1024
_LISTEN_S = 3.0
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Step:
    """What one step showed. `state` is ok, warn, fail, or skipped."""

    name: str
    state: str
    text: str
    took_s: float = 0.0


class Blinds:
    """Takes out of a text what tells whose portal it is: MACs, logins, serials, and the host unless it may be seen."""

    def __init__(self, portal: Portal, *, show_host: bool = False) -> None:
        self._secrets: dict[str, str] = {}
        for one in portal.subscriptions.all():
            for value in (one.password, one.login, one.serial, one.device_id, one.device_id2, one.signature, one.mac):
                # Shorter ones would blank out half of every sentence.
                if len(value) >= 3:
                    self._secrets[value] = "***"
        if not show_host:
            for address in (portal.address, portal.endpoint):
                host = _parts(address).hostname
                if host:
                    self._secrets[host] = "HOST"

    def __call__(self, text: str) -> str:
        """The text as it may be shown."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, self._secrets[secret])
        return redact.text(text)


@dataclass
class Examination:
    """One portal on the table. `steps` yields what each step showed, and stops where going on makes no sense."""

    portal: Portal
    client: Redis
    blinds: Blinds
    providers: Callable[[Portal], Provider] = provider_for
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _provider: Provider = field(init=False)
    _streams: list[StreamRecord] = field(default_factory=list)

    def steps(self) -> Iterator[Step]:
        """Each step as it ends."""
        parts = _parts(self.portal.address)
        yield self._step("address", partial(self._address, parts))
        if parts.scheme in ("http", "https"):
            for name, look in (("dns", partial(self._dns, parts)), ("tcp", partial(self._tcp, parts))):
                step = self._step(name, look)
                yield step
                if step.state == "fail":
                    return
            yield self._step("http", self._http)
        self._provider = self.providers(self.portal)
        works = False
        for subscription in self.portal.subscriptions.filter(enabled=True):
            for step in self._sign_in(subscription):
                works = works or (step.name.startswith("sign-in") and step.state == "ok")
                yield step
        if not works:
            return
        yield self._step("genres", self._genres)
        yield self._step("channels", self._channels)
        if self._streams:
            yield self._step("stream", self._stream)

    def _step(self, name: str, look: Callable[[], tuple[str, str]]) -> Step:
        began = self.clock()
        try:
            state, text = look()
        except RestreamerError as err:
            state, text = "fail", err.message
        return Step(name, state, self.blinds(text), round(self.clock() - began, 3))

    def _address(self, parts: SplitResult) -> tuple[str, str]:
        shape = redact.url(self.portal.address)
        proxy = ", by a proxy" if self.portal.proxy_url else ""
        certificates = "" if self.portal.verify_tls or parts.scheme != "https" else ", certificates unchecked"
        return "ok", f"{self.portal.get_kind_display()} at {shape}{proxy}{certificates}"

    def _dns(self, parts: SplitResult) -> tuple[str, str]:
        if self.portal.proxy_url:
            return "skipped", "The proxy looks the name up."
        try:
            found = {row[4][0] for row in socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)}
        except OSError:
            return "fail", reach.Reach.NO_SUCH_HOST.of(host=parts.hostname)
        v6 = sum(":" in str(address) for address in found)
        return "ok", f"{len(found) - v6} IPv4 and {v6} IPv6 address(es)"

    def _tcp(self, parts: SplitResult) -> tuple[str, str]:
        if self.portal.proxy_url:
            return "skipped", "The proxy connects."
        port = parts.port or (443 if parts.scheme == "https" else 80)
        began = self.clock()
        try:
            with socket.create_connection((parts.hostname, port), timeout=_CONNECT_S):
                pass
        except ConnectionRefusedError:
            return "fail", reach.Reach.CONNECTION_REFUSED.of(host=parts.hostname)
        except OSError:
            return "fail", reach.Reach.NO_CONNECTION.of(host=parts.hostname)
        return "ok", f"port {port} answers after {(self.clock() - began) * 1000:.0f} ms"

    def _http(self) -> tuple[str, str]:
        with reach.door_of(self.portal) as door:
            try:
                with door.open(self.portal.address, headers=reach.headers_of(self.portal), bounds=_LOOK) as answer:
                    kind = answer.headers.get("Content-Type", "no content type").partition(";")[0]
                    server = answer.headers.get("Server", "an unnamed server")
                    moved = _parts(answer.url).netloc != _parts(self.portal.address).netloc
                    text = f"status {answer.status} from {server}, {kind}"
                    return "ok", text + (", redirected to another host" if moved else "")
            except HttpError as err:
                raise reach.worded(err, self.portal.address) from err

    def _sign_in(self, subscription: Subscription) -> Iterator[Step]:
        """Endpoint, handshake and profile; the provider does them in one go, its answer tells how far it came."""
        began = self.clock()
        name = self.blinds(subscription.shown_name)
        try:
            report = check_subscription(subscription)
        except RestreamerError as err:
            step = "endpoint" if isinstance(err, NotAPortal) else f"sign-in {name}"
            yield Step(step, "fail", self.blinds(err.message), round(self.clock() - began, 3))
            return
        took_s = round(self.clock() - began, 3)
        self.portal.refresh_from_db(fields=["endpoint"])
        if self.portal.endpoint:
            yield Step("endpoint", "ok", self.blinds(redact.url(self.portal.endpoint)))
        state = "ok" if report.state == "ok" else "fail"
        yield Step(f"sign-in {name}", state, self.blinds(report.sentence), took_s)
        facts = "; ".join(f"{key}: {value}" for key, value in report.facts.items())
        expires = f"expires {report.expires_at:%Y-%m-%d}" if report.expires_at else ""
        profile = "; ".join(part for part in (expires, facts, report.warning) if part)
        if profile:
            yield Step(f"profile {name}", "warn" if report.warning else "ok", self.blinds(profile))

    def _genres(self) -> tuple[str, str]:
        genres = self._provider.live_genres()
        names = ", ".join(genre.name for genre in genres[:_EXAMPLES])
        return ("ok", f"{len(genres)}: {names}, …") if genres else ("warn", "The portal names no genres.")

    def _channels(self) -> tuple[str, str]:
        count = unsubscribed = 0
        for record in self._provider.live_streams(lambda done, total: None):
            count += 1
            unsubscribed += not record.subscribed
            if record.subscribed and not record.censored and not record.is_radio and len(self._streams) < _EXAMPLES:
                self._streams.append(record)
        if not count:
            return "fail", "The portal lists no channels."
        more = f", {unsubscribed:,} of them outside the subscription" if unsubscribed else ""
        return "ok", f"{count:,}{more}"

    def _stream(self) -> tuple[str, str]:
        """One create_link and the first bytes, under a lease like a viewer's."""
        usable = Subscription.objects.usable().filter(portal=self.portal).select_related("portal").first()
        if usable is None:
            return "skipped", "No subscription may be used now."
        ledger = Ledger(self.client, f"{settings.NODE_NAME}:doctor-{os.getpid()}")
        lease = ledger.want(usable, key="doctor", viewer="doctor")
        try:
            self._take(ledger, lease)
        except NoFreeSlot as err:
            ledger.release(lease.id, used=False)
            return "warn", f"Not tried: {err.message}"
        try:
            return self._first_bytes(usable, self._streams[0], ledger, lease)
        finally:
            ledger.release(lease.id)

    def _take(self, ledger: Ledger, lease: Lease) -> None:
        """Take the slot. A Redis that has just started gives none out before every relay has had time to report."""
        try:
            ledger.take(lease)
        except NoFreeSlot as err:
            if err.level != "memory":
                raise
            self.sleep(min(err.retry_after_s or 0.0, ledger.lifetime_s) + 0.1)
            ledger.take(lease)

    def _first_bytes(
        self, subscription: Subscription, record: StreamRecord, ledger: Ledger, lease: Lease
    ) -> tuple[str, str]:
        began = self.clock()
        play = self._provider.play_url(subscription, record.provider_id, record.cmd, record.provider_data)
        asked_s = self.clock() - began
        if ledger.renew([lease.id]):
            return "warn", f"The portal took {asked_s:.0f} s to give an address; the slot was taken back meanwhile."
        source = source_for(play)
        timer = threading.Timer(ledger.lifetime_s / 2, source.close)
        timer.daemon = True
        timer.start()
        try:
            source.open()
            opened_s, received = self.clock() - began - asked_s, len(source.head)
            while received < _ENOUGH_BYTES and self.clock() - began < asked_s + opened_s + _LISTEN_S:
                received += len(source.read())
        except UpstreamError as err:
            return "fail", f"The portal gave an address after {asked_s:.2f} s, but: {err.message}"
        finally:
            timer.cancel()
            source.close()
        return "ok", f"address after {asked_s:.2f} s, first bytes after {opened_s:.2f} s more, {received:,} bytes read"


def line_of(step: Step) -> str:
    """A step for a person."""
    return f"{step.state:<8}{step.name:<28}{step.took_s:>7.2f} s  {step.text}"


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")
