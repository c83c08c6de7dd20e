"""Every address of players asks who it is: a new one that forgets its check makes these tests fail."""

from __future__ import annotations

import io
import json
import logging
import re
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver
from django.utils import timezone
from django.utils.regex_helper import normalize

from restreamer.lib.redact import RedactingFilter
from streaming import urls
from streaming.views import live, pages
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


def _forms():
    """Each pattern in each of its forms: what stands in it, in braces."""
    for regex, pattern in _patterns(urls.urlpatterns):
        # One of two words is enough; what Django reads back knows no alternatives.
        for form, names in normalize(re.sub(r"\(\?:([\w/-]+)\|[^)]*\)", r"\1", regex).replace(r"\Z", "")):
            assert form, f"{regex}: no example can be made of it"
            yield pytest.param(pattern, "/" + form.replace("%%", "%"), tuple(names), id="/" + form)


ALL = list(_forms())
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


def test_all_addresses_are_looked_at():
    assert len(ASKING) > 40
    assert all(isinstance(one.values[0], URLPattern) for one in ALL)
    assert len({one.values[0] for one in ALL}) == sum(1 for _ in _patterns(urls.urlpatterns))


@pytest.mark.django_db
@pytest.mark.parametrize(("pattern", "form", "names"), ASKING)
def test_only_a_viewer_who_may_is_answered(client, filled, viewer, log, pattern, form, names):
    right = filled(form, names, viewer.name, viewer.token)
    assert not refused(client.get(right)), "this login may"

    for name, secret in (("kitchen", "wrong"), ("nobody", "wrong")):
        assert refused(client.get(filled(form, names, name, secret))), "a stranger"
    assert refused(client.get(right.partition("?")[0])) or "?" not in right, "nobody at all"

    viewer.networks = "192.168.1.0/24"
    viewer.save()
    assert refused(client.get(right)), "from another network"
    assert refused(client.get(right, headers={"X-Forwarded-For": "192.168.1.5"})), "who says to come from there"
    assert not refused(client.get(right, REMOTE_ADDR="192.168.1.5"))

    viewer.networks, viewer.expires_at = "", timezone.now() - timedelta(seconds=1)
    viewer.save()
    assert refused(client.get(right)), "expired"
    viewer.expires_at, viewer.enabled = None, False
    viewer.save()
    assert refused(client.get(right)), "switched off"
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
