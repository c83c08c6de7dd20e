"""Every refusal of the reference's tables, told apart, with the exact sentence the owner reads."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from portals import errors
from portals.errors import NotAPortal, PortalError, PortalThrottled, PortalUnreachable
from tests.fakes.portal import FakePortal
from tests.fakes.portal_wire import Reply, js, page, panel_js, raw, text
from tests.fakes.web import FakeWeb

MAC = "00:1A:79:00:00:01"
ASK_AGAIN = " Ask your provider why; it is asked again by itself from time to time."

Setup = Callable[[FakePortal], Any]


def strangers(fake: FakePortal, **settings: Any) -> None:
    """A portal that knows nobody, and how it treats them."""
    fake.accounts.clear()
    for name, value in settings.items():
        setattr(fake, name, value)


#: (name, family, what is wrong, state in the report, sentence)
REFUSALS: list[tuple[str, str, Setup, str, str]] = [
    (
        "stock blocked: the whole row, silently",
        "stock",
        lambda fake: fake.block(MAC),
        "blocked",
        "The portal has blocked this MAC." + ASK_AGAIN,
    ),
    (
        "stock billing says no, in its own words",
        "stock",
        lambda fake: fake.block(MAC, "billing_no"),
        "blocked",
        "The portal has blocked this MAC." + ASK_AGAIN + " The portal's words: “Your balance is negative. Please pay.”",
    ),
    (
        "stock billing unreachable looks like a block",
        "stock",
        lambda fake: fake.block(MAC, "billing_down"),
        "blocked",
        "The portal has blocked this MAC without giving a reason. This also happens while the provider's billing is "
        "down: it is asked again in a few minutes. If it stays so, ask your provider.",
    ),
    (
        "stock expired",
        "stock",
        lambda fake: fake.control({"expire": MAC}),
        "expired",
        "The subscription of this MAC ended on 01 January 2020. Renew it with your provider; then test it again.",
    ),
    (
        "stock unknown, no accounts made",
        "stock",
        lambda fake: strangers(fake, unknown_macs="refuse"),
        "unknown",
        "The portal does not know this MAC. Check it for typing errors; if it is right, ask your provider to register "
        "it. The portal's words: “Please contact your provider to register this device!”",
    ),
    (
        "stock unknown, account made but blocked",
        "stock",
        lambda fake: strangers(fake, unknown_macs="create_blocked"),
        "blocked",
        "The portal has blocked this MAC." + ASK_AGAIN,
    ),
    (
        "stock refuses the form of the MAC",
        "stock",
        lambda fake: fake.fault("stb.get_profile", js({"status": 1})),
        "unknown",
        "The portal refuses this MAC without a word. Portals do so with a MAC that does not begin with 00:1A:79: "
        "check it for typing errors.",
    ),
    (
        "profile refused with machine words",
        "stock",
        lambda fake: fake.fault("stb.get_profile", js({"status": 1, "msg": "access denied", "block_msg": "Overdue"})),
        "blocked",
        "The portal has blocked this MAC." + ASK_AGAIN + " The portal's words: “Overdue”",
    ),
    (
        "device id is another",
        "stock",
        lambda fake: setattr(fake.account(), "device_id", "PINNED"),
        "conflict",
        "The portal knows this MAC with other device ids. Enter the serial number and device ids exactly as your box "
        "or app shows them, or ask your provider to reset them.",
    ),
    (
        "device ids belong to another MAC",
        "stock",
        lambda fake: fake.fault(
            "stb.get_profile", js({"status": 1, "msg": "device conflict - MAC address mismatch", "block_msg": "x"})
        ),
        "conflict",
        "The portal knows these device ids with another MAC. Enter the ids that belong to this MAC, or empty them, or "
        "ask your provider to reset them.",
    ),
    (
        "old firmware",
        "stock",
        lambda fake: setattr(fake, "wants_newer_firmware", True),
        "conflict",
        "The portal says the firmware of this box is too old. Choose another model for this MAC, for example MAG250 "
        "or MAG254.",
    ),
    (
        "login needed and none known",
        "stock",
        lambda fake: setattr(fake.account(), "login", "ann"),
        "login_needed",
        "The portal wants a user name and password for this MAC. Enter them here. Mind that signing in moves the "
        "account to this MAC: the box that used it before will be signed out. The portal's words: “Please sign in”",
    ),
    (
        "panel unknown: no token",
        "panel",
        lambda fake: fake.accounts.clear(),
        "unknown",
        "The portal does not know this MAC, or has blocked it: portals of this kind do not say which. Check it for "
        "typing errors; if it is right, ask your provider.",
    ),
    (
        "panel unknown: dead token, empty profile",
        "panel",
        lambda fake: strangers(fake, null_tokens=False),
        "unknown",
        "The portal does not know this MAC, or has blocked it: portals of this kind do not say which. Check it for "
        "typing errors; if it is right, ask your provider.",
    ),
    (
        "panel blocked",
        "panel",
        lambda fake: fake.block(MAC),
        "unknown",
        "The portal does not know this MAC, or has blocked it: portals of this kind do not say which. Check it for "
        "typing errors; if it is right, ask your provider.",
    ),
    (
        "panel profile without any data",
        "panel",
        lambda fake: fake.fault("stb.get_profile", panel_js([])),
        "unknown",
        "The portal does not know this MAC. Check it for typing errors; if it is right, ask your provider to register "
        "it.",
    ),
    (
        "panel wants another serial number",
        "panel",
        lambda fake: setattr(fake.account(), "serial", "SOMETHINGELSE"),
        "conflict",
        "The portal answered the sign-in with “not found”. Portals of this kind do so when the serial number is not "
        "the one they know, and block your address for a while. Enter the serial number of your box or app, wait, "
        "then test again.",
    ),
    (
        "panel expired: the phone field says so",
        "panel",
        lambda fake: setattr(fake.account(), "phone", "January 5, 2021, 11:59 pm"),
        "expired",
        "The subscription of this MAC ended on 05 January 2021. Renew it with your provider; then test it again.",
    ),
    (
        "a refusal in a panel's own words",
        "panel",
        lambda fake: fake.fault("stb.get_profile", panel_js({"error": "Access denied: MAC locked"})),
        "blocked",
        "The portal signs this MAC in but denies it its lists. Ask your provider; it is asked again by itself from "
        "time to time.",
    ),
    (
        "signed in, but every list is denied",
        "stock",
        lambda fake: fake.fault("itv.get_genres", text("Access denied.")),
        "blocked",
        "The portal signs this MAC in but denies it its lists. Ask your provider; it is asked again by itself from "
        "time to time.",
    ),
    (
        "the cookie is not understood",
        "stock",
        lambda fake: fake.fault("stb.get_profile", text("Unauthorized request.")),
        "unknown",
        "The portal could not read the MAC we sent. Check it for typing errors; if it is right, ask your provider "
        "whether the portal takes this kind of MAC.",
    ),
    (
        "the token is refused at once, twice",
        "stock",
        lambda fake: fake.fault("stb.get_profile", text("Authorization failed. 77")),
        "cooldown",
        "The portal forgot our session twice in a row: another device uses this MAC. Switch it off, or give it a MAC "
        "of its own.",
    ),
]


@pytest.mark.parametrize(
    ("family", "wrong", "state", "sentence"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_a_refusal_is_a_report_with_its_own_sentence(house, family, wrong, state, sentence):
    home = house(family, rows=[{"mac": MAC}])
    wrong(home.fake)
    report = home.provider().check(home.subscription)
    assert (report.state, report.sentence) == (state, sentence)


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_an_expired_account_tells_when_it_ended(house, family):
    home = house(family)
    if family == "stock":
        home.fake.control({"expire": MAC})
    else:
        home.fake.account().phone = "January 1, 2020, 12:00 am"
    assert f"{home.provider().check(home.subscription).expires_at:%Y-%m-%d}" == "2020-01-01"


@pytest.mark.parametrize("zone", ["Europe", "../../etc/passwd", "\x00", "Mars/Base", "", None, 5, []])
def test_a_nonsense_zone_of_the_portals_own_breaks_nothing(house, zone):
    home = house("panel")
    home.fake.zone = zone
    home.provider().check(home.subscription)
    assert home.sentence() == "The portal accepts this MAC."


def test_a_wrong_password_is_told_from_a_missing_one(house):
    home = house(rows=[{"mac": MAC, "login": "ann", "password": "wrong"}])
    home.fake.account().login, home.fake.account().password = "ann", "right"
    report = home.provider().check(home.subscription)
    assert report.state == "login_needed"
    assert report.sentence == "The portal refuses the user name or password. Check both; then test again."
    assert home.fake.doings().logins == 1


def test_a_login_that_does_not_stick_is_refused(house):
    home = house(rows=[{"mac": MAC, "login": "ann", "password": "right"}])
    home.fake.account().login, home.fake.account().password = "ann", "right"
    home.fake.login_sticks = False
    assert home.sentence() == "The portal refuses the user name or password. Check both; then test again."


def test_the_right_password_signs_in(house):
    home = house(rows=[{"mac": MAC, "login": "ann", "password": "right"}])
    home.fake.account().login, home.fake.account().password = "ann", "right"
    assert home.sentence() == "The portal accepts this MAC."
    assert home.streams()


#: (name, what is wrong, class, sentence): what no subscription is to blame for, so it is raised.
FAILURES: list[tuple[str, Setup, type[PortalError], str]] = [
    (
        "portal closed",
        lambda fake: setattr(fake, "closed", True),
        errors.PortalClosed,
        "The provider has switched the portal off for now. Try again later; nothing is wrong with your MAC.",
    ),
    (
        "throttled with a wish",
        lambda fake: fake.fault("*", Reply(status=429, headers={"Retry-After": "90"})),
        PortalThrottled,
        "The portal says it is asked too often. It is left alone for 90 s.",
    ),
    (
        "throttled without a wish",
        lambda fake: fake.fault("stb.handshake", Reply(status=429)),
        PortalThrottled,
        "The portal says it is asked too often. It is left alone for 30 s.",
    ),
    (
        "busy (503) with a wish",
        lambda fake: fake.fault("stb.handshake", Reply(status=503, headers={"Retry-After": "600"})),
        PortalThrottled,
        "The portal says it is asked too often. It is left alone for 10 min.",
    ),
    (
        "turned away by a CDN",
        lambda fake: fake.fault("stb.handshake", page(403, "Attention Required!", {"CF-RAY": "8c1"})),
        PortalThrottled,
        "A protection service in front of the portal turned us away (status 403). The portal is left alone for 30 s. "
        "If it stays so, ask your provider to allow your address, or set a proxy.",
    ),
    (
        "challenged by a CDN",
        lambda fake: fake.fault("stb.handshake", page(503, "Just a moment...", {"Server": "cloudflare"})),
        PortalThrottled,
        "A protection service in front of the portal turned us away (status 503). The portal is left alone for 30 s. "
        "If it stays so, ask your provider to allow your address, or set a proxy.",
    ),
    (
        "overloaded",
        lambda fake: fake.fault("*", page(502, "Bad Gateway")),
        errors.PortalOverloaded,
        "The portal is overloaded or down (status 502). Try again later.",
    ),
    (
        "a fatal error inside",
        lambda fake: fake.fault("stb.get_profile", text("<b>Fatal error</b>: Allowed memory size exhausted in x.php")),
        errors.PortalOverloaded,
        "The portal failed inside while answering. Try again later; if it stays so, tell your provider.",
    ),
    (
        "broken JSON in the handshake",
        lambda fake: fake.fault("stb.handshake", raw('{"js":{"token":"AB')),
        errors.AnswerUnreadable,
        "The portal's answer is damaged and cannot be read. Try again; if it stays so, tell your provider.",
    ),
    (
        "HTML in place of the profile",
        lambda fake: fake.fault("stb.get_profile", page(title="Maintenance")),
        NotAPortal,
        "Something answers at {host}, but no portal was found there. Check the address; most end in /c/.",
    ),
    (
        "HTML everywhere",
        lambda fake: fake.fault("*", page(title="Parked domain")),
        NotAPortal,
        "Something answers at {host}, but no portal was found there. Check the address; most end in /c/.",
    ),
    (
        "forbidden everywhere",
        lambda fake: fake.fault("stb.handshake", page(403, "Forbidden")),
        errors.AnswerUnreadable,
        "The portal answered with status 403, which says nothing we know. Try again later or ask your provider.",
    ),
    (
        "another kind of service",
        lambda fake: fake.fault("stb.handshake", raw('{"user_info":{"auth":0}}')),
        NotAPortal,
        "Another kind of service answers at {host}, not a Stalker portal. If your provider gave you a user name and "
        "password or a playlist, add it as Xtream or M3U instead.",
    ),
    (
        "nothing but empty answers",
        lambda fake: fake.fault("stb.handshake", Reply(content_type="text/javascript")),
        NotAPortal,
        "Something answers at {host}, but no portal was found there. Check the address; most end in /c/.",
    ),
    (
        "a time zone fault whatever we send",
        lambda fake: fake.fault("stb.handshake", text("<b>Fatal error</b>: Unknown or bad timezone (UTC)")),
        errors.TimeZoneRefused,
        "The portal breaks on every time zone we tried. Set another time zone for this portal, the one your box uses.",
    ),
    (
        "a far too large answer",
        lambda fake: fake.fault("stb.handshake", raw(b"x" * (9 * 1024 * 1024))),
        errors.AnswerUnreadable,
        "{host} sends a far larger answer than can be right. Check the address.",
    ),
]


@pytest.mark.parametrize(("wrong", "kind", "sentence"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_a_portal_that_cannot_be_asked_is_named(house, wrong, kind, sentence):
    home = house()
    wrong(home.fake)
    with pytest.raises(kind) as caught:
        home.provider().check(home.subscription)
    assert caught.value.message == sentence.format(host=f"127.0.0.1:{home.fake.port}")


def test_a_known_portal_that_answers_with_pages_is_not_called_none(house):
    home = house()
    home.provider().check(home.subscription)
    home.fake.fault("*", page(title="Maintenance"))
    home.redis.flushall()
    with pytest.raises(errors.AnswerUnreadable) as caught:
        home.provider().check(home.subscription)
    assert caught.value.message == (
        "The portal answered with a web page instead of data. Try again later; if it stays so, check the address or "
        "ask your provider whether the portal has moved."
    )


def test_a_portal_that_redirects_to_a_page_is_named(house):
    home = house()
    home.provider().check(home.subscription)
    home.redis.flushall()
    with FakeWeb({"/sorry": page(title="Sorry")}) as other:
        home.fake.fault("*", Reply(status=302, headers={"Location": f"{other.origin}/sorry"}))
        with pytest.raises(errors.AnswerUnreadable) as caught:
            home.provider().check(home.subscription)
    assert caught.value.message == (
        f"The portal sends us on to a web page at 127.0.0.1:{other.port}: it has moved, or it turns us away. "
        "Ask your provider for the current address."
    )


def test_a_refused_connection_stops_the_search(house):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    home = house(portal={"address": f"http://127.0.0.1:{port}/c/"})
    with pytest.raises(PortalUnreachable) as caught:
        home.provider().check(home.subscription)
    assert caught.value.message == (
        f"127.0.0.1:{port} refuses the connection. Check the port in the address; if it is right, the provider is "
        "down: try again later or ask your provider."
    )


def test_an_unknown_host_stops_the_search(house, monkeypatch):
    home = house(portal={"address": "http://no.such.portal/c/"})

    def no_such_host(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    with pytest.raises(PortalUnreachable) as caught:
        home.provider().check(home.subscription)
    assert caught.value.message == "There is no host named no.such.portal. Check the address for typing errors."


@pytest.mark.parametrize("address", ["", "not an address", "ftp://x/c/", "http://", "http://a b/c/"])
def test_what_is_no_address_is_named(house, address):
    home = house(portal={"address": address})
    with pytest.raises(NotAPortal) as caught:
        home.provider().check(home.subscription)
    assert caught.value.message == (
        f"“{address}” is no web address. Enter what your provider gave you, for example http://portal.example:8080/c/."
    )


def test_a_dead_proxy_is_named(house):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    home = house(portal={"proxy_url": f"http://127.0.0.1:{port}"})
    with pytest.raises(PortalUnreachable) as caught:
        home.provider().check(home.subscription)
    assert caught.value.message == (
        f"The proxy of this portal does not connect to 127.0.0.1:{home.fake.port}. "
        "Check the proxy address, or empty it."
    )


def test_a_nonsense_proxy_is_named(house):
    home = house(portal={"proxy_url": "gopher://nowhere:1"})
    with pytest.raises(NotAPortal) as caught:
        home.provider().check(home.subscription)
    assert caught.value.message == (
        "The proxy address of this portal is not usable. It looks like http://host:3128 or socks5h://host:1080."
    )


# --- warnings that come with a working MAC


def test_an_account_the_portal_has_just_made_is_pointed_out(house):
    home = house(rows=[{"mac": "00:1A:79:AA:BB:CC"}])
    report = home.provider().check(home.subscription)
    assert report.state == "ok"
    assert report.warning == (
        "The portal did not know this MAC and has just created an account for it. If you expected your own "
        "subscription, check the MAC for typing errors."
    )


def test_an_account_that_existed_is_not(house):
    home = house(rows=[{"mac": "00:1A:79:AA:BB:CC"}])
    home.provider().check(home.subscription)
    assert home.provider().check(home.subscription).warning == ""


def test_another_device_on_the_mac_is_pointed_out(house):
    home = house()
    home.fake.account().keep_alive = _ago(40)
    warning = home.provider().check(home.subscription).warning
    assert warning == (
        f"Another device used this MAC {_seconds(warning)} s before us from 203.0.113.9. Two devices on one MAC sign "
        "each other out: switch one of them off."
    )


def test_our_own_sign_of_life_is_no_other_device(house):
    home = house()
    home.provider().check(home.subscription)
    assert home.provider().check(home.subscription).warning == ""


def test_the_providers_notice_is_passed_on(house):
    home = house()
    home.fake.account().notice = "Please pay<br>by Friday &amp; enjoy"
    report = home.provider().check(home.subscription)
    assert report.state == "ok"
    assert report.warning == ("The provider wants you to read this. The portal's words: “Please pay by Friday & enjoy”")


@pytest.mark.parametrize("answer", [text("Access denied."), page(500), js(False), js([]), Reply()])
def test_a_portal_without_an_account_page_is_no_less_usable(house, answer):
    home = house()
    home.fake.fault("account_info.get_main_info", answer)
    assert home.sentence() == "The portal accepts this MAC."


def test_the_servers_debug_dump_is_never_shown(house):
    home = house()
    home.fake.block(MAC)
    report = home.provider().check(home.subscription)
    assert "secret-debug-dump" not in f"{report}"


def _ago(seconds: int) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(warning: str) -> int:
    seconds = int(warning.split(" s before us")[0].rsplit(" ", 1)[1])
    assert 38 <= seconds <= 60
    return seconds
