"""One portal session per MAC for the whole installation."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from portals import errors
from portals.models import Portal, Subscription
from portals.pacing import Pace
from portals.providers.stalker.signin import PortalSession
from restreamer.lib import redis_keys
from tests.fakes.portal_wire import Reply, js, text
from tests.portals.providers.stalker.conftest import House

MAC = "00:1A:79:00:00:01"


def session(home: House) -> PortalSession:
    return home.provider()._sessions.current(home.subscription)


def together(count: int, work: Callable[[], object]) -> list[object]:
    """Results or errors of `count` threads doing the same at the same time."""
    gate = threading.Barrier(count)
    results: list[object] = []

    def run() -> None:
        gate.wait()
        try:
            results.append(work())
        except errors.PortalError as err:
            results.append(err)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("family", ["stock", "panel"])
def test_a_crowd_shares_one_handshake(house, family):
    home = house(family)
    tokens = set(together(12, lambda: session(home).token))
    assert len(tokens) == 1
    assert (home.fake.doings().handshakes, home.fake.doings().profiles) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_crowd_shares_one_refusal(house):
    home = house()
    home.fake.block(MAC)
    results = together(12, lambda: session(home))
    assert {type(result) for result in results} == {errors.SubscriptionBlocked}
    assert {str(result) for result in results} == {str(results[0])}
    assert home.fake.doings().handshakes == 1


@pytest.mark.django_db(transaction=True)
def test_a_crowd_on_a_mac_blocked_meanwhile_asks_why_once(house):
    home = house()
    session(home)
    home.fake.block(MAC)
    results = together(8, lambda: home.provider()._sessions.ask(home.subscription, {"type": "itv", "action": "x"}))
    assert {type(result) for result in results} == {errors.SubscriptionBlocked}
    assert (home.fake.doings().handshakes, home.fake.doings().profiles) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_a_crowd_of_processes_stays_within_the_pace(house):
    home = house()
    session(home)
    home.pace = Pace()
    before = len(home.fake.requests)
    together(8, home.provider().live_genres)
    starts = sorted(at for at, _name in home.fake.requests[before:])
    assert len(starts) == 8
    assert starts[-1] - starts[0] >= 7 * 0.1 - 0.05
    assert home.fake.parallel_peak <= 2


@pytest.mark.django_db(transaction=True)
def test_a_crowd_that_lost_its_token_renews_it_once(house):
    home = house()
    home.streams()
    home.fake.account().token = "TAKEN BY ANOTHER"
    home.fake.doings().handshakes = 0
    genres = together(6, lambda: len(home.provider().live_genres()))
    assert genres == [5] * 6
    assert home.fake.doings().handshakes == 1


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_a_token_killed_in_mid_use_is_renewed_without_a_word(house, family):
    home = house(family)
    stream = home.streams()["3"]
    home.fake.account().token = "TAKEN BY ANOTHER"
    assert home.provider().play_url(home.subscription, "3", stream.cmd, stream.provider_data).url
    assert home.fake.doings().handshakes == 2


def test_a_token_lost_twice_in_a_row_is_another_device(house):
    home = house()
    home.provider().check(home.subscription)
    home.fake.fault("itv.get_genres", text("Authorization failed."))
    with pytest.raises(errors.SessionLost) as caught:
        home.provider().live_genres()
    assert caught.value.message == (
        "The portal forgot our session twice in a row: another device uses this MAC. Switch it off, or give it a MAC "
        "of its own."
    )
    assert home.fake.doings().handshakes == 2
    home.subscription.refresh_from_db()
    assert home.subscription.state == "cooldown"


def test_a_saved_token_is_offered_and_kept(house):
    home = house("panel")
    token = session(home).token
    # Another process with an edited row signs in anew, but offers the token there is.
    Subscription.objects.update(model="MAG254")
    home.subscription.refresh_from_db()
    assert session(home).token == token


@pytest.mark.parametrize(
    "change", [{"serial": "123"}, {"device_id": "D"}, {"device_id2": "E"}, {"model": "MAG254"}, {"login": "x"}]
)
def test_an_edited_identity_signs_in_anew(house, change):
    home = house()
    session(home)
    Subscription.objects.update(**change)
    home.subscription.refresh_from_db()
    session(home)
    assert home.fake.doings().profiles == 2


def test_an_emptied_endpoint_is_found_again(house):
    home = house()
    session(home)
    Portal.objects.update(endpoint="")
    session(home)
    assert Portal.objects.get().endpoint == home.fake.endpoint


def test_a_denied_list_asks_the_profile_why(house):
    home = house()
    home.provider().check(home.subscription)
    home.fake.block(MAC, "billing_no")
    with pytest.raises(errors.SubscriptionBlocked, match="Your balance is negative"):
        home.provider().live_genres()
    assert home.fake.doings().handshakes == 1


def test_a_list_denied_although_the_profile_is_fine_is_asked_once_more(house):
    home = house()
    home.provider().check(home.subscription)
    home.fake.fault("itv.get_genres", text("Access denied."), times=1)
    assert len(home.provider().live_genres()) == 5


def test_a_list_denied_for_good_is_said(house):
    home = house()
    home.fake.fault("itv.get_genres", text("Access denied."))
    with pytest.raises(errors.AccessDenied) as caught:
        home.provider().live_genres()
    assert caught.value.message == (
        "The portal signs this MAC in but denies it its lists. Ask your provider; it is asked again by itself from "
        "time to time."
    )


def test_the_session_holds_what_the_profile_said(house):
    home = house()
    home.fake.watchdog_s, home.fake.force_link_check = "90", "1"
    made = session(home)
    assert (made.zone, float(made.watchdog_s), made.force_link_check) == ("Europe/Kiev", 90, "1")
    assert (made.endpoint, made.family) == (home.fake.endpoint, "stock")


@pytest.mark.parametrize("zone", ["Europe/Kyiv", "Mars/Base", "Not A Zone"])
def test_a_zone_the_portal_breaks_on_is_replaced(house, zone):
    home = house(portal={"time_zone": zone})
    home.fake.zone = "Europe/Riga"
    assert home.sentence() == "The portal accepts this MAC."
    assert home.streams()


def test_a_new_zone_is_sent_under_its_old_name(house):
    home = house(portal={"time_zone": "Europe/Kyiv"})
    assert session(home).zone == "Europe/Kiev"
    assert home.fake.doings().handshakes == 1


def test_a_server_zone_the_server_itself_breaks_on_is_left_for_utc(house):
    home = house()
    home.fake.zone = "Mars/Base"
    assert home.streams()
    assert session(home).zone == "UTC"


def test_the_owners_zone_stays_when_the_portal_takes_it(house):
    home = house(portal={"time_zone": "Europe/Berlin"})
    assert session(home).zone == "Europe/Berlin"


def test_a_lock_whose_holder_died_is_waited_for_and_its_lifetime_is_bounded(house):
    home = house()
    session(home)
    lock = home.redis.lock(redis_keys.portal_session_lock(home.subscription.pk), timeout=0.3)
    assert lock.acquire()
    home.redis.delete(redis_keys.portal_session(home.subscription.pk))
    assert session(home).token


def test_what_one_unreachable_moment_said_is_not_remembered_long(house):
    home = house()
    home.fake.fault("stb.handshake", text("x", status=500), times=1)
    with pytest.raises(errors.PortalOverloaded):
        session(home)
    assert home.redis.pttl(redis_keys.portal_refusal(home.subscription.pk)) <= 3000


def test_a_test_by_the_owner_always_asks(house):
    home = house()
    home.fake.block(MAC)
    home.provider().check(home.subscription)
    home.fake.block(MAC, "ok")
    assert home.sentence() == "The portal accepts this MAC."


def test_two_macs_have_sessions_of_their_own(house):
    home = house(macs=(MAC, "00:1A:79:00:00:02"))
    for subscription in home.subscriptions:
        home.provider()._sessions.current(subscription)
    assert home.fake.doings(MAC).handshakes == home.fake.doings("00:1A:79:00:00:02").handshakes == 1


def test_the_mac_never_stands_whole_in_log_or_error(house, caplog):
    home = house()
    home.fake.fault("itv.get_genres", js({"error": f"no such thing for {MAC}"}))
    with caplog.at_level("DEBUG"), pytest.raises(errors.PortalError) as caught:
        home.provider().live_genres()
    assert MAC not in caught.value.message
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("portals")]
    assert not any(MAC in line for line in ours)


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_what_concerns_one_mac_makes_no_other_wait(house, family):
    home = house(family, macs=["00:1A:79:00:00:01", "00:1A:79:00:00:02"])
    streams = home.streams()
    cmd, data = streams["5"].cmd, dict(streams["5"].provider_data)
    home.fake.fault("itv.create_link", Reply(status=458), times=1)
    with pytest.raises(errors.SubscriptionBusy) as caught:
        home.provider().play_url(home.subscriptions[0], "5", cmd, data)
    assert caught.value.retry_after_s == 30
    assert home.provider().play_url(home.subscriptions[1], "5", cmd, data)


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_fifteen_zaps_need_no_handshake(house, family):
    home = house(family)
    streams = home.streams()
    before = home.fake.doings().handshakes, home.fake.count("stb.get_profile")
    for number in range(1, 16):
        stream = streams[str(number)]
        home.provider().play_url(home.subscription, str(number), stream.cmd, stream.provider_data)
    assert (home.fake.doings().handshakes, home.fake.count("stb.get_profile")) == before
    assert home.fake.doings().create_links == 15
