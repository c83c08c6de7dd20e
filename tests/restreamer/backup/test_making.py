"""When backups are made, how many stay, and that one is whole or not there."""

from __future__ import annotations

from datetime import timedelta

import django_rq
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from portals import jobs as portal_jobs
from portals import runs
from portals.errors import RunCancelled
from portals.models import Portal, Run, RunKind, RunState
from restreamer.backup import jobs, making, rows, shelf
from restreamer.backup.archive import Reader
from restreamer.backup.errors import BackupFailed
from tests.factories import PortalFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(data):
    return User.objects.create_superuser("owner", "", "a long password")


def perform(run):
    portal_jobs.perform(run.pk)
    run.refresh_from_db()
    return run


def test_the_clock_has_one_made_when_the_newest_is_a_day_old(owner):
    now = timezone.now()
    assert jobs.enqueue_due(now) is None  # the house is new
    tomorrow = now + timedelta(hours=25)
    run = jobs.enqueue_due(tomorrow)
    assert run.asked_by == "timer"
    assert jobs.enqueue_due(tomorrow) is None  # it is under way
    assert perform(run).state == RunState.DONE
    (made,) = shelf.all_backups()
    assert (made.by_clock, run.subject) == (True, made.name)
    assert jobs.enqueue_due(timezone.now() + timedelta(hours=23)) is None
    assert jobs.enqueue_due(timezone.now() + timedelta(hours=25)) is not None


def test_the_clock_can_be_told_not_to(owner, settings):
    settings.BACKUP_HOURS = 0
    assert jobs.enqueue_due(timezone.now() + timedelta(days=400)) is None


def test_what_failed_is_not_tried_at_every_look(owner, settings):
    later = timezone.now() + timedelta(hours=25)
    run = jobs.enqueue_due(later)
    settings.BACKUP_FOLDER.rmdir()
    settings.BACKUP_FOLDER.write_text("no folder")
    assert perform(run).state == RunState.FAILED
    Run.objects.filter(pk=run.pk).update(finished_at=later)
    assert jobs.enqueue_due(later + timedelta(minutes=59)) is None
    assert jobs.enqueue_due(later + timedelta(minutes=61)) is not None


def test_a_folder_that_cannot_be_read_ends_no_scheduler(owner, settings):
    settings.BACKUP_FOLDER = settings.BACKUP_FOLDER / "file"
    settings.BACKUP_FOLDER.write_text("no folder")
    run = jobs.enqueue_due(timezone.now() + timedelta(hours=25))
    assert perform(run).state == RunState.FAILED
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("backup", "list")


def test_the_newest_of_the_clock_stay_and_all_that_people_made(owner, settings):
    settings.BACKUP_KEEP = 2
    for day in range(4):
        (settings.BACKUP_FOLDER / f"restreamer-2026010{day}-000000-clock.zip").write_text("x")
        (settings.BACKUP_FOLDER / f"restreamer-2026010{day}-000000.zip").write_text("x")
    perform(jobs.enqueue("owner"))
    assert sum(one.by_clock for one in shelf.all_backups()) == 2
    assert sum(not one.by_clock for one in shelf.all_backups()) == 5


def test_one_at_a_time(owner):
    jobs.enqueue("owner")
    with pytest.raises(BackupFailed, match="already"):
        jobs.enqueue("owner")


def test_it_shows_one_moment_and_holds_up_no_writer(data, owner, progress, monkeypatch):
    """What is written while it is made is not in it, and need not wait."""
    PortalFactory(name="before")
    written = rows.written

    def meanwhile(model, using, counted):
        if model._meta.db_table == "auth_user":
            PortalFactory(name="meanwhile")
        return written(model, using, counted)

    monkeypatch.setattr(rows, "written", meanwhile)
    making.make(data / "backups" / "x.zip", progress)
    assert Portal.objects.count() == 2
    with Reader(data / "backups" / "x.zip") as found:
        assert len(list(found.lines("portals_portal"))) == 2  # the columns, and one


def test_a_backup_that_is_stopped_leaves_nothing(data, owner, progress):
    class Stopped(runs.Unrecorded):
        def __call__(self, done, total):
            raise RunCancelled("Stopped by a person.")

    with pytest.raises(RunCancelled):
        making.make(data / "backups" / "x.zip", Stopped(None, RunKind.BACKUP))
    assert not list((data / "backups").iterdir())


def test_what_a_killed_one_left_is_cleared_away(data, owner):
    draft = data / "backups" / "restreamer-20260101-000000.zip.part"
    draft.write_text("half")
    perform(jobs.enqueue("owner"))
    assert not draft.exists()


def test_an_unwritable_folder_is_a_sentence(data, owner, settings):
    settings.BACKUP_FOLDER = data / "secret_key" / "backups"
    with pytest.raises(CommandError, match="cannot be made"):
        call_command("backup", "make")


def test_commands(owner, capsys):
    call_command("backup", "list")
    assert "no backups" in capsys.readouterr().out
    call_command("backup", "make")
    (made,) = shelf.all_backups()
    assert str(made.path) in capsys.readouterr().out
    call_command("backup", "list")
    assert made.name in capsys.readouterr().out
    call_command("backup", "check", made.name)
    call_command("backup", "delete", made.name)
    assert shelf.all_backups() == []
    for verb in ("delete", "check", "restore"):
        with pytest.raises(CommandError, match="no backup called"):
            call_command("backup", verb, made.name)


def test_the_background_is_where_long_work_is_done(owner, redis):
    jobs.enqueue("owner")
    assert django_rq.get_queue("refresh").count == 1
