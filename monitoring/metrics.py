"""`/metrics`: what Prometheus and its kin fetch, read anew for each scrape.

The text format of https://prometheus.io/docs/instrumenting/exposition_formats/; names end in their unit. Nothing here
names a viewer, a MAC or an address.
"""

from __future__ import annotations

import hmac
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from channels.models import Channel
from monitoring.machine import installation
from monitoring.models import Alert, Severity
from portals.leases import Ledger
from portals.models import Portal, Subscription
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection
from streaming.redirects import is_redirect
from streaming.sessions import Sessions
from vod.models import Movie, Series


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For a scraper with RESTREAMER_METRICS_TOKEN as its bearer token, and for administrators who are logged in."""
    if not _may(request):
        sentence = (
            "Metrics need the token RESTREAMER_METRICS_TOKEN as “Authorization: Bearer …”, or an administrator.\n"
        )
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse(sentence, "text/plain; charset=utf-8", status=401, headers=headers)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now())
    return HttpResponse(generate_latest(registry), CONTENT_TYPE_LATEST)


def _may(request: HttpRequest) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    if wanted and kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), wanted.encode()):
        return True
    return bool(request.user.is_active and request.user.is_superuser)


class _Now(Collector):
    """Everything as it is at this moment."""

    def collect(self) -> Iterator[Metric]:
        yield _one("restreamer_info", "The running version.", 1, version=settings.VERSION, node=settings.NODE_NAME)
        try:
            running = list(_running())
            yield _one("restreamer_redis_up", "Whether Redis answers.", 1)
            yield from running
        except RestreamerError:
            yield _one("restreamer_redis_up", "Whether Redis answers.", 0)
        yield from _kept()
        if (own := installation()) is not None:
            yield _one("restreamer_memory_bytes", "Memory of all processes on this machine.", own.memory_bytes)
            yield _one("restreamer_processes", "Processes on this machine.", own.processes)
            yield _one("restreamer_start_time_seconds", "When they were started.", own.started_at.timestamp())


def _running() -> Iterator[Metric]:
    """Viewers, relays and slots. Raises RedisUnavailable."""
    sessions = Sessions(connection())
    now, relays = sessions.sessions(), sessions.relays()
    yield _one("restreamer_viewers", "Viewings that go on.", len(now))
    yield _one("restreamer_redirected_viewers", "Of them sent to a provider.", sum(is_redirect(o.owner) for o in now))
    yield _by(
        "restreamer_relays", "Running channels and titles.", ["state"], Counter((f.state,) for f, _ in relays).items()
    )
    fed = sum(facts.connected for facts, _ in relays)
    yield _one("restreamer_upstreams", "Connections to providers.", fed)
    yield _one("restreamer_ring_bytes", "Memory of what running channels keep.", sum(f.ring_bytes for f, _ in relays))
    moment = time.time()
    rate = sum(f.bytes_in / max(moment - f.started_at, 1) for f, _ in relays)
    yield _one("restreamer_upstream_bytes_per_second", "What the running ones got on average since their start.", rate)
    lag = max((one.facts.lag_s for one in now), default=0.0)
    yield _one("restreamer_slowest_viewer_lag_seconds", "How far the slowest viewer is behind live.", lag)
    leases = Counter(lease.portal_id for lease in Ledger(connection(), "pages").usage())
    portals = Portal.objects.filter(enabled=True).values_list("pk", "slug")
    taken = {(slug,): leases[pk] for pk, slug in portals}
    yield _by("restreamer_portal_streams", "Provider connections that count now.", ["portal"], taken.items())


def _kept() -> Iterator[Metric]:
    """What the database holds."""
    channels = Channel.objects
    yield _one("restreamer_channels", "Channels.", channels.count())
    yield _one("restreamer_channels_shown", "Channels that are switched on.", channels.enabled().count())
    yield _one("restreamer_movies", "Movies.", Movie.objects.count())
    yield _one("restreamer_series", "Series.", Series.objects.count())
    states = Subscription.objects.filter(enabled=True, portal__enabled=True).order_by()
    counted = states.values_list("portal__slug", "state").annotate(Count("pk"))
    subscriptions = {(slug, state): number for slug, state, number in counted}
    yield _by("restreamer_subscriptions", "MACs and logins by state.", ["portal", "state"], subscriptions.items())
    refreshed = Portal.objects.filter(enabled=True, refreshed_at__isnull=False).values_list("slug", "refreshed_at")
    times = {(slug,): at.timestamp() for slug, at in refreshed if at}
    yield _by(
        "restreamer_portal_refreshed_time_seconds", "When a portal was last refreshed.", ["portal"], times.items()
    )
    severities = Counter((one,) for one in Alert.objects.open().values_list("severity", flat=True))
    alerts = {(one.value,): severities[one.value,] for one in Severity}
    yield _by("restreamer_alerts", "Open alerts.", ["severity"], alerts.items())


def _one(name: str, what: str, value: float, **labels: str) -> Metric:
    metric = GaugeMetricFamily(name, what, labels=list(labels))
    metric.add_metric(list(labels.values()), value)
    return metric


def _by(name: str, what: str, labels: list[str], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    metric = GaugeMetricFamily(name, what, labels=labels)
    for key, value in values:
        metric.add_metric(list(key), value)
    return metric
