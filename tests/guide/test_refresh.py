"""One visit to a source, from its address to what the owner reads about it."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile

from guide import feeds, fetch, keeping
from guide.errors import GuideEmpty, GuideError
from guide.matchmaking import refs_of
from guide.models import Decision, DummyTemplate, EpgSource, GuideMatch, Programme, SourceKind
from guide.records import ChannelFacts, GuideChannelRecord, GuideRecord, GuideRef
from guide.refresh import refresh
from guide.wanted import hear_channels_from
from portals.errors import PortalUnreachable
from restreamer.lib.errors import ConfigurationError
from tests.factories import PortalFactory, SubscriptionFactory
from tests.guide.feeds import NOW, at, channel, programme, tv
from tests.guide.server import serving

pytestmark = pytest.mark.django_db

GUIDE = tv(channel("BBC1.uk", "BBC One"), channel("b", "Else"), programme("BBC1.uk", "1 20:00", "1 21:00", "News"),
           programme("b", "1 20:00", "1 21:00", "Else"))  # fmt: skip


@pytest.fixture
def server():
    with serving() as running:
        running.body = GUIDE
        yield running


@pytest.fixture
def source(server) -> EpgSource:
    return EpgSource.objects.create(name="Guide", address=server.address, keep_everything=True)


@pytest.fixture(autouse=True)
def _private_folder(tmp_path, settings):
    settings.RESTREAMER_DATA = tmp_path / "data"
    media = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "media"}}
    settings.STORAGES = {**settings.STORAGES, "default": media}


@pytest.fixture
def ours():
    """Channels of ours, as the rooms above tell them."""
    channels: list[ChannelFacts] = []
    stop_hearing = hear_channels_from(lambda: list(channels))
    yield channels
    stop_hearing()


def titles() -> list[str]:
    return sorted(
        Programme.objects.filter(channel__in=EpgSource.objects.get().channels.live()).values_list("title", flat=True)
    )


def refused(source, **options) -> str:
    """The sentence the owner reads."""
    with pytest.raises(GuideError) as caught:
        refresh(source, now=NOW, **options)
    source.refresh_from_db()
    assert source.failed
    assert source.status == caught.value.message
    return source.status


# --- from the web ----------------------------------------------------------------------------------------------------


def test_a_guide_is_fetched_imported_and_told(source):
    refresh(source, now=NOW)
    source.refresh_from_db()
    assert titles() == ["Else", "News"]
    assert source.status == "Read 2 broadcasts of 2 channels and kept 2."
    assert (source.failed, source.incomplete, source.asked_at, source.imported_at) == (False, False, NOW, NOW)
    assert source.counts["read"] == 2


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("guide.xml", data)
    return out.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, zipped], ids=["gzip", "xz", "zip"])
def test_a_packed_guide_is_known_by_its_first_bytes(server, source, pack):
    server.body = pack(GUIDE)
    refresh(source, now=NOW)
    assert titles() == ["Else", "News"]


def test_an_unchanged_guide_is_neither_sent_nor_read_again(server, source):
    server.etag = '"v1"'
    assert refresh(source, now=NOW) is not None
    assert refresh(source, now=NOW + timedelta(hours=1)) is None
    assert server.asked[1][1]["if-none-match"] == '"v1"'
    source.refresh_from_db()
    assert source.status == "Unchanged since 01 June, 12:00 UTC: 2 broadcasts kept."
    assert source.live_generation == 1


def test_the_same_bytes_without_an_etag_are_not_read_again(server, source):
    refresh(source, now=NOW)
    assert refresh(source, now=NOW + timedelta(hours=1)) is None
    assert len(server.asked) == 2


def test_a_new_day_a_new_window_or_force_read_the_kept_download_again(server, source):
    server.etag = '"v1"'
    refresh(source, now=NOW)
    assert refresh(source, now=NOW + timedelta(days=1)) is not None
    source.days_ahead = 3
    assert refresh(source, now=NOW + timedelta(days=1)) is not None
    assert refresh(source, now=NOW + timedelta(days=1), force=True) is not None
    assert [headers.get("if-none-match") for _, headers in server.asked] == [None, '"v1"', '"v1"', '"v1"']


def test_a_lost_download_is_fetched_again(server, source):
    server.etag = '"v1"'
    refresh(source, now=NOW)
    keeping.kept_path(source.pk).unlink()
    refresh(source, now=NOW + timedelta(days=1))
    assert "if-none-match" not in server.asked[1][1]


def test_the_sources_agent_is_sent(server, source):
    source.user_agent = "MyPlayer/1"
    refresh(source, now=NOW)
    assert server.asked[0][1]["user-agent"] == "MyPlayer/1"


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (403, b"<html><title>Expired</title>", "refuses us the guide (status 403). A web page came in place of a"),
        (404, b"", "has no guide at this address (status 404)."),
        (500, b'{"error": "db"}', "answered with status 500 in place of a guide. An answer in JSON came in place of"),
        (200, b"<html><title>Welcome</title></html>", "A web page came in place of a guide: 'Welcome'."),
        (200, b"", "The guide is empty: not one byte of text came."),
        (200, b"\x1f\x8b\x08garbage", "The packed file is damaged"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_lost(server, source, status, body, sentence):
    refresh(source, now=NOW)
    server.status, server.body = status, body
    assert sentence in refused(source, force=True)
    assert titles() == ["Else", "News"]


def test_a_host_that_does_not_answer_is_said(server, source):
    source.address = "http://127.0.0.1:9/guide.xml"
    assert refused(source) == (
        "127.0.0.1:9 refuses the connection. Check the port in the address; if it is right, try again later."
    )


def test_a_secret_in_the_address_is_not_shown(server, source):
    server.status = 404
    source.address = server.address.replace("http://", "http://bob:hunter2@") + "?password=hunter3"
    assert "hunter" not in refused(source)


def test_a_download_that_breaks_off_goes_live_as_far_as_it_came(server, source):
    refresh(source, now=NOW)
    padding = f"<!--{'-.' * 100_000}-->"
    newer = tv(channel("BBC1.uk", "BBC One"), channel("b"), programme("BBC1.uk", "1 20:00", "1 21:00", "Newer"),
               padding, programme("b", "1 20:00", "1 21:00", "x"))  # fmt: skip
    server.body, server.cut_bytes = newer[: newer.index(b"-->")], 500
    refresh(source, now=NOW, force=True)
    source.refresh_from_db()
    assert titles() == ["Else", "Newer"]
    assert source.incomplete
    assert "The guide ends early" in source.status
    server.cut_bytes = 0
    server.body = newer
    refresh(source, now=NOW)
    source.refresh_from_db()
    assert (titles(), source.incomplete) == (["Newer", "x"], False)


def test_a_packed_download_that_breaks_off_does_too(server, source):
    server.body = gzip.compress(tv(*(programme("a", f"1 {n:02}:00", title=f"t{n}" * 40) for n in range(20))))[:-30]
    refresh(source, now=NOW)
    source.refresh_from_db()
    assert source.incomplete
    assert 0 < len(titles()) <= 20


def test_an_empty_guide_leaves_the_full_one(server, source):
    refresh(source, now=NOW)
    server.body = b"<tv/>"
    with pytest.raises(GuideEmpty):
        refresh(source, now=NOW)
    assert titles() == ["Else", "News"]


def test_a_deleted_source_forgets_its_download(source):
    refresh(source, now=NOW)
    path = keeping.kept_path(source.pk)
    assert path.exists()
    source.delete()
    assert not path.exists()


# --- files and uploads -----------------------------------------------------------------------------------------------


def test_an_upload_is_read():
    source = EpgSource.objects.create(name="Mine", kind=SourceKind.UPLOAD, keep_everything=True)
    source.upload.save("guide.xml.gz", ContentFile(gzip.compress(GUIDE)))
    refresh(source, now=NOW)
    assert titles() == ["Else", "News"]


def test_a_file_of_the_data_folder_is_read():
    folder = fetch.allowed_folders()[0]
    folder.mkdir(parents=True)
    (folder / "my.xml").write_bytes(GUIDE)
    source = EpgSource.objects.create(
        name="Mine", kind=SourceKind.FILE, address=str(folder / "my.xml"), keep_everything=True
    )
    refresh(source, now=NOW)
    assert titles() == ["Else", "News"]


@pytest.mark.parametrize("path", ["/etc/passwd", "{folder}/../../secret.xml", "{folder}/link.xml"])
def test_files_elsewhere_are_not_read(path, tmp_path):
    folder = fetch.allowed_folders()[0]
    folder.mkdir(parents=True)
    (tmp_path / "secret.xml").write_bytes(GUIDE)
    (folder / "link.xml").symlink_to(tmp_path / "secret.xml")
    source = EpgSource.objects.create(name="Mine", kind=SourceKind.FILE, address=path.format(folder=folder))
    assert "lies where guides may not be read from" in refused(source)


def test_a_missing_file_is_said():
    path = fetch.allowed_folders()[0] / "none.xml"
    source = EpgSource.objects.create(name="Mine", kind=SourceKind.FILE, address=str(path))
    assert refused(source) == f"There is no file {path}."


def test_nothing_uploaded_is_said():
    source = EpgSource.objects.create(name="Mine", kind=SourceKind.UPLOAD)
    assert refused(source) == "Nothing was uploaded to this source yet."


# --- what is wanted --------------------------------------------------------------------------------------------------


def test_a_first_match_brings_its_broadcasts_at_once(server, source, ours):
    source.keep_everything = False
    ours.append(ChannelFacts(1, "UK: BBC 1 HD"))
    refresh(source, now=NOW)
    assert GuideMatch.objects.get().decision == Decision.ACCEPTED
    assert titles() == ["News"]
    assert len(server.asked) == 1


def test_accepting_a_proposal_reads_the_kept_download_again(server, source, ours):
    source.keep_everything = False
    server.etag = '"v1"'
    refresh(source, now=NOW)
    assert titles() == []
    GuideMatch.objects.create(channel_id=1, guide_id="b", decision=Decision.ACCEPTED)
    refresh(source, now=NOW)
    assert titles() == ["Else"]


def test_ids_our_channels_carry_are_wanted(source, ours):
    source.keep_everything = False
    ours.append(ChannelFacts(1, "Something", guide_id="bbc1.UK"))
    refresh(source, now=NOW)
    assert titles() == ["News"]


# --- other kinds -----------------------------------------------------------------------------------------------------


def test_a_portals_own_guide_comes_as_records(monkeypatch):
    portal = PortalFactory(slug="home", kind="stalker")
    asked = []

    def portal_feed(of, start, stop):
        asked.append((of, start, stop))
        yield GuideChannelRecord("7", ("Seven",))
        yield GuideRecord("7", at("1 20:00"), None, "News\x00")

    monkeypatch.setattr(feeds, "_portal_feeds", {})
    feeds.portal_guide_comes_from("stalker", portal_feed)
    source = EpgSource.objects.create(name="P", kind=SourceKind.PORTAL, portal=portal, keep_everything=True)
    refresh(source, now=NOW)
    row = source.channels.live().get()
    assert (row.xmltv_id, row.names) == ("7.home", ["Seven"])
    assert titles() == ["News"]
    assert asked == [(portal, *source.window(NOW))]


def test_a_portal_that_does_not_answer_leaves_the_guide(monkeypatch):
    portal = PortalFactory(kind="stalker")
    monkeypatch.setattr(feeds, "_portal_feeds", {})
    source = EpgSource.objects.create(name="P", kind=SourceKind.PORTAL, portal=portal, keep_everything=True)
    feeds.portal_guide_comes_from("stalker", lambda *_: [GuideRecord("7", at("1 20:00"), None, "News")])
    refresh(source, now=NOW)

    def dies(*_):
        yield GuideRecord("7", at("1 21:00"), None, "Half")
        raise PortalUnreachable("The portal does not answer.")

    feeds.portal_guide_comes_from("stalker", dies)
    with pytest.raises(PortalUnreachable):
        refresh(source, now=NOW)
    source.refresh_from_db()
    assert source.status == "The portal does not answer."
    assert titles() == ["News"]


def test_a_portal_nobody_asks_for_its_guide_is_said(monkeypatch):
    monkeypatch.setattr(feeds, "_portal_feeds", {})
    source = EpgSource.objects.create(name="P", kind=SourceKind.PORTAL, portal=PortalFactory())
    with pytest.raises(ConfigurationError, match="comes later"):
        refresh(source, now=NOW)


@pytest.mark.parametrize("pasted", ["http://{host}", "http://{host}/", "http://{host}/get.php?username=x", "{host}"])
def test_an_xtream_login_has_its_guide_behind_xmltv_php(server, pasted):
    host = server.address.split("/")[2]
    portal = PortalFactory(kind="xtream", address=pasted.format(host=host))
    SubscriptionFactory(portal=portal, mac="", login="bob", password="p&w")
    source = EpgSource.objects.create(name="X", kind=SourceKind.XTREAM, portal=portal, keep_everything=True)
    refresh(source, now=NOW)
    assert server.asked[0][0] == "/xmltv.php?username=bob&password=p%26w"
    assert titles() == ["Else", "News"]


def test_the_next_server_is_asked_when_the_first_is_down(server):
    host = server.address.split("/")[2]
    portal = PortalFactory(kind="xtream", address=f"http://127.0.0.1:9, {host}", user_agent="Box/1")
    SubscriptionFactory(portal=portal, mac="", login="bob", password="p")
    source = EpgSource.objects.create(name="X", kind=SourceKind.XTREAM, portal=portal, keep_everything=True)
    refresh(source, now=NOW)
    assert titles() == ["Else", "News"]
    assert server.asked[0][1]["user-agent"] == "Box/1"


def test_a_playlist_names_its_guide(server):
    with serving() as lists:
        entry = "#EXTINF:-1,One\nhttp://h/1\n"
        lists.body = f'#EXTM3U x-tvg-url="{server.address},http://second.example/"\n{entry}'.encode()
        portal = PortalFactory(kind="m3u", address=lists.address)
        source = EpgSource.objects.create(name="M", kind=SourceKind.PORTAL, portal=portal, keep_everything=True)
        refresh(source, now=NOW)
        assert titles() == ["Else", "News"]
        lists.body = f"#EXTM3U\n{entry}".encode()
        assert refused(source) == "The playlist of this portal names no guide."


def test_an_xtream_portal_without_a_login_is_said():
    source = EpgSource.objects.create(name="X", kind=SourceKind.XTREAM, portal=PortalFactory(kind="xtream"))
    assert refused(source) == "The portal of this source has no login that is switched on."


def test_a_dummy_guide_is_made_from_our_channels(ours):
    source = EpgSource.objects.create(name="D", kind=SourceKind.DUMMY, days_back=0, days_ahead=1)
    DummyTemplate.objects.create(source=source, name_pattern=r"^(?P<title>Radio .+)", block_minutes=720)
    ours.extend([ChannelFacts(7, "Radio Nowhere"), ChannelFacts(8, "Television")])
    refresh(source, now=NOW)
    assert source.channels.live().get().xmltv_id == f"7.dummy{source.pk}.restreamer"
    assert titles() == ["Radio Nowhere"] * 2
    # Read by the channel it was made from, without a pair, until it has a better one.
    dummy_id = f"7.dummy{source.pk}.restreamer"
    assert refs_of([7, 8]) == {7: GuideRef(dummy_id, 0, source.pk)}
    assert not GuideMatch.objects.exists()
    GuideMatch.objects.create(channel_id=7, guide_id="better", decision=Decision.ACCEPTED)
    assert refs_of([7]) == {7: GuideRef("better")}


def test_the_data_folder_of_tests_is_private():
    assert Path(django_settings.RESTREAMER_DATA).name == "data"
