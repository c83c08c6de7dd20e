"""The page that plays in a browser: who may open it, what it lists, and that it gives nothing away."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders

from accounts.models import AdultView
from streaming.views import player
from tests.factories import LinkFactory, ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer():
    return ViewerFactory(name="kitchen")


def told(answer):
    assert answer.status_code == 200, answer.content
    found = re.search(r'<script id="told" type="application/json">(.*?)</script>', answer.content.decode(), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_it_lists_the_viewers_channels_and_begins_with_one(client, viewer):
    channel = LinkFactory(channel__name="News", channel__number=5, channel__logo="http://p.example/l.png").channel
    LinkFactory(channel__name="Hidden", channel__adult=True)
    page = told(client.get(f"/player/{channel.pk}", {"token": viewer.token}))
    (row,) = page["channels"]
    assert (row["id"], row["name"], row["number"]) == (channel.pk, "News", "5")
    assert row["logo"].startswith(f"http://testserver/logo/channel/{channel.pk}/")
    assert (page["current"], page["query"], page["pin"]) == (channel.pk, f"token={viewer.token}", "")


@pytest.mark.parametrize(
    "path",
    ["/player", "/player/", "/player/{id}", "/player/home/42", "/t/{token}/player/{id}", "/t/{token}/player/home/42"],
)
def test_every_form_of_the_address_opens_for_a_token_and_for_nobody_else(client, viewer, path):
    link = LinkFactory(stream__portal__slug="home", stream__provider_id="42")
    mine = path.format(id=link.channel_id, token=viewer.token)
    assert told(client.get(mine, {} if viewer.token in mine else {"token": viewer.token}))["channels"]
    other = client.get(path.format(id=link.channel_id, token="wrong"))
    assert other.status_code == 401
    assert b"<script" not in other.content


def test_who_is_logged_in_watches_as_the_viewer_they_own(client, viewer):
    LinkFactory()
    owner = get_user_model().objects.create_user("anna")
    client.force_login(owner)
    assert client.get("/player/").status_code == 401
    viewer.owner = owner
    viewer.save()
    assert told(client.get("/player/"))["query"] == f"token={viewer.token}"
    viewer.enabled = False
    viewer.save()
    assert client.get("/player/").status_code == 401


def test_a_person_without_a_token_logs_in_and_is_told_what_is_missing(client, admin_client, redis):
    browser = {"Accept": "text/html,application/xhtml+xml"}
    answer = client.get("/player/", headers=browser)
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/player/")
    assert client.get("/player/?token=wrong", headers=browser).status_code == 401
    client.force_login(get_user_model().objects.create_user("anna"))
    answer = client.get("/player/", headers=browser)
    assert answer.status_code == 403
    assert "An administrator gives you one" in answer.content.decode()
    assert "To the viewers" in admin_client.get("/player/", headers=browser).content.decode()


def test_the_pin_shows_what_is_adult_and_stands_in_those_addresses_only(client, viewer):
    viewer.adult = AdultView.PIN
    viewer.set_pin("1234")
    viewer.save()
    LinkFactory(channel__name="Late", channel__adult=True)
    LinkFactory(channel__name="News")
    page = told(client.get("/player/", {"token": viewer.token, "pin": "1234"}))
    assert page["pin"] == "pin=1234"
    assert {row["name"]: row.get("adult", False) for row in page["channels"]} == {"Late": True, "News": False}


def test_a_long_list_is_searched_on_the_server(client, viewer, monkeypatch):
    monkeypatch.setattr(player, "MOST_LISTED", 2)
    last = [LinkFactory(channel__name=f"Sport {n}", channel__number=n).channel for n in range(1, 5)][-1]
    assert len(told(client.get("/player/", {"token": viewer.token}))["channels"]) == 2
    found = told(client.get("/player/", {"token": viewer.token, "q": "sport 4"}))
    assert [row["name"] for row in found["channels"]] == ["Sport 4"]
    beyond = told(client.get(f"/player/{last.pk}", {"token": viewer.token}))
    assert last.pk in [row["id"] for row in beyond["channels"]]


def test_names_stay_text_and_the_page_runs_no_script_but_ours(client, viewer):
    LinkFactory(channel__name="</script><script>alert(1)</script>\u2028")
    answer = client.get("/player/", {"token": viewer.token, "q": '"><script>'})
    assert answer.content.count(b"<script") == 4, "two programs of others, ours, and the data"
    assert "script-src 'self';" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    page = told(client.get("/player/", {"token": viewer.token}))
    assert page["channels"][0]["name"] == "</script><script>alert(1)</script>\u2028"


def test_the_token_in_its_address_reaches_no_referrer_and_no_cache(client, viewer):
    answer = client.get("/player/", {"token": viewer.token})
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name",
    [
        "vendor/mpegts.js/mpegts.js",
        "vendor/hls.js/hls.light.min.js",
        "player/player.js",
        "player/codecs.js",
        "player/stage.js",
        "player/watch.js",
        "viewer/clock.js",
        "viewer/guide.js",
        "viewer/viewer.css",
        "player/player.css",
    ],
)
def test_all_it_loads_is_here(name):
    path = finders.find(name)
    assert path
    assert "sourceMappingURL" not in Path(path).read_text(encoding="utf-8"), "a map that is missing ends collectstatic"


@pytest.mark.parametrize("path", ["/player/99999999999", "/player/home/none", "/player/7777/%00", "/player/0"])
def test_an_unknown_channel_is_404_or_the_list(client, viewer, path):
    LinkFactory()
    assert client.get(path, {"token": viewer.token}).status_code == (200 if path.endswith("/0") else 404)


def test_a_piece_of_the_past_is_a_page_of_its_own(client, viewer):
    channel = LinkFactory(channel__name="News", stream__archive_hours=72).channel
    page = told(
        client.get(f"/player/{channel.pk}", {"token": viewer.token, "utc": "1764000000", "utcend": "1764003600"})
    )
    assert page["archive"] == {"start": 1764000000, "stop": 1764003600}
    assert (page["address"], page["name"]) == (f"/stream/{channel.pk}?token={viewer.token}", "News")
    assert client.get(f"/player/{channel.pk}", {"token": viewer.token, "utc": "soon"}).status_code == 400
    hidden = LinkFactory(channel__adult=True).channel
    assert client.get(f"/player/{hidden.pk}", {"token": viewer.token, "utc": "1764000000"}).status_code == 404


def test_what_is_adult_carries_the_pin_to_its_archive(client, viewer):
    viewer.adult = AdultView.PIN
    viewer.set_pin("1234")
    viewer.save()
    channel = LinkFactory(channel__adult=True, stream__archive_hours=72).channel
    page = told(client.get(f"/player/{channel.pk}", {"token": viewer.token, "pin": "1234", "utc": "1764000000"}))
    assert page["address"].endswith("&pin=1234")
    assert page["archive"]["stop"] - page["archive"]["start"] == 7200
