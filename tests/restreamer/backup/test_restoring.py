"""What was there when a backup was made is there again after it is restored: rows, files, key."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rq import Worker

from accounts.models import Viewer
from channels.models import Channel
from portals.models import Portal, PublicIdCounter, Run, RunKind, RunPayload, RunState, Subscription
from restreamer.backup import restoring, rows
from restreamer.backup.alone import StillRunning, alone
from restreamer.backup.errors import NotRestorable
from restreamer.folder_lock import FolderLock
from restreamer.lib import redis_keys
from tests.factories import ChannelFactory, LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory
from tests.restreamer.backup.zips import rewritten
from vod import search
from vod.models import Movie

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def db_rows():
    """A little of every kind of column."""
    User.objects.create_superuser("owner", "", "a long password")
    portal = PortalFactory(name="Zürich 🎬")
    SubscriptionFactory(portal=portal)
    LinkFactory(channel=ChannelFactory(name="One", number=Decimal("7.5")))
    ViewerFactory(name="sofa", expires_at=dt.datetime(2031, 2, 3, 4, 5, 6, 789012, tzinfo=dt.UTC))
    run = Run.objects.create(kind=RunKind.LIVE, portal=portal, counts={"added": 3}, report={"new": [["a"]]})
    RunPayload.objects.create(run=run, purpose=RunPayload.UNDO, position=0, blob=b"\x00\xff\x80")
    Movie.objects.create(id=PublicIdCounter.take(1)[0], name="Amélie", search_text="amelie")
    Session.objects.create(session_key="s", session_data="d", expire_date=timezone.now())


def everything():
    """All rows of all tables by table."""
    return {name: list(model._base_manager.order_by("pk").values()) for name, model in rows.tables().items()}


def empty():
    for model in reversed(rows.tables().values()):
        model._base_manager.all().delete()


def test_rows_and_files_are_as_they_were(archive, data, progress):
    before = everything()
    empty()
    PortalFactory(name="later")
    (data / "playlists" / "uploaded" / "mine.m3u").write_text("changed")
    (data / "guide" / "later.xml").write_text("<tv/>")
    done = restoring.restore(archive, progress)
    assert everything() == before
    assert (data / "playlists" / "uploaded" / "mine.m3u").read_text() == "#EXTM3U\n"
    assert sorted(path.name for path in (data / "guide").iterdir()) == ["mine.xml"]
    assert (done.files, done.left) == (3, [])
    assert not list(data.glob(".*"))


def test_what_comes_after_a_restore_takes_no_key_that_is_taken(archive, progress):
    before = Portal.objects.count()
    restoring.restore(archive, progress)
    PortalFactory()
    assert Portal.objects.count() == before + 1


def test_movies_are_found_after_a_restore(archive, progress):
    empty()
    restoring.restore(archive, progress)
    assert [movie.name for movie in search.matching(Movie.objects.all(), ["ameli"])] == ["Amélie"]


def test_nobody_is_logged_in_by_a_restore(archive, progress):
    restoring.restore(archive, progress)
    assert not Session.objects.exists()


def test_a_backup_of_an_older_version_is_brought_up_to_date(archive, progress):
    """As it was before people could log in from elsewhere: a table fewer, a migration fewer."""
    before = everything()

    def older(members, manifest):
        manifest["migrations"]["portals"].remove("0012_backups_are_runs")
        manifest["migrations"]["accounts"].remove("0005_external_identities")
        del members["database/accounts_externalidentity.jsonl"]

    restoring.restore(rewritten(archive, older), progress)
    now = everything()
    # Rights are made anew for tables that were not there.
    assert {name: found for name, found in now.items() if name != "auth_permission"} == {
        name: found for name, found in before.items() if name != "auth_permission"
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda members, manifest: manifest["migrations"]["portals"].append("9999_future"), "Update first"),
        (lambda members, manifest: manifest["migrations"]["portals"].pop(3), "never was"),
        (lambda members, manifest: members.pop("database/portals_portal.jsonl"), "other tables"),
        (lambda members, manifest: members.update({"database/portals_portal.jsonl": b'["id"]\n'}), "other columns"),
        (
            lambda members, manifest: members.update(
                {"database/accounts_viewer.jsonl": members["database/accounts_viewer.jsonl"] + b"[1]\n"}
            ),
            "make no sense",
        ),
        (
            lambda members, manifest: members.update(
                {"database/portals_portal.jsonl": members["database/portals_portal.jsonl"].split(b"\n")[0] + b"\n"}
            ),
            "contradicts itself|could not be stored",
        ),
        (lambda members, manifest: manifest.update(migrations={}), "holds no database"),
    ],
    ids=["newer", "impossible", "table missing", "columns missing", "short row", "dangling", "no database"],
)  # fmt: skip
def test_what_cannot_be_restored_changes_nothing(archive, data, progress, change, sentence):
    Viewer.objects.update(name="here")
    (data / "guide" / "mine.xml").write_text("here")
    before = everything()
    with pytest.raises(NotRestorable, match=sentence):
        restoring.restore(rewritten(archive, change), progress)
    assert everything() == before
    assert (data / "guide" / "mine.xml").read_text() == "here"
    assert sorted(path.name for path in data.iterdir()) == ["backups", "guide", "playlists", "secret_key"]


def test_files_are_back_when_the_database_cannot_change_places(archive, data, progress, monkeypatch):
    (data / "guide" / "mine.xml").write_text("here")

    def fail(self):
        raise OSError(28, "No space left on device")

    for kind in ("_SqliteFile", "_PostgresSchema"):
        monkeypatch.setattr(f"restreamer.backup.swapping.{kind}.take_over", fail)
    with pytest.raises(NotRestorable, match="nothing was changed"):
        restoring.restore(archive, progress)
    assert (data / "guide" / "mine.xml").read_text() == "here"
    assert (data / "secret_key").exists()


def test_lists_in_the_data_folder_are_found_where_it_is_now(data, archive, progress, tmp_path, settings):
    """Restored on another machine, whose folder has another name."""
    address = f"{data}/playlists/uploaded/mine.m3u"

    def elsewhere(members, manifest):
        manifest["data_folder"] = "/var/lib/old"
        name = "database/portals_portal.jsonl"
        head, *lines = members[name].splitlines()
        at = json.loads(head).index("address")
        changed = [json.loads(line) for line in lines]
        changed[0][at] = "/var/lib/old/playlists/uploaded/mine.m3u"
        members[name] = b"\n".join([head, *(json.dumps(line).encode() for line in changed)]) + b"\n"

    restoring.restore(rewritten(archive, elsewhere), progress)
    assert address in Portal.objects.values_list("address", flat=True)


def test_another_secret_key_is_told(archive, data, progress, settings):
    settings.SECRET_KEY_GIVEN = "k" * 50
    (told,) = restoring.restore(archive, progress).left
    assert "RESTREAMER_SECRET_KEY" in told


def test_a_damaged_sqlite_is_set_aside(archive, data, progress, tmp_path, settings):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite is a file")
    path = connection.settings_dict["NAME"]
    connection.close()
    with open(path, "r+b") as file:
        file.write(b"x" * 4096)
    restoring.restore(archive, progress)
    assert Viewer.objects.get().name == "sofa"
    for left in data.parent.parent.glob("*.damaged-*"):
        left.unlink()


def test_the_command_restores_and_keeps_what_was_there(archive, data, redis, capsys):
    redis.set(redis_keys.version("live"), "1")
    redis.set("rq:job:1", "a job about rows that mean something else now")
    redis.set("other", "not ours")
    Viewer.objects.update(name="later")
    call_command("backup", "restore", "mine.zip", "--yes")
    assert Viewer.objects.get().name == "sofa"
    assert redis.keys() == [b"other"]
    (kept,) = (data / "backups").glob("*-before-restore.zip")
    assert f"What was here before is in {kept.name}" in capsys.readouterr().out
    assert not Run.objects.filter(state=RunState.RUNNING).exists()
    call_command("backup", "restore", kept.name, "--yes", "--no-backup")
    assert Viewer.objects.get().name == "later"
    assert Subscription.objects.count() == Channel.objects.count() == 1


def test_the_command_asks(archive, monkeypatch):
    Viewer.objects.update(name="later")
    monkeypatch.setattr("builtins.input", lambda question: "no")
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("backup", "restore", str(archive))
    assert Viewer.objects.get().name == "later"


def test_nothing_is_restored_while_restreamer_runs(archive, data, redis):
    lock = FolderLock(data)
    assert lock.own()
    with pytest.raises(CommandError, match="Stop it first"):
        call_command("backup", "restore", str(archive), "--yes")
    lock.release()
    Worker(["default"], connection=redis).register_birth()
    with pytest.raises(StillRunning, match="another machine"), alone():
        pass


def test_a_backup_is_checked_without_changing_anything(archive, capsys):
    before = everything()
    call_command("backup", "check", str(archive))
    assert "is whole" in capsys.readouterr().out
    assert everything() == before


def test_others_cannot_read_it(archive, data):
    assert archive.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(archive) as found:
        assert "files/guide/source-1.feed" not in found.namelist()
