"""A network tuner over HTTP: who may, what its documents say, what a refusal looks like."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from channels.models import Lineup
from streaming.tuner_devices import TunerDevice
from tests.factories import ChannelFactory, LinkFactory, SubscriptionFactory, ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer():
    return ViewerFactory(name="plex", open_networks="127.0.0.0/8", connections=3)


@pytest.fixture
def tuner(viewer):
    return TunerDevice.objects.create(viewer=viewer, slug="house", name="House", device_id="10aa5474")


def body(answer):
    return b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()


def test_the_root_is_the_tuner_of_who_is_open_to_the_network(client, tuner):
    found = client.get("/discover.json").json()
    assert found == {
        "FriendlyName": "House",
        "Manufacturer": "Restreamer",
        "ModelNumber": "HDHR4-2US",
        "FirmwareName": "hdhomerun4_atsc",
        "FirmwareVersion": "20220822",
        "DeviceID": "10AA5474",
        "DeviceAuth": "restreamer",
        "BaseURL": "http://testserver",
        "LineupURL": "http://testserver/lineup.json",
        "TunerCount": 3,
    }


@pytest.mark.parametrize(
    "path", ["/discover.json", "/lineup.json", "/lineup.m3u", "/device.xml", "/auto/v1", "/status.json"]
)
def test_strangers_find_no_tuner(client, tuner, path):
    assert client.get(path, REMOTE_ADDR="10.9.9.9").status_code == 401
    assert client.get(f"/hdhr/wrong{path}").status_code == 401


def test_with_the_token_in_the_path_everything_stays_under_it(client, tuner, viewer):
    base = f"http://testserver/hdhr/{viewer.token}"
    LinkFactory(channel__name="News", channel__number=7)
    found = client.get(f"/hdhr/{viewer.token}/discover.json", REMOTE_ADDR="10.9.9.9").json()
    assert found["BaseURL"] == base
    assert json.loads(body(client.get(f"/hdhr/{viewer.token}/lineup.json")))[0]["URL"] == f"{base}/auto/v7"
    named = client.get(f"/hdhr/{viewer.token}/house/discover.json").json()
    assert named["BaseURL"] == f"{base}/house"
    assert client.get(f"/hdhr/{viewer.token}/other/discover.json").status_code == 404


def test_a_viewer_without_a_tuner_gets_one_and_keeps_its_id(client):
    viewer = ViewerFactory(name="emby")
    first = client.get(f"/hdhr/{viewer.token}/discover.json").json()
    assert client.get(f"/hdhr/{viewer.token}/discover.json").json() == first
    assert TunerDevice.objects.get().slug == "emby"


@pytest.mark.parametrize("path", ["//discover.json", "///lineup_status.json", "/lineup.post?scan=start&source=Cable"])
def test_careless_addresses_work(client, tuner, path):
    assert client.get(path).status_code == 200


def test_posting_a_scan_needs_no_cookie(tuner):
    from django.test import Client

    assert Client(enforce_csrf_checks=True).post("/lineup.post?scan=start").json() == {}


def numbers(client, path="/lineup.json"):
    return {one["GuideName"]: one["GuideNumber"] for one in json.loads(body(client.get(path)))}


def test_every_channel_has_a_number_of_its_own_whatever_ours_are(client, tuner):
    older, newer = (
        LinkFactory(channel__name="A", channel__number=5).channel,
        LinkFactory(channel__name="0", channel__number=5),
    )
    bare = LinkFactory(channel__name="Bare").channel
    half = LinkFactory(channel__name="Half", channel__number="7.10").channel
    expected = {
        older.name: "5",
        "0": str(1_000_000 + newer.channel.pk),
        "Bare": str(1_000_000 + bare.pk),
        half.name: "7.1",
    }
    assert numbers(client) == expected


def test_a_lineup_of_its_own_is_what_the_tuner_has(client, tuner):
    LinkFactory(channel__name="News HD", channel__number=1)
    LinkFactory(channel__name="Sport", channel__number=2)
    tuner.lineup = Lineup.objects.create(name="HD", slug="hd", quality="hd", numbering="count", first_number=40)
    tuner.save()
    assert numbers(client) == {"News HD": "40"}
    assert client.head("/auto/v40").status_code == 200
    assert client.head("/auto/v2").status_code == 404


def test_an_empty_lineup_is_an_empty_list(client, tuner):
    assert json.loads(body(client.get("/lineup.json"))) == []


def test_the_three_forms_hold_the_same_and_survive_any_name(client, tuner):
    LinkFactory(channel__name='A "b" <c> & \x01 ]]> é 📺', channel__number=3)
    entry = json.loads(body(client.get("/lineup.json")))[0]
    program = ET.fromstring(body(client.get("/lineup.xml"))).find("Program")
    assert {child.tag: child.text for child in program} == entry
    assert entry["URL"] in body(client.get("/lineup.m3u"))


def test_flags_are_numbers(client, tuner):
    LinkFactory(channel__name="News HD", channel__number=1, channel__favourite=True)
    entry = json.loads(body(client.get("/lineup.json")))[0]
    assert (entry["HD"], entry["Favorite"]) == (1, 1)


def test_the_description_is_for_players_and_pages_are_for_browsers(client, tuner):
    described = client.get("/", HTTP_ACCEPT="*/*")
    root = ET.fromstring(described.content)
    space = {"u": "urn:schemas-upnp-org:device-1-0"}
    assert root.findtext("u:device/u:serialNumber", namespaces=space) == "10AA5474"
    assert client.get("/", HTTP_ACCEPT="text/html,*/*").status_code == 302


@pytest.mark.parametrize("number", ["99", "0", "1000001", "4000000000", "x", "7.999", "1" * 20])
def test_unknown_channels_are_told_in_the_makers_words(client, tuner, number):
    answer = client.get(f"/auto/v{number}")
    assert answer.status_code == 404
    assert answer["X-HDHomeRun-Error"] == "801 Unknown Channel"
    assert client.get("/auto/ch177000000-3")["X-HDHomeRun-Error"] == "801 Unknown Channel"


def test_head_takes_no_tuner(client, tuner):
    LinkFactory(channel__number=7)
    for path in ("/auto/v7", "/tuner1/v7"):
        answer = client.head(path)
        assert (answer.status_code, answer["Content-Type"]) == (200, "video/mp2t")


def test_all_tuners_in_use_is_told_in_the_makers_words(client, tuner, monkeypatch):
    from streaming.errors import LimitReached
    from streaming.limits import Limits

    def full(self, wish):
        raise LimitReached("two already")

    monkeypatch.setattr(Limits, "admit", full)
    LinkFactory(channel__number=7)
    answer = client.get("/auto/v7")
    assert (answer.status_code, answer["X-HDHomeRun-Error"]) == (503, "805 All Tuners In Use")
    assert answer["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("connections", "streams", "shown"), [(0, [], 6), (3, [1, 4], 3), (9, [1, 4], 5), (1, [1], 2), (4, [0], 4)]
)
def test_the_tuner_count_is_what_may_really_run(client, tuner, viewer, connections, streams, shown):
    viewer.connections = connections
    viewer.save()
    for count in streams:
        SubscriptionFactory(streams=count)
    assert client.get("/discover.json").json()["TunerCount"] == shown


def test_a_tuner_that_is_off_or_whose_viewer_is_off_is_not_there(client, tuner, viewer):
    tuner.enabled = False
    tuner.save()
    assert client.get("/discover.json").status_code == 404
    viewer.enabled = False
    viewer.save()
    assert client.get("/discover.json").status_code == 401


def test_a_port_of_its_own_has_its_own_tuner(client, tuner, viewer, settings):
    settings.TUNER_PORTS = [5004]
    TunerDevice.objects.create(viewer=viewer, slug="second", name="Second", port=5004)
    assert client.get("/discover.json", SERVER_PORT="5004").json()["FriendlyName"] == "Second"


def test_lists_cost_few_queries(client, tuner, django_assert_max_num_queries):
    for number in range(30):
        LinkFactory(channel__number=number)
    with django_assert_max_num_queries(9):
        numbers(client)


def test_a_tuner_row_is_checked_where_it_is_typed(admin_client, viewer):
    ChannelFactory()
    form = {
        "name": "T",
        "slug": "t",
        "viewer": viewer.pk,
        "tuners": 0,
        "enabled": "on",
        "device_id": "12345678",
        "port": "5004",
    }
    text = admin_client.post("/admin/streaming/tunerdevice/add/", form).content.decode()
    assert "is no DeviceID" in text
    assert "Nothing listens on port 5004" in text
