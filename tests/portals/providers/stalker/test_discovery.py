"""From any pasted address to the endpoint, by asking real servers."""

from __future__ import annotations

import pytest

from portals.errors import NotAPortal, PortalUnreachable
from tests.fakes.portal_wire import Reply, drip, js, page
from tests.fakes.web import FakeWeb


def found(home) -> str:
    home.provider().check(home.subscription)
    home.portal.refresh_from_db()
    return home.portal.endpoint.removeprefix(home.fake.origin)


@pytest.mark.parametrize("has_script", [True, False])
@pytest.mark.parametrize(
    ("family", "base", "pasted"),
    [
        ("stock", "/stalker_portal", "{host}"),
        ("stock", "/stalker_portal", "http://{host}/"),
        ("stock", "/stalker_portal", "http://{host}/stalker_portal"),
        ("stock", "/stalker_portal", "http://{host}/stalker_portal/c/"),
        ("stock", "/stalker_portal", "http://{host}/stalker_portal/c/index.html"),
        ("stock", "/stalker_portal", "http://{host}/stalker_portal/server/load.php"),
        ("stock", "/tenant/one", "http://{host}/tenant/one/c/"),
        ("stock", "", "http://{host}/c/"),
        ("panel", "", "{host}"),
        ("panel", "", "http://{host}/c/"),
        ("panel", "", "http://{host}/c"),
        ("panel", "", "http://{host}/portal.php"),
        ("panel", "/tenant", "http://{host}/tenant/c/?x=1#y"),
    ],
)
def test_the_endpoint_is_found_from(house, family, base, pasted, has_script):
    home = house(family, base=base)
    home.fake.has_script = has_script
    home.portal.address = pasted.format(host=f"127.0.0.1:{home.fake.port}")
    home.portal.save()
    assert found(home) == base + home.fake.dialect.api_path


def test_a_known_endpoint_is_asked_at_once(house):
    home = house()
    found(home)
    home.redis.flushall()
    before = len(home.fake.requests)
    home.provider().check(home.subscription)
    asked = [name for _at, name in home.fake.requests[before:]]
    assert asked == ["stb.handshake", "stb.get_profile", "itv.get_genres", "account_info.get_main_info"]


def test_a_handshake_alone_proves_nothing(house):
    home = house("stock", base="/stalker_portal")
    home.fake.has_script = False
    home.fake.fault("/stalker_portal/portal.php", js({"token": "A" * 32}))
    assert found(home) == "/stalker_portal/server/load.php"


def test_a_redirect_to_another_host_is_followed_and_kept(house):
    home = house()
    with FakeWeb() as old:
        path = "/stalker_portal/server/load.php"

        def moved(handler):
            target = home.fake.origin.replace("127.0.0.1", "localhost") + handler.path
            Reply(status=301, headers={"Location": target}).send(handler)

        old.routes["/stalker_portal/c/xpcom.common.js"] = moved
        old.routes[path] = moved
        home.portal.address = f"{old.origin}/stalker_portal/c/"
        home.portal.save()
        home.provider().check(home.subscription)
        asked_before = len(old.requests)
        home.streams()
        assert len(old.requests) == asked_before
    home.portal.refresh_from_db()
    assert home.portal.endpoint == f"http://localhost:{home.fake.port}{path}"


def test_a_portal_that_moves_its_api_is_found_again(house):
    home = house()
    home.portal.endpoint = f"{home.fake.origin}/old/portal.php"
    home.portal.save()
    assert found(home) == "/stalker_portal/server/load.php"


def test_a_vanished_portal_is_searched_for_once_in_a_while_only(house):
    home = house()
    found(home)
    home.redis.flushall()
    home.fake.fault("*", page(404, "Not Found"))
    asked = []
    for _ in range(3):
        before = len(home.fake.requests)
        with pytest.raises(Exception, match="not found"):
            home.provider().check(home.subscription)
        asked.append(len(home.fake.requests) - before)
    assert asked[0] > 8
    assert asked[1:] == [1, 1]


def test_a_host_that_wants_a_token_of_our_making_gets_one(house):
    home = house("stock")

    def strict(handler):
        (page(404) if "token=&" in handler.path else js({"token": "F" * 32})).send(handler)

    home.fake.fault("stb.handshake", strict)
    assert found(home) == "/stalker_portal/server/load.php"


def test_a_slow_loris_stops_the_search(house, monkeypatch):
    from portals.providers.stalker import wire
    from restreamer.lib.http import Bounds

    monkeypatch.setattr(wire, "PAGE", Bounds(silence_s=5, total_s=0.3))
    home = house()
    home.fake.fault("*", drip(0.02))
    with pytest.raises(PortalUnreachable) as caught:
        home.provider().check(home.subscription)
    assert caught.value.message == (
        f"127.0.0.1:{home.fake.port} did not answer in time. Try again later; if it stays so, tell your provider."
    )
    assert len(home.fake.requests) == 1


def test_a_web_site_that_is_no_portal_is_asked_politely_often(house):
    home = house()
    home.fake.fault("*", page(title="Shop"))
    with pytest.raises(NotAPortal):
        home.provider().check(home.subscription)
    assert len(home.fake.requests) <= 12


def test_no_secret_travels_while_an_address_is_explored(house):
    with FakeWeb() as web:
        home = house(portal={"address": web.origin})
        with pytest.raises(NotAPortal):
            home.provider().check(home.subscription)
        pages = [request for request in web.requests if request.path.endswith(".js")]
        assert pages
        assert not any("Cookie" in request.headers for request in pages)
