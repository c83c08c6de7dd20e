"""Every address of players asks who it is: a new one that forgets its check makes these tests fail."""

from __future__ import annotations

import io
import json
import logging
import re
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, resolve
from django.utils import timezone
from django.utils.regex_helper import normalize

from accounts.views import login, sign_on
from restreamer import health
from restreamer import urls as root
from restreamer.lib.redact import RedactingFilter
from streaming import urls
from streaming.views import hdhr, live, pages
from tests.factories import GroupFactory, LinkFactory, ViewerFactory

#: These tell nobody anything: they say no to all.
NOTHING_TO_SEE = {live.nowhere}
#: For people of the admin pages alone.
FOR_STAFF = {pages.page, pages.portal_channels}


def _patterns(found, before=""):
    for one in found:
        if isinstance(one, URLResolver):
            yield from _patterns(one.url_patterns, before + one.pattern.regex.pattern.lstrip("^"))
        else:
            yield before + one.pattern.regex.pattern, one


def _forms(found):
    """Each pattern in each of its forms: what stands in it, in braces."""
    for regex, pattern in _patterns(found):
        # One of two words is enough; what Django reads back knows no alternatives.
        for form, names in normalize(re.sub(r"\(\?:([\w/-]+)\|[^)]*\)", r"\1", regex).replace(r"\Z", "")):
            assert form or regex == r"^\Z", f"{regex}: no example can be made of it"
            yield pytest.param(pattern, "/" + form.replace("%%", "%"), tuple(names), id="/" + form)


ALL = list(_forms(urls.urlpatterns))
ASKING = [one for one in ALL if one.values[0].callback not in NOTHING_TO_SEE | FOR_STAFF]


@pytest.fixture
def viewer():
    return ViewerFactory(name="kitchen")


@pytest.fixture
def filled(viewer, monkeypatch):
    """A path of a form for a login; what is asked for exists."""
    monkeypatch.setattr(live, "hand_over", lambda request, ticket: HttpResponse(b"G", content_type="video/mp2t"))
    group = GroupFactory()
    channel = {"channel__number": 7, "channel__group": group, "channel__logo": "http://127.0.0.1:9/l.png"}
    link = LinkFactory(**channel, stream__portal__slug="home", stream__provider_id="42")
    known = {
        "channel_id": link.channel_id, "public_id": link.channel_id, "portal": "home", "provider_id": "42", "number": 7,
        "group": group.pk, "kind": "channel", "digest": "abc", "form": "json", "tuner": 0, "device": "kitchen",
        "extension": "ts", "action": "get_live_streams", "packed": "gz",
    }  # fmt: skip

    def fill(form, names, name, secret):
        values = {**known, "name": name, "password": secret, "token": secret}
        if "playlist/" in form:
            values["kind"] = "m3u_plus"
        path = form % {one: values.get(one, 1) for one in names}
        if {"password", "token"} & set(names):
            return path
        return f"{path}?username={name}&password={secret}" if ".php" in path else f"{path}?token={secret}"

    return fill


@pytest.fixture
def log():
    """All that is logged, as settings have it written."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(RedactingFilter())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def refused(answer) -> bool:
    """In plain words, or as the Xtream scheme says it: with status 200."""
    if answer.status_code == 200 and re.search(r"/(player|panel)_api", answer.wsgi_request.path):
        told = json.loads(answer.getvalue())
        info = told["user_info"] if isinstance(told, dict) else {}
        return told == [] or info.get("auth") == 0 or info.get("status") in ("Disabled", "Expired")
    return answer.status_code in (401, 403, 429)


def turned_away(client, path, **how) -> bool:
    """By every method that is answered at all, and the same by each."""
    plain, _, query = path.partition("?")
    said = [refused(client.get(path, **how))]
    if not re.search(r"/(player|panel)_api", plain):
        # These say it in a body, which HEAD has none of.
        said.append(client.head(path, **how).status_code in (401, 403, 429))
    if ".php" in plain and query and "timeshift" not in plain:
        said.append(refused(client.post(plain, query, content_type="application/x-www-form-urlencoded", **how)))
    assert len(set(said)) == 1, f"{path}: {said}"
    return said[0]


def test_all_addresses_are_looked_at():
    assert len(ASKING) > 40
    assert all(isinstance(one.values[0], URLPattern) for one in ALL)
    assert len({one.values[0] for one in ALL}) == sum(1 for _ in _patterns(urls.urlpatterns))


@pytest.mark.django_db
@pytest.mark.parametrize(("pattern", "form", "names"), ASKING)
def test_only_a_viewer_who_may_is_answered(client, filled, viewer, log, pattern, form, names):
    right = filled(form, names, viewer.name, viewer.token)
    assert not turned_away(client, right), "this login may"

    for name, secret in (("kitchen", "wrong"), ("nobody", "wrong")):
        assert turned_away(client, filled(form, names, name, secret)), "a stranger"
    assert turned_away(client, right.partition("?")[0]) or "?" not in right, "nobody at all"

    viewer.networks = "192.168.1.0/24, 2001:db8::/32"
    viewer.save()
    assert turned_away(client, right), "from another network"
    assert turned_away(client, right, headers={"X-Forwarded-For": "192.168.1.5"}), "who says to come from there"
    assert turned_away(client, right, REMOTE_ADDR="2001:db9::7")
    for address in ("192.168.1.5", "2001:db8::7", "::ffff:192.168.1.5"):
        assert not turned_away(client, right, REMOTE_ADDR=address)

    viewer.networks, viewer.expires_at = "", timezone.now() - timedelta(seconds=1)
    viewer.save()
    assert turned_away(client, right), "expired"
    viewer.expires_at, viewer.enabled = None, False
    viewer.save()
    assert turned_away(client, right), "switched off"
    viewer.enabled = True
    viewer.rotate_token()
    viewer.save()
    assert turned_away(client, right), "the token of before"
    assert not turned_away(client, filled(form, names, viewer.name, viewer.token))
    assert viewer.token not in log.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize(("pattern", "form", "names"), ASKING)
def test_head_range_and_strange_methods_are_met_with_manners(client, filled, viewer, pattern, form, names):
    right = filled(form, names, viewer.name, viewer.token)
    head = client.head(right)
    assert head.status_code != 500
    assert head.getvalue() == b""
    for said in ("bytes=5-2", "bytes=0-0,5-9", "bytes=99999999999999999999-"):
        answer = client.get(right, headers={"Range": said})
        assert answer.status_code in (200, 206, 400, 404, 410, 416, 503), said
        assert b"Traceback" not in answer.getvalue()
    for method in ("PUT", "TRACE"):
        assert client.generic(method, right).status_code == 405
    assert client.options(right).status_code == 204
    assert head["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"[\r\n]", "".join(f"{name}{value}" for name, value in head.items()))


@pytest.mark.django_db
@pytest.mark.parametrize(("pattern", "form", "names"), [one for one in ALL if one.values[0].callback in FOR_STAFF])
def test_pages_are_for_who_is_logged_in(client, pattern, form, names):
    answer = client.get(form % dict.fromkeys(names, "1"))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


#: Of the rest of the house: these answer everybody. What is not named here sends who is not logged in to the login.
FOR_EVERYBODY = {
    health.healthz, health.readyz, hdhr.home, login.log_in, login.code, login.log_out, sign_on.start, sign_on.back,
}  # fmt: skip


def test_who_is_not_named_is_not_for_everybody():
    assert {pattern.callback for _, pattern in _patterns(root.urlpatterns)} >= FOR_EVERYBODY


@pytest.mark.django_db
def test_pages_of_the_house_are_for_who_is_logged_in(client, viewer):
    house = _forms([one for one in root.urlpatterns if getattr(one, "urlconf_module", None) is not urls])
    paths = [one.values[1] % dict.fromkeys(one.values[2], "1") for one in house]
    closed = [path for path in paths if resolve(path).func not in FOR_EVERYBODY]
    assert len(closed) > 100
    for path in closed:
        for asked in (path, f"{path}?token={viewer.token}&username=kitchen&password={viewer.token}"):
            for answer in (client.get(asked), client.post(asked)):
                if answer.status_code not in (401, 403, 405):
                    assert answer.status_code in (301, 302), asked
                    assert re.match(r"/(admin/login/|login/|me/account/|admin/$)", answer["Location"]), asked
