"""The page of a portal: what is stored when it is saved."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from portals import mac_list
from portals.errors import CatalogueIncomplete
from portals.models import Portal, Run, RunKind
from portals.providers.m3u import judge

NEW_GENRES = {"new_live_genres": "usual", "new_movie_genres": "usual", "new_series_genres": "usual"}
pytestmark = pytest.mark.django_db

ADD = "admin:portals_portal_add"


def filled(**fields):
    """The form as a browser sends it; subscriptions as a list of dicts."""
    rows = fields.pop("subscriptions", [])
    form = {
        "name": "Mine", "kind": "stalker", "address": "http://127.0.0.1/c/", "enabled": "on", "refresh_hours": "12",
        "language": "en", "priority": "100", "max_streams": "0", "hold_percent": "30", "remove_stale_days": "30",
        **NEW_GENRES,
        "subscriptions-TOTAL_FORMS": str(len(rows)), "subscriptions-INITIAL_FORMS": "0",
        "delivery-TOTAL_FORMS": "0", "delivery-INITIAL_FORMS": "0",
    }  # fmt: skip
    for number, row in enumerate(rows):
        row = {"mac": "", "login": "", "password": "", "streams": "1", "enabled": "on", "rank": "0"} | row
        form |= {f"subscriptions-{number}-{name}": value for name, value in row.items()}
    return form | fields


def saved(client, address, form):
    answer = client.post(address, form, follow=True)
    assert answer.redirect_chain, answer.context["errors"]
    return answer.content.decode()


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch):
    monkeypatch.setattr("portals.jobs._put", lambda run_id: None)


@pytest.mark.parametrize("rows", [[], [{}]], ids=["no row", "an empty row"])
def test_a_playlist_added_on_the_page_plays_and_is_fetched(admin_client, rows):
    saved(admin_client, reverse(ADD), filled(kind="m3u", address="http://127.0.0.1/list.m3u", subscriptions=rows))

    portal = Portal.objects.get()
    assert [one.shown_name for one in portal.subscriptions.usable()] == ["playlist"]
    assert list(Run.objects.values_list("kind", flat=True)) == [RunKind.LIVE]


@pytest.mark.parametrize(("hours", "rows"), [("12", []), ("0", [{"mac": "00:1A:79:00:00:01"}])])
def test_what_lacks_a_mac_or_waits_for_a_hand_is_not_fetched(admin_client, hours, rows):
    text = saved(admin_client, reverse(ADD), filled(refresh_hours=hours, subscriptions=rows))

    assert ("Mine has no MAC yet" in text) == (not rows)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("kind", "address", "sentence"),
    [
        ("stalker", "http://h/list.m3u?x=1", "the address of a playlist"),
        ("xtream", "http://h/list.M3U8", "the address of a playlist"),
        ("stalker", "http://h/get.php?username=u&password=p", "holds an Xtream login"),
    ],
)
def test_an_address_of_another_kind_is_told(admin_client, kind, address, sentence):
    answer = admin_client.post(reverse(ADD), filled(kind=kind, address=address))

    assert sentence in answer.content.decode()
    assert not Portal.objects.exists()


def test_a_login_in_the_address_of_a_panel_is_taken(admin_client):
    pasted = "http://h:8080/get.php?username=me&password=p%26q&type=m3u_plus"
    saved(admin_client, reverse(ADD), filled(kind="xtream", address=pasted))

    portal = Portal.objects.get()
    assert portal.address == "http://h:8080"
    assert [(one.login, one.password) for one in portal.subscriptions.all()] == [("me", "p&q")]
    assert Run.objects.filter(portal=portal, kind=RunKind.LIVE).exists()


def test_a_playlist_with_a_login_gets_no_other_subscription(admin_client):
    login = {"login": "me", "password": "x"}
    saved(admin_client, reverse(ADD), filled(kind="m3u", address="http://127.0.0.1/l.m3u", subscriptions=[login]))

    assert [one.login for one in Portal.objects.get().subscriptions.all()] == ["me"]


def test_saving_a_playlist_that_lost_its_subscription_gives_it_back(admin_client):
    saved(admin_client, reverse(ADD), filled(kind="m3u", address="http://127.0.0.1/list.m3u"))
    portal = Portal.objects.get()
    portal.subscriptions.all().delete()

    saved(
        admin_client,
        reverse("admin:portals_portal_change", args=[portal.pk]),
        filled(kind="m3u", address="http://127.0.0.1/list.m3u"),
    )
    assert portal.subscriptions.count() == 1


LIST = b"#EXTM3U\n#EXTINF:-1,One\nhttp://127.0.0.1/1.ts\n"
OTHER = b"#EXTM3U\n#EXTINF:-1,Two\nhttp://127.0.0.1/2.ts\n"


def zipped(content, name="list.m3u"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def playlists(settings, tmp_path) -> Path:
    settings.RESTREAMER_DATA = tmp_path
    return tmp_path / "playlists" / "uploaded"


def uploaded(content, **fields):
    file = SimpleUploadedFile("whatever.bin", content)
    return filled(**{"kind": "m3u", "address": "", "playlist": file} | fields)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lzma.compress, zipped, lambda c: zipped(c, "../../../evil.m3u")],
    ids=["plain", "gz", "xz", "zip", "zip with a path in it"],
)  # fmt: skip
def test_an_uploaded_playlist_is_kept_and_read(admin_client, playlists, pack):
    text = saved(admin_client, reverse(ADD), uploaded(pack(LIST)))

    portal = Portal.objects.get()
    assert portal.address == str(playlists / "mine.m3u")
    assert [path.name for path in playlists.parent.rglob("*") if path.is_file()] == ["mine.m3u"]
    assert portal.subscriptions.usable().count() == 1
    assert Run.objects.filter(portal=portal, kind=RunKind.LIVE).exists()
    assert "Watch it" in text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<!DOCTYPE html><html><title>Sign in</title></html>", "is a web page"),
        (b"   ", "The playlist is empty"),
        (gzip.compress(LIST * 500)[:-30], "broke off before its end"),
        (zipped(LIST)[:40], "broke off before its end"),
        (gzip.compress(LIST + b"#" * 4_000_000), "larger than 512 MB"),
        (b"\x89PNG\r\n\x1a\n" + bytes(3000), "not a playlist"),
        (b"", "empty"),
    ],
    ids=["page", "blank", "cut gz", "cut zip", "bomb", "picture", "nothing"],
)
def test_what_is_no_playlist_is_told_and_leaves_the_old_one(admin_client, playlists, monkeypatch, content, sentence):
    saved(admin_client, reverse(ADD), uploaded(LIST))
    portal = Portal.objects.get()
    monkeypatch.setattr("portals.providers.m3u.upload.MAX_LIST_BYTES", 3_000_000)

    answer = admin_client.post(reverse("admin:portals_portal_change", args=[portal.pk]), uploaded(content))

    assert sentence in answer.content.decode()
    assert (playlists / "mine.m3u").read_bytes() == LIST
    assert len(list(playlists.iterdir())) == 1


def test_a_new_upload_replaces_the_old_and_goes_with_its_portal(
    admin_client, playlists, django_capture_on_commit_callbacks
):
    saved(admin_client, reverse(ADD), uploaded(LIST))
    portal = Portal.objects.get()
    saved(admin_client, reverse("admin:portals_portal_change", args=[portal.pk]), uploaded(OTHER))
    assert (playlists / "mine.m3u").read_bytes() == OTHER

    with django_capture_on_commit_callbacks(execute=True):
        portal.refresh_from_db()
        portal.delete()
    assert list(playlists.iterdir()) == []


def test_a_list_that_takes_all_day_is_not_waited_for():
    clock = iter(range(0, 10_000, 100))
    with pytest.raises(CatalogueIncomplete, match="too long"):
        judge(io.BytesIO(LIST + b"#\n" * 600_000), clock=lambda: float(next(clock)))


def test_only_a_playlist_portal_takes_a_file_and_none_goes_without_an_address(admin_client, playlists):
    file = uploaded(LIST, kind="stalker", address="http://127.0.0.1/c/")
    assert "takes a file" in admin_client.post(reverse(ADD), file).content.decode()
    assert "needs the address" in admin_client.post(reverse(ADD), filled(kind="m3u", address="")).content.decode()
    assert not Portal.objects.exists()


# --- many MACs at once ----------------------------------------------------------------------------------------------


def test_pasted_macs_are_added_and_doubles_told(admin_client):
    row = {"mac": "00:1A:79:00:00:01"}
    pasted = "001a79000001, 00-1A-79-00-00-02\n00 1a 79 00 00 03;00:1a:79:00:00:03"
    text = saved(admin_client, reverse(ADD), filled(subscriptions=[row], more_macs=pasted))

    portal = Portal.objects.get()
    assert [one.mac[-2:] for one in portal.subscriptions.order_by("rank")] == ["01", "02", "03"]
    assert "2 MAC(s) added; there already: 00:1A:79:00:00:01; pasted more than once: 00:1A:79:00:00:03." in text


def test_what_is_no_mac_is_named_and_nothing_is_stored(admin_client):
    answer = admin_client.post(reverse(ADD), filled(more_macs="00:1A:79:00:00:01 00:1A:79:00:00 <b>x</b>"))

    assert "No MAC: “00:1A:79:00:00”, “&lt;b&gt;x&lt;/b&gt;”" in answer.content.decode()
    assert not Portal.objects.exists()


@pytest.mark.parametrize("wish", [{"test_macs": "on"}, {}])
def test_pasted_macs_are_tested_in_the_background_when_wished(admin_client, monkeypatch, wish):
    asked: list[int] = []
    monkeypatch.setattr("portals.admin.portal.enqueue_checks", asked.extend)
    saved(admin_client, reverse(ADD), filled(more_macs="00:1A:79:00:00:01", **wish))
    assert asked == (list(Portal.objects.get().subscriptions.values_list("pk", flat=True)) if wish else [])


MAC = "00:1A:79:00:00:01"


@pytest.mark.parametrize("stored", [[], [MAC]], ids=["both new", "one stored"])
def test_a_mac_that_stands_in_two_rows_is_told(admin_client, stored):
    saved(admin_client, reverse(ADD), filled(subscriptions=[{"mac": mac} for mac in stored]))
    portal = Portal.objects.get()
    rows = [{"mac": MAC, "id": str(one.pk)} for one in portal.subscriptions.all()]
    rows += [{"mac": "001a79000001"}] * (2 - len(rows))
    form = filled(subscriptions=rows, **{"subscriptions-INITIAL_FORMS": str(len(stored))})
    form |= {f"subscriptions-{number}-portal": str(portal.pk) for number in range(2)}

    answer = admin_client.post(reverse("admin:portals_portal_change", args=[portal.pk]), form)

    assert "stands here twice" in answer.content.decode()
    assert portal.subscriptions.count() == len(stored)


def test_a_portal_with_many_macs_links_to_them_and_can_still_be_saved(admin_client):
    saved(admin_client, reverse(ADD), filled())
    portal = Portal.objects.get()
    mac_list.add(portal, [f"00:1A:79:00:00:{number:02X}" for number in range(120)])
    address = reverse("admin:portals_portal_change", args=[portal.pk])

    page = admin_client.get(address).content.decode()
    assert "All 120" in page
    assert page.count("00:1A:79") == 0
    saved(admin_client, address, filled(name="Renamed"))
    assert Portal.objects.get().name == "Renamed"
    assert portal.subscriptions.count() == 120
