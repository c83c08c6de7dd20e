"""Pasted addresses, start scripts and what they lead to. No connection is opened here."""

from __future__ import annotations

import pytest

from portals.errors import NotAPortal
from portals.providers.stalker import urls
from tests.fakes import portal_panel, portal_stock


@pytest.mark.parametrize(
    ("pasted", "origin", "base", "endpoint_path"),
    [
        ("portal.example", "http://portal.example", "", ""),
        ("portal.example:8080", "http://portal.example:8080", "", ""),
        ("  http://portal.example/c/ ", "http://portal.example", "", ""),
        ("http://portal.example/c", "http://portal.example", "", ""),
        ("HTTP://portal.example/c/", "http://portal.example", "", ""),
        ("https://portal.example:8443/stalker_portal/c/", "https://portal.example:8443", "/stalker_portal", ""),
        ("http://portal.example/stalker_portal/c/index.html", "http://portal.example", "/stalker_portal", ""),
        ("http://portal.example/c/index.html?x=1#top", "http://portal.example", "", ""),
        ("http://portal.example/tenant/a/c/", "http://portal.example", "/tenant/a", ""),
        ("http://portal.example/my-portal/client/", "http://portal.example", "/my-portal", ""),
        ("http://portal.example/ministra", "http://portal.example", "/ministra", ""),
        ("http://user:pw@portal.example/c/", "http://user:pw@portal.example", "", ""),
        ("http://portal.example//stalker_portal//c//", "http://portal.example", "/stalker_portal", ""),
        ("http://[2001:db8::1]:88/c/", "http://[2001:db8::1]:88", "", ""),
        ("<http://portal.example/c/>", "http://portal.example", "", ""),
        ("http://portal.example/portal.php", "http://portal.example", "", "/portal.php"),
        # A directory called `c` belongs to a pasted endpoint.
        ("http://portal.example/c/portal.php", "http://portal.example", "/c", "/c/portal.php"),
        (
            "http://portal.example/stalker_portal/server/load.php?type=stb",
            "http://portal.example",
            "/stalker_portal",
            "/stalker_portal/server/load.php",
        ),
    ],
)
def test_a_pasted_address_is_taken_apart(pasted, origin, base, endpoint_path):
    parsed = urls.parse_address(pasted)
    assert (parsed.origin, parsed.base, parsed.endpoint_path) == (origin, base, endpoint_path)


@pytest.mark.parametrize(
    "pasted",
    ["", "   ", "ftp://x/", "http://", "http:///c/", "http://a b/c/", "http://h:99999/", "http://h:x/", "http://[::1"],
)
def test_what_is_no_address_is_refused(pasted):
    with pytest.raises(NotAPortal, match="is no web address"):
        urls.parse_address(pasted)


def test_a_refused_address_does_not_show_its_password():
    with pytest.raises(NotAPortal) as caught:
        urls.parse_address("ftp://ann:hunter2@host/c/")
    assert "hunter2" not in caught.value.message


def test_scripts_are_looked_for_beside_the_pasted_page_first():
    found = urls.script_addresses(urls.parse_address("http://h/tenant/c/"))
    assert found == [
        "http://h/tenant/c/xpcom.common.js",
        "http://h/tenant/client/xpcom.common.js",
        "http://h/tenant/c_/xpcom.common.js",
        "http://h/tenant/stalker_portal/c/xpcom.common.js",
        "http://h/tenant/stalker_portal/c_/xpcom.common.js",
    ]


def test_endpoints_are_tried_in_the_order_of_the_reference():
    assert urls.endpoint_addresses(urls.parse_address("http://h/c/")) == [
        "http://h/portal.php",
        "http://h/server/load.php",
        "http://h/stalker_portal/server/load.php",
        "http://h/c/portal.php",
        "http://h/mag/c/portal.php",
    ]


def test_a_pasted_endpoint_is_tried_first():
    found = urls.endpoint_addresses(urls.parse_address("http://h/x/own.php"))
    assert found[0] == "http://h/x/own.php"


@pytest.mark.parametrize(
    ("script", "page", "endpoint"),
    [
        (
            portal_stock.SCRIPT,
            "http://h:88/stalker_portal/c/xpcom.common.js",
            "http://h:88/stalker_portal/server/load.php",
        ),
        (portal_stock.SCRIPT, "http://h/a/b/c/xpcom.common.js", "http://h/a/b/server/load.php"),
        # Where the script's own expression would not match, we are kinder than the box.
        (portal_stock.SCRIPT, "http://h/c/xpcom.common.js", "http://h/server/load.php"),
        (portal_stock.SCRIPT, "http://h/my-portal/c/xpcom.common.js", "http://h/my-portal/server/load.php"),
        (portal_panel.SCRIPT, "https://h:8080/c/xpcom.common.js", "https://h:8080/portal.php"),
        (
            portal_panel.SCRIPT.replace(
                "portal_ip + '/portal.php'", "portal_ip + '/' + this.portal_path + '/portal.php'"
            ),
            "http://h/c/xpcom.common.js",
            "http://h/c/portal.php",
        ),
    ],
)
def test_a_start_script_tells_the_endpoint(script, page, endpoint):
    assert urls.endpoint_in_script(script, page) == endpoint


@pytest.mark.parametrize(
    "script",
    [
        "",
        "no script at all",
        "<html>this.ajax_loader='x.php'</html>",
        portal_stock.SCRIPT.replace('"$3"', '"$7"'),
        portal_stock.SCRIPT.replace("'://'", "evil()"),
        portal_stock.SCRIPT.replace("(.*)/;", "(.*)(.*)(.*)/;"),
        portal_stock.SCRIPT.replace("'/server/load.php'", "'/server/load.html'"),
        "var pattern = /" + "(" * 5000 + "/;",
        "this.ajax_loader=" + "a" * 300_000,
    ],
)
def test_a_script_that_cannot_be_read_tells_nothing(script):
    assert urls.endpoint_in_script(script, "http://h/stalker_portal/c/xpcom.common.js") == ""


@pytest.mark.parametrize(
    ("endpoint", "referer", "base"),
    [
        ("http://h/stalker_portal/server/load.php", "http://h/stalker_portal/c/", "http://h/stalker_portal"),
        ("http://h:88/portal.php", "http://h:88/c/", "http://h:88"),
        ("http://h/c/portal.php", "http://h/c/", "http://h"),
        ("http://h/server/load.php", "http://h/c/", "http://h"),
        ("http://user:pw@h/portal.php", "http://h/c/", "http://h"),
    ],
)
def test_an_endpoint_tells_page_and_root(endpoint, referer, base):
    assert (urls.referer_of(endpoint), urls.base_of(endpoint)) == (referer, base)
