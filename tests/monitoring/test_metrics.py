"""/metrics: read back by Prometheus' own parser; open to the token and to administrators only."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts.roles import Role, give_role
from monitoring import alerts, metrics
from portals.leases import Ledger
from portals.models import SubscriptionState
from restreamer.lib.redis_client import RedisUnavailable, connection
from streaming.relay.seams import RelayFacts, SessionFacts
from streaming.session_book import SessionBook
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db
TOKEN = "t0ken-of-a-scraper"


def samples(answer) -> dict[tuple[str, ...], float]:
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        assert family.documentation
        for sample in family.samples:
            found[sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))] = sample.value
    return found


def scrape(client, settings):
    settings.METRICS_TOKEN = TOKEN
    return client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})


def test_it_counts_what_there_is(client, settings, redis):
    portal = PortalFactory(slug="home")
    mac = SubscriptionFactory(portal=portal, state=SubscriptionState.OK)
    SubscriptionFactory(portal=portal, state=SubscriptionState.BLOCKED)
    LinkFactory(channel__enabled=True)
    LinkFactory(channel__enabled=False)
    alerts.look(timezone.now())
    ledger = Ledger(redis, "tests")
    ledger.sweep(alone=True)
    ledger.take(ledger.want(mac, key="channel:1", viewer="sofa"))
    relay = RelayFacts("channel:1", "News", "running", "1/1", "x", 1, 10_000_000, 3_000, time.time() - 10, 1, 1)
    viewer = SessionFacts("s1", "channel:1", 1, "sofa", "News", "10.0.0.7", "VLC", time.time(), 5, 1.5)
    SessionBook(connection(), "node1:relay").beat([relay], [viewer])

    found = samples(scrape(client, settings))
    assert found["restreamer_redis_up",] == 1
    assert found["restreamer_viewers",] == 1
    assert found["restreamer_upstreams",] == 1
    assert found["restreamer_ring_bytes",] == 3_000
    assert found["restreamer_relays", "state=running"] == 1
    assert found["restreamer_portal_streams", "portal=home"] == 1
    assert found["restreamer_subscriptions", "portal=home", "state=blocked"] == 1
    assert (found["restreamer_channels",], found["restreamer_channels_shown",]) == (2, 1)
    assert (found["restreamer_alerts", "severity=error"], found["restreamer_alerts", "severity=warning"]) == (1, 0)
    assert found["restreamer_memory_bytes",] > 1e6


def test_no_name_and_no_secret_is_in_it(client, settings, redis):
    mac = SubscriptionFactory(login="me", password="hunter2-secret", portal__proxy_url="http://u:pw-of-proxy@h/")
    text = scrape(client, settings).content.decode()
    for secret in ("hunter2", "pw-of-proxy", mac.mac):
        assert secret not in text


def test_the_rest_is_told_while_redis_is_away(client, settings, monkeypatch):
    def away():
        raise RedisUnavailable

    monkeypatch.setattr(metrics, "connection", away)
    found = samples(scrape(client, settings))
    assert found["restreamer_redis_up",] == 0
    assert found["restreamer_channels",] == 0
    assert ("restreamer_viewers",) not in found


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"]
)
def test_nobody_else_sees_it(client, settings, header):
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"Authorization": header} if header is not None else {})
    assert answer.status_code == 401
    assert b"RESTREAMER_METRICS_TOKEN" in answer.content
    assert b"restreamer_viewers" not in answer.content


def test_without_a_token_set_no_token_opens_it(client, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_administrators_see_it_and_curators_do_not(client, admin_client):
    assert admin_client.get("/metrics").status_code == 200
    user = User.objects.create_user("cora")
    give_role(user, Role.CURATOR)
    client.force_login(user)
    assert client.get("/metrics").status_code == 401
