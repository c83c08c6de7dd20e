"""The command line scripts rely on: words, JSON, exit codes."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.models import Viewer
from channels.models import Channel, Stream
from portals import jobs
from portals.errors import PortalUnreachable
from portals.models import Portal, Run, Subscription
from portals.providers.records import GenreRecord, StreamRecord, SubscriptionReport
from restreamer.management.commands import sessions, viewer
from tests.factories import ChannelFactory, LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory

pytestmark = pytest.mark.django_db(transaction=True)


def said(*words):
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def as_json(*words):
    return json.loads(said(*words, "--json"))


@pytest.fixture
def listing(monkeypatch):
    """A portal that lists two channels, without a network."""

    class Listed:
        def live_genres(self):
            return [GenreRecord("1", "News")]

        def live_streams(self, progress):
            yield StreamRecord("1", "One", number="1", genre_id="1")
            yield StreamRecord("2", "Two", number="2")

    monkeypatch.setattr("channels.refresh.provider_for", lambda portal: Listed())
    monkeypatch.setattr("vod.refresh.vod_provider_for", lambda portal: Listed())
    return Listed


def test_a_portal_is_added_with_its_macs():
    said("portal", "add", "Mine", "example.test:8080/c/", "--mac", "00:1a:79:00:00:01,001A79000002", "--streams", "2")
    portal = Portal.objects.get()
    assert (portal.name, portal.kind, portal.address) == ("Mine", "stalker", "http://example.test:8080/c/")
    assert list(portal.subscriptions.values_list("mac", "streams")) == [
        ("00:1A:79:00:00:01", 2),
        ("00:1A:79:00:00:02", 2),
    ]


def test_a_playlist_file_is_added_and_replaced(tmp_path, settings):
    settings.RESTREAMER_DATA = tmp_path / "data"
    file = tmp_path / "mine.m3u"
    file.write_text("#EXTM3U\n#EXTINF:-1,One\nhttp://127.0.0.1/1.ts\n")
    said("portal", "add", "My list", str(file), "--refresh")
    assert Subscription.objects.get().state == "ok", "its list was read"
    file.write_text("#EXTM3U\n#EXTINF:-1,One\nhttp://127.0.0.1/1.ts\n#EXTINF:-1,Two\nhttp://127.0.0.1/2.ts\n")
    said("portal", "upload", "My list", str(file), "--wait")

    portal = Portal.objects.get()
    assert (portal.kind, portal.address) == ("m3u", str(tmp_path / "data/playlists/uploaded/my-list.m3u"))
    assert sorted(portal.streams.values_list("name", flat=True)) == ["One", "Two"]
    with pytest.raises(CommandError, match="cannot be read"):
        said("portal", "upload", "My list", str(tmp_path / "none.m3u"))


def test_doubles_are_listed_and_the_sure_ones_merged_on_wish():
    LinkFactory(channel__name="CNN", stream__portal=PortalFactory())
    LinkFactory(channel__name="CNN HD", stream__portal=PortalFactory())
    (row,) = as_json("channel", "doubles")
    assert (row["stays"], row["goes"], row["reason"]) == ("CNN", "CNN HD", "same name")
    assert Channel.objects.count() == 2
    assert "1 pair(s) merged" in said("channel", "doubles", "--merge-sure")
    assert Channel.objects.count() == 1


def test_add_refresh_and_enable_in_one_go(listing):
    document = as_json(
        "portal", "add", "Mine", "http://h/c/", "--mac", "00:1A:79:00:00:01", "--refresh", "--enable-all"
    )
    assert document["runs"][0]["counts"]["new"] == 2
    assert Channel.objects.enabled().count() == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["http://h/c/"], "needs at least one MAC"),
        (["http://h/c/", "--mac", "banana"], "is not a MAC address"),
        (["ftp://h/c/", "--mac", "00:1A:79:00:00:01"], "begins with http"),
        (["http://h/c/", "--mac", "00:1A:79:00:00:01", "--proxy", "h:1"], "is no proxy address"),
        (["http://h/c/", "--mac", "00:1A:79:00:00:01", "--streams", "-1"], "cannot be negative"),
        (["http://h/ c/", "--mac", "00:1A:79:00:00:01"], "holds a blank"),
        (["", "--mac", "00:1A:79:00:00:01"], "needs its address"),
        (["http://h", "--kind", "xtream"], "needs a login"),
    ],
)
def test_what_cannot_be_added_is_refused_in_words(words, sentence):
    with pytest.raises(CommandError, match=sentence):
        said("portal", "add", "Mine", *words)
    assert not Portal.objects.exists()


def test_the_same_name_twice_is_refused():
    PortalFactory(name="Mine")
    with pytest.raises(CommandError, match="There is a portal called 'Mine' already"):
        said("portal", "add", "Mine", "http://h/c/", "--mac", "00:1A:79:00:00:01")


def test_the_list_shows_no_secret():
    portal = PortalFactory(name="Mine", address="http://user:hunter2@h:8080/get.php?username=u&password=hunter3")
    SubscriptionFactory(portal=portal, mac="00:1A:79:AA:BB:CC")
    text = said("portal", "list") + json.dumps(as_json("portal", "list"))
    assert "Mine" in text
    for secret in ("hunter2", "hunter3", "AA:BB"):
        assert secret not in text


def test_an_empty_list_says_what_to_type():
    assert "portal add" in said("portal", "list")


def test_testing_tells_what_the_portal_said_and_fails_with_it(monkeypatch):
    SubscriptionFactory()
    monkeypatch.setattr(
        "restreamer.management.commands.portal.check_subscription",
        lambda s: SubscriptionReport("blocked", "The portal has blocked this MAC."),
    )
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("portal", "test", stdout=out)
    assert end.value.code == 1
    assert "The portal has blocked this MAC." in out.getvalue()


def test_refreshing_what_does_not_exist_names_what_does():
    PortalFactory(name="Mine")
    with pytest.raises(CommandError, match=r"No portal is called Other\. There are: Mine\."):
        said("portal", "refresh", "Other")


def test_without_workers_a_refresh_happens_here(listing):
    PortalFactory(name="Mine")
    text = said("portal", "refresh", "Mine")
    assert text.splitlines()[0].endswith("s: 2 total, 2 new.")


def test_a_failed_refresh_says_why_and_exits_1(monkeypatch):
    class Dead:
        def live_genres(self):
            raise PortalUnreachable("Nobody answers at http://h.")

    PortalFactory(name="Mine")
    monkeypatch.setattr("channels.refresh.provider_for", lambda portal: Dead())
    monkeypatch.setattr("vod.refresh.vod_provider_for", lambda portal: Dead())
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("portal", "refresh", stdout=out)
    assert "Mine: refresh failed. Nobody answers at http://h." in out.getvalue()
    assert Run.objects.get(kind="live").state == "failed"


def test_a_portal_whose_first_refresh_fails_is_added_and_the_exit_code_says_so(monkeypatch):
    class Dead:
        def live_genres(self):
            raise PortalUnreachable("Nobody answers at http://h.")

        vod_categories = live_genres

    monkeypatch.setattr("channels.refresh.provider_for", lambda portal: Dead())
    monkeypatch.setattr("vod.refresh.vod_provider_for", lambda portal: Dead())
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("portal", "add", "Mine", "http://h/c/", "--mac", "00:1A:79:00:00:01", "--refresh", stdout=out)
    assert ended.value.code == 1
    assert Portal.objects.filter(name="Mine").exists()
    assert out.getvalue().count("Nobody answers at http://h.") == 1


def test_removing_a_portal_asks_first_and_keeps_channels_others_feed():
    portal = PortalFactory(name="Mine")
    shared = ChannelFactory()
    LinkFactory(channel=shared, stream__portal=portal)
    LinkFactory(channel=shared)
    LinkFactory(stream__portal=portal)
    with pytest.raises(CommandError, match="1 channel"):
        said("portal", "remove", "Mine")
    assert Portal.objects.filter(name="Mine").exists()
    said("portal", "remove", "Mine", "--yes")
    assert list(Channel.objects.all()) == [shared]


def test_the_channels_of_a_removed_portal_can_be_kept():
    portal = PortalFactory(name="Mine")
    mine = LinkFactory(stream__portal=portal).channel
    said("portal", "remove", "Mine", "--yes", "--keep-channels")
    assert not Portal.objects.exists()
    assert list(Channel.objects.all()) == [mine]


def test_channels_are_enabled_by_portal_genre_and_name(listing):
    as_json("portal", "add", "Mine", "http://h/c/", "--mac", "00:1A:79:00:00:01", "--refresh")
    assert as_json("channel", "enable", "--genre", "news") == {"changed": 1, "enabled": True}
    assert [row["name"] for row in as_json("channel", "list")] == ["One"]
    assert as_json("channel", "enable", "--portal", "Mine") == {"changed": 1, "enabled": True}
    assert as_json("channel", "disable", "--name", "tw") == {"changed": 1, "enabled": False}
    assert [row["name"] for row in as_json("channel", "list", "--all")] == ["One", "Two"]


def test_enabling_everything_has_to_be_said():
    with pytest.raises(CommandError, match="Say which channels"):
        said("channel", "enable")


def test_a_new_viewer_gets_what_a_player_needs():
    document = as_json("viewer", "add", "kitchen", "--connections", "2")
    viewer = Viewer.objects.get()
    assert viewer.check_password(document["password"])
    assert document["token"] == viewer.token
    assert document["playlist"].endswith(f"/playlist.m3u8?token={viewer.token}")
    assert viewer.connections == 2


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        ("live", [], "choose another"),
        ("a b", [], "letters, digits"),
        ("a/b", [], "letters, digits"),
        ("ok", ["--password", "short"], "8 to 64"),
        ("ok", ["--password", "with/slash1"], "letters, digits"),
        ("ok", ["--connections", "-1"], "cannot be negative"),
    ],
)
def test_what_cannot_be_a_viewer_is_refused(name, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        said("viewer", "add", name, *words)
    assert not Viewer.objects.exists()


def test_a_new_token_ends_the_old_one():
    viewer = ViewerFactory(name="kitchen")
    document = as_json("viewer", "token", "kitchen")
    old = viewer.token
    viewer.refresh_from_db()
    assert document["token"] == viewer.token != old


def test_the_viewer_list_shows_no_secret():
    viewer = ViewerFactory()
    assert viewer.token not in said("viewer", "list")


def test_removing_a_viewer():
    ViewerFactory(name="kitchen")
    said("viewer", "remove", "kitchen")
    assert not Viewer.objects.exists()
    with pytest.raises(CommandError, match="No viewer is called"):
        said("viewer", "remove", "kitchen")


def test_errors_are_json_too():
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("viewer", "remove", "nobody", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"error": "No viewer is called 'nobody'."}
    assert not Subscription.objects.exists()


def test_one_dead_portal_does_not_keep_the_others_from_being_asked(monkeypatch):
    SubscriptionFactory(portal__name="Dead")
    SubscriptionFactory(portal__name="Living")

    def ask(subscription):
        if subscription.portal.name == "Dead":
            raise PortalUnreachable("Nobody answers there.")
        return SubscriptionReport("ok", "It works.")

    monkeypatch.setattr("restreamer.management.commands.portal.check_subscription", ask)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("portal", "test", "--json", stdout=out)
    assert [row["result"] for row in json.loads(out.getvalue())] == ["Nobody answers there.", "It works."]


def test_before_the_first_start_a_command_says_what_to_type(monkeypatch):
    def no_table(self, options):
        raise OperationalError("no such table: accounts_viewer")

    monkeypatch.setattr(viewer.Command, "list_all", no_table)
    with pytest.raises(CommandError, match=r"not prepared yet\. Start \./run once"):
        said("viewer", "list")


@pytest.mark.parametrize("words", ["database or disk is full", "could not extend file: No space left on device"])
def test_on_a_full_disk_a_command_says_so(monkeypatch, words):
    def full(self, options):
        raise OperationalError(words)

    monkeypatch.setattr(viewer.Command, "list_all", full)
    with pytest.raises(CommandError, match="The disk is full"):
        said("viewer", "list")


def test_sessions_without_a_verb_lists(capsys):
    sessions.Command().run_from_argv(["manage.py", "sessions", "--since", "2h"])
    assert "No viewing fits that." in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("vod", "enable", "--id"),
        ("vod", "list", "--most"),
        ("viewer", "add", "tv", "--connections"),
        ("sessions", "list", "--limit"),
        ("session", "switch"),
        ("channel", "deliver", "relay", "--channel"),
    ],
    ids=" ".join,
)
def test_a_number_too_large_is_said_to_be(words):
    with pytest.raises(CommandError, match="too large a number"):
        said(*words, "99999999999999999999")


@pytest.mark.parametrize("channel", ["99999999999999999999", "²"])
def test_viewings_of_what_is_no_channels_id_are_looked_for_by_name(channel):
    assert said("sessions", "list", "--channel", channel) == "No viewing fits that.\n"


def test_a_portals_name_is_something_one_can_type():
    with pytest.raises(CommandError, match="control character"):
        said("portal", "add", "\x01", "http://h/c/", "--mac", "00:1A:79:00:00:01")


def test_a_portal_deleted_while_it_is_refreshed_stops_the_refresh(listing, monkeypatch):
    listed = listing.live_streams

    def leaving(self, progress):
        yield from listed(self, progress)
        Portal.objects.all().delete()

    monkeypatch.setattr(listing, "live_streams", leaving)
    portal = PortalFactory(name="Mine", with_vod=False)
    assert said("portal", "refresh", "Mine") == "Mine: refresh cancelled. The portal was deleted meanwhile.\n"
    assert not Stream.objects.exists()
    assert jobs.perform(portal.pk) == {}, "a run that is gone before its turn is nobody's fault"
