"""The examination of a portal: how far it gets, what it says, and what it never says."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from portals.leases import Ledger
from portals.models import Portal, PortalKind, Subscription
from streaming.portal_doctor import Blinds, Examination, Step
from tests.factories import PortalFactory, SubscriptionFactory
from tests.fakes.portal import FakePortal
from tests.fakes.upstream import TsOrigin
from tests.fakes.web_files import WebFiles

MAC = "00:1A:79:12:34:56"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def origin():
    origin = TsOrigin(pace=20)
    yield origin
    origin.close()


def examined(portal: Portal, redis, **options) -> dict[str, Step]:
    Ledger(redis, "node1:relay").sweep(alone=True)
    found = Examination(portal, redis, Blinds(portal, **options)).steps()
    return {step.name.split(" ")[0]: step for step in found}


def a_portal(fake: FakePortal, **values) -> Portal:
    portal = PortalFactory(address=fake.address, **values)
    SubscriptionFactory(portal=portal, mac=MAC, serial="SERIAL123456")
    return portal


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_a_portal_that_works_is_followed_to_the_first_bytes(family, origin, redis):
    with FakePortal(family, macs=[MAC], media_url=lambda m, c, t: origin.url(str(c), m)) as fake:
        steps = examined(a_portal(fake), redis)
    assert list(steps) == [
        "address",
        "dns",
        "tcp",
        "http",
        "endpoint",
        "sign-in",
        "profile",
        "genres",
        "channels",
        "stream",
    ]
    assert {step.state for step in steps.values()} <= {"ok", "warn"}, steps
    assert steps["channels"].text == "22"
    assert "first bytes after" in steps["stream"].text
    assert Ledger(redis, "test").usage() == []
    told = json.dumps([(step.name, step.text) for step in steps.values()])
    assert "HOST" in told
    for secret in ("12:34", "SERIAL123456", "127.0.0.1"):
        assert secret not in told


def test_a_login_in_a_sentence_is_blinded():
    portal = PortalFactory(kind=PortalKind.XTREAM, address="http://panel.example:8080")
    Subscription.objects.create(portal=portal, login="bobby", password="hunter2")
    said = Blinds(portal)("http://panel.example:8080/live/bobby/hunter2/1.ts says no to bobby at panel.example")
    assert "bobby" not in said
    assert "hunter2" not in said
    assert "panel.example" not in said


def test_a_dead_port_ends_it_with_a_sentence(redis):
    portal = PortalFactory(address="http://127.0.0.1:9/c/")
    SubscriptionFactory(portal=portal)
    steps = examined(portal, redis)
    assert list(steps) == ["address", "dns", "tcp"]
    assert steps["tcp"].state == "fail"
    assert "HOST" in steps["tcp"].text
    assert "refuses the connection" in steps["tcp"].text
    assert "127.0.0.1" in examined(portal, redis, show_host=True)["address"].text


def test_a_web_page_is_no_portal(redis):
    with WebFiles() as web:
        portal = PortalFactory(address=web.put("/c/", "<html><title>Welcome</title></html>"))
        SubscriptionFactory(portal=portal)
        steps = examined(portal, redis)
    assert steps["http"].state == "ok"
    assert steps["endpoint"].state == "fail"
    assert "stream" not in steps


def test_a_blocked_mac_is_said_and_nothing_more_is_asked(redis):
    with FakePortal(macs=[MAC]) as fake:
        fake.accounts[MAC].state = "blocked"
        steps = examined(a_portal(fake), redis)
    assert steps["sign-in"].state == "fail"
    assert "genres" not in steps


def test_a_viewers_slot_is_left_to_the_viewer(origin, redis):
    with FakePortal(macs=[MAC], media_url=lambda m, c, t: origin.url(str(c), m)) as fake:
        portal = a_portal(fake)
        viewers = Ledger(redis, "node1:relay")
        viewers.sweep(alone=True)
        viewers.take(viewers.want(portal.subscriptions.get(), key="channel", viewer="ann"))
        found = Examination(portal, redis, Blinds(portal)).steps()
        steps = {step.name: step for step in found}
    assert steps["stream"].state == "warn"
    assert "Every stream of the subscription is in use" in steps["stream"].text
    assert not origin.opened


def test_a_redis_that_has_just_started_is_waited_for(origin, redis):
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        Ledger(redis, "node1:relay").sweep(alone=True)

    with FakePortal(macs=[MAC], media_url=lambda m, c, t: origin.url(str(c), m)) as fake:
        portal = a_portal(fake)
        *_, last = Examination(portal, redis, Blinds(portal), sleep=nap).steps()
    assert last.state == "ok", last
    assert 0 < naps[0] <= 13


def test_the_command_prints_the_report_and_fails_with_it(capsys, redis):
    portal = PortalFactory(name="Dead", address="http://127.0.0.1:9/c/")
    SubscriptionFactory(portal=portal)
    with pytest.raises(SystemExit):
        call_command("portal", "doctor", "Dead", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["works"] is False
    assert [step["name"] for step in document["steps"]] == ["address", "dns", "tcp"]
