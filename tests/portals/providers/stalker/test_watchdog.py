"""What a running box reports and what it is told on that occasion."""

from __future__ import annotations

import pytest

from portals import errors
from tests.fakes.portal_wire import js

MAC = "00:1A:79:00:00:01"


def beat(home) -> float:
    """The next report."""
    return home.provider().keep_alive(home.subscription, playing=True)


def asked(home) -> list[str]:
    return [path for path in home.fake.paths if "get_events" in path]


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_the_first_report_of_a_session_says_so_and_is_shifted(house, family):
    home = house(family)
    assert beat(home) == 123
    assert beat(home) == 120
    assert "init=1&cur_play_type=1" in asked(home)[0]
    assert "init=0&cur_play_type=1" in asked(home)[1]


def test_the_cadence_is_the_portals_within_reason(house):
    for told, kept in ((90, 90), ("45", 45), (5, 30), (9999, 300), ("", 120), (None, 120)):
        home = house()
        home.fake.watchdog_s = told
        beat(home)
        assert beat(home) == kept


def test_a_session_signed_in_anew_begins_anew(house):
    home = house()
    beat(home)
    home.fake.account().token = "TAKEN BY ANOTHER"
    beat(home)
    beat(home)
    assert ["init=1" in path for path in asked(home)] == [True, False, False, True]


def test_a_cut_off_mac_is_refused_in_the_portals_words(house):
    home = house()
    beat(home)
    home.fake.account().state = "billing_no"
    home.fake.account().events.append({"id": "7", "event": "cut_off", "msg": ""})
    with pytest.raises(errors.SubscriptionBlocked, match="Your balance is negative"):
        beat(home)


def test_a_cut_off_the_portal_did_not_mean_changes_nothing(house):
    home = house()
    home.fake.account().events.append({"id": "7", "event": "cut_off"})
    assert beat(home) > 0


@pytest.mark.parametrize("event", ["reload_portal", "reboot"])
def test_a_reload_begins_a_new_session_at_the_next_question(house, event):
    home = house()
    home.fake.account().events.append({"id": "7", "event": event})
    beat(home)
    assert home.fake.doings().handshakes == 1
    home.provider().live_genres()
    beat(home)
    assert home.fake.doings().handshakes == 2


def test_a_message_is_kept_as_a_warning_once_and_never_confirmed(house):
    home = house()
    event = {"id": "7", "event": "send_msg", "msg": "Service<br>tonight &amp; tomorrow", "need_confirm": "1"}
    home.fake.account().events.append(event)
    beat(home)
    home.subscription.refresh_from_db()
    assert home.subscription.warning == (
        "The provider sent a message. The portal's words: “Service tonight & tomorrow”"
    )
    home.subscription.warning = ""
    home.subscription.save()
    beat(home)
    home.subscription.refresh_from_db()
    assert home.subscription.warning == ""
    assert not any("confirm_event" in path for path in home.fake.paths)


@pytest.mark.parametrize(
    "answer",
    [
        js(False),
        js([]),
        js(""),
        js(None),
        js({"data": []}),
        js({"data": {"event": None}}),
        js({"data": {"event": "update_epg"}}),
    ],
)
def test_nothing_special_is_nothing_special(house, answer):
    home = house()
    home.fake.fault("watchdog.get_events", answer)
    assert beat(home) > 0


def test_what_the_portal_said_is_on_the_macs_page(house, admin_client):
    home = house()
    home.fake.account().events.append(
        {"id": "8", "event": "send_msg", "msg": "Pay <b>soon</b> & <script>well</script>"}
    )
    beat(home)
    beat(home)
    page = admin_client.get(f"/admin/portals/mac/{home.subscription.pk}/change/").content.decode()
    assert page.count("a message: Pay") == 1
    assert "<script>well" not in page


def test_a_mac_whose_portal_said_nothing_says_so(house, admin_client):
    home = house()
    page = admin_client.get(f"/admin/portals/mac/{home.subscription.pk}/change/").content.decode()
    assert "said lately" in page.lower()
