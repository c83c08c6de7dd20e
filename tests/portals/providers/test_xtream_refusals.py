"""What an owner reads when a panel does not work: every case with its exact sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from portals import errors
from portals.models import Portal
from portals.pacing import Pacer
from portals.providers.reach import Reach
from portals.providers.xtream import panel as xtream_panel
from restreamer.lib.http import Bounds
from tests.fakes.xtream_panel import Fault, Line
from tests.portals.providers.xtream_house import NOW, House

pytestmark = pytest.mark.django_db


def host(house: House) -> str:
    return house.panel.url.removeprefix("http://")


# --- a login that works --------------------------------------------------------------------------------------------


def test_a_working_login(xtream_house):
    report = xtream_house(Line("user", "secret", max_connections="2")).check()

    assert (report.state, report.sentence, report.warning) == ("ok", "The panel accepts this login.", "")
    assert report.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    assert (report.streams, report.time_zone) == (2, "Europe/Berlin")
    assert report.facts == {
        "Status": "Active",
        "Expires": "1 January 2100",
        "Connections": "0 in use, most: 2",
        "Since": "1 January 2022",
        "Live as": "m3u8, ts",
        "Time zone": "Europe/Berlin",
        "Server": "tv.example",
    }


@pytest.mark.parametrize("fault", ["odd types", "list of one", "warnings-free"])
def test_types_of_fields_do_not_matter(xtream_house, fault):
    here = xtream_house(Line("user", "secret", max_connections="2"))
    if fault != "warnings-free":
        here.panel.faults[""] = Fault(fault)

    report = here.check()

    assert (report.state, report.streams, report.expires_at) == ("ok", 2, datetime(2100, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("exp_date", [None, "", "0", "Unlimited", 0])
def test_a_login_without_an_end(xtream_house, exp_date):
    report = xtream_house(Line("user", "secret", exp_date=exp_date, max_connections="0")).check()

    assert (report.state, report.expires_at, report.streams) == ("ok", None, None)
    assert report.facts["Expires"] == "never"
    assert report.facts["Connections"] == "0 in use, most: no limit named"


def test_a_login_that_ends_soon_warns(xtream_house):
    report = xtream_house(Line("user", "secret", exp_date=str(int(NOW) + 3 * 86400))).check()

    assert report.warning == "The subscription of this login ends on 18 January 2027."


def test_a_login_in_full_use_warns(xtream_house):
    here = xtream_house(Line("user", "secret", max_connections="1", message="Happy <b>new</b> year"))
    here.panel.lines["user"].open = 1

    assert here.check().warning == (
        "Every connection of this login (1) is in use right now.\nThe panel says: “Happy new year”"
    )


def test_a_zone_nobody_knows_is_read_from_the_clocks(xtream_house):
    report = xtream_house(shown_zone="Custom/Zone").check()

    assert report.time_zone == ""
    assert report.facts["Time zone"] == "+01:00"


# --- a login that does not -----------------------------------------------------------------------------------------


def refused_login(xtream_house, **line: Any) -> tuple[str, str]:
    report = xtream_house(Line("user", "secret", **line)).check()
    return report.state, report.sentence


def test_an_expired_login(xtream_house):
    assert refused_login(xtream_house, status="Expired", exp_date="1700000000") == (
        "expired",
        "The subscription of this login ended on 14 November 2023. Renew it with your provider; then test it again.",
    )


def test_a_login_past_its_end_is_expired_whatever_its_status(xtream_house):
    assert refused_login(xtream_house, exp_date="1700000000")[0] == "expired"


def test_an_expired_login_without_a_date(xtream_house):
    assert refused_login(xtream_house, status="Expired", exp_date=None) == (
        "expired",
        "The subscription of this login has ended. Renew it with your provider; then test it again.",
    )


def test_a_banned_login_with_the_panels_words(xtream_house):
    assert refused_login(xtream_house, status="Banned", message="Shared account") == (
        "blocked",
        "The panel has banned this login. Ask your provider why. The panel's words: “Shared account”",
    )


def test_a_disabled_login(xtream_house):
    assert refused_login(xtream_house, status="Disabled", auth=0) == (
        "blocked",
        "The panel has switched this login off. Ask your provider why.",
    )


def test_a_wrong_password(xtream_house):
    here = xtream_house()
    here.login.password = "wrong"

    report = here.provider().check(here.login)

    assert (report.state, report.sentence) == (
        "unknown",
        "The panel refuses this user name or password. Check both for typing errors; then test again.",
    )


def test_a_login_the_panel_does_not_accept_whatever_its_status(xtream_house):
    assert refused_login(xtream_house, auth=0, status="Active")[0] == "unknown"


def test_a_panel_that_says_nothing_of_acceptance_tells_by_the_status(xtream_house):
    here = xtream_house()
    login = here.panel._login
    here.panel._login = lambda line: {"user_info": {"status": "Active"}, "server_info": login(line)["server_info"]}

    assert here.check().state == "ok"


def test_a_login_without_a_password(xtream_house):
    here = xtream_house()
    here.login.password = ""

    report = here.provider().check(here.login)

    assert (report.state, report.sentence) == ("login_needed", "A panel needs a user name and a password. Enter both.")
    assert here.panel.asked == []


@pytest.mark.parametrize("silence", ["404", "empty"])
def test_silence_of_a_panel_we_know_is_a_wrong_login(xtream_house, silence):
    here = xtream_house(unknown_login=silence)
    here.check()
    here.login.password = "wrong"

    report = here.provider().check(here.login)

    assert (report.state, report.sentence) == (
        "unknown",
        "The panel answers this login with nothing, as panels of this kind do when user name or password is wrong. "
        "Check both for typing errors; then test again.",
    )


@pytest.mark.parametrize("silence", ["404", "empty"])
def test_silence_of_an_unknown_host_may_be_no_panel(xtream_house, silence):
    here = xtream_house(unknown_login=silence)
    here.login.password = "wrong"

    with pytest.raises(errors.NotAPortal) as caught:
        here.provider().check(here.login)

    assert caught.value.message == (
        f"There is no Xtream panel at {host(here)}, or it does not know this login: it answers “not found”, as panels "
        "do in both cases. Check server, port, user name and password."
    )


def test_a_refusal_by_status(xtream_house):
    here = xtream_house()
    here.panel.faults[""] = Fault("403")

    report = here.check()

    assert (report.state, report.sentence) == (
        "unknown",
        "The panel refuses us (status 403): user name or password is wrong, or it does not accept your network or user "
        "agent.",
    )


# --- a panel that cannot be asked ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [
        (
            "html",
            errors.AnswerUnreadable,
            "{host} answers with a web page instead of data. Check server and port; if they are right, the panel is "
            "down or has moved: ask your provider. The panel's words: “Maintenance”",
        ),
        (
            "guard",
            errors.AnswerUnreadable,
            "A protection service in front of {host} turned us away (status 403). Ask your provider to allow your "
            "address, or set a proxy.",
        ),
        ("500", errors.PortalOverloaded, "{host} failed inside while answering (status 500). Try again later."),
        ("429", errors.PortalThrottled, "{host} says it is asked too often. It is left alone for 7 s."),
        (
            "garbage",
            errors.NotAPortal,
            "Another kind of service answers at {host}, not an Xtream panel. If your provider gave you a MAC or a "
            "playlist address, add it as Stalker portal or playlist instead.",
        ),
        (
            "cut",
            errors.PortalUnreachable,
            "{host} broke its answer off half-way. Try again; if it stays so, tell your provider.",
        ),
        (
            "moved",
            errors.PortalUnreachable,
            "{host} refuses the connection. Check the port in the address; if it is "
            "right, the provider is down: try again later or ask your provider.",
        ),
    ],
)
def test_a_panel_that_cannot_be_asked(xtream_house, fault, error, sentence):
    here = xtream_house()
    here.panel.faults[""] = Fault(fault, after=1)

    with pytest.raises(error) as caught:
        here.check()

    assert caught.value.message == sentence.format(host=host(here))


def test_a_panel_that_drips_its_answer_is_not_waited_for(xtream_house, monkeypatch):
    monkeypatch.setattr(xtream_panel, "_SMALL", Bounds(total_s=0.4))
    here = xtream_house()
    here.panel.faults[""] = Fault("drip")

    with pytest.raises(errors.PortalUnreachable) as caught:
        here.check()

    assert caught.value.message == Reach.TOO_SLOW.of(host=host(here))


def test_another_service_is_named(xtream_house):
    here = xtream_house(portal={"address": "http://127.0.0.1:9"})

    with pytest.raises(errors.PortalUnreachable) as caught:
        here.check()

    assert caught.value.message == Reach.CONNECTION_REFUSED.of(host="127.0.0.1:9")


@pytest.mark.parametrize("address", ["ftp://h", "http://", "http://h:99999", " , "])
def test_an_address_that_is_none(xtream_house, address):
    with pytest.raises(errors.NotAPortal, match="is no web address"):
        xtream_house(portal={"address": address}).check()


def test_a_panel_that_asked_us_to_wait_is_left_alone(xtream_house):
    here = xtream_house()
    here.panel.faults[""] = Fault("429", times=1)
    with pytest.raises(errors.PortalThrottled) as caught:
        here.check()
    with pytest.raises(errors.PortalThrottled):
        Pacer(here.redis, here.portal.pk).turn(patience_s=1).__enter__()

    assert caught.value.retry_after_s == 7
    assert len(here.panel.asked) == 1


# --- several servers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("glue", [" ", ",", "\n", " , "])
def test_the_first_server_that_is_a_panel_is_used_and_remembered(xtream_house, glue):
    here = xtream_house()
    Portal.objects.filter(pk=here.portal.pk).update(address=f"http://127.0.0.1:9{glue}{here.panel.url}/c/")

    assert here.check().state == "ok"
    assert Portal.objects.get(pk=here.portal.pk).endpoint == here.panel.url


def test_when_the_remembered_server_dies_the_others_are_asked(xtream_house):
    here = xtream_house(portal={"endpoint": "http://127.0.0.1:9"})

    assert here.check().state == "ok"
    assert Portal.objects.get(pk=here.portal.pk).endpoint == here.panel.url


def test_a_server_that_asked_us_to_wait_is_not_dodged(xtream_house):
    busy, here = xtream_house(), xtream_house()
    busy.panel.faults[""] = Fault("429")
    Portal.objects.filter(pk=here.portal.pk).update(address=f"{busy.panel.url} {here.panel.url}")

    with pytest.raises(errors.PortalThrottled):
        here.check()
    assert here.panel.asked == []


def test_a_web_page_at_the_first_server_does_not_hide_the_panel_at_the_second(xtream_house):
    parked, here = xtream_house(), xtream_house()
    parked.panel.faults[""] = Fault("html")
    Portal.objects.filter(pk=here.portal.pk).update(address=f"{parked.panel.url} {here.panel.url}")

    assert here.check().state == "ok"


def test_a_refusal_says_more_than_a_dead_server(xtream_house):
    here = xtream_house(Line("user", "secret", status="Banned"))
    Portal.objects.filter(pk=here.portal.pk).update(address=f"http://127.0.0.1:9 {here.panel.url}")

    assert here.check().state == "blocked"


@pytest.mark.parametrize(
    "pasted",
    ["{url}", "{url}/", "{bare}", "{url}/player_api.php", "{url}/get.php?username=a&password=b&type=m3u", "{url}/c/"],
)
def test_any_pasted_form_of_the_server_is_understood(xtream_house, pasted):
    here = xtream_house()
    address = pasted.format(url=here.panel.url, bare=host(here))
    Portal.objects.filter(pk=here.portal.pk).update(address=address)

    assert here.check().state == "ok"


def test_secrets_stay_out_of_every_sentence(xtream_house):
    here = xtream_house(Line("user", "hush-hush"))
    for fault in ("html", "500", "garbage", "cut", "403", "404", "moved"):
        here.panel.faults[""] = Fault(fault)
        try:
            said = here.check().sentence
        except errors.PortalError as error:
            said = error.message
        assert "hush" not in said
