"""What `up` does before anything runs."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from portals import runs
from portals.models import Run, RunKind, RunState
from restreamer.lib.errors import ConfigurationError
from restreamer.runner import preparation
from tests.factories import PortalFactory


@pytest.fixture
def said():
    return []


@pytest.fixture
def pages(settings, tmp_path):
    """A small set of files for the pages."""
    settings.STATIC_ROOT = tmp_path / "out"
    settings.STATICFILES_DIRS = [tmp_path / "in"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "site.css").write_text("a{}")
    return tmp_path / "in"


def test_the_pages_files_are_gathered_once(pages, settings, said):
    preparation.collect_static(said.append)
    preparation.collect_static(said.append)
    assert said == ["preparing the pages' files"]
    assert (settings.STATIC_ROOT / "site.css").read_text() == "a{}"


def test_a_changed_file_has_them_gathered_again(pages, settings, said):
    preparation.collect_static(said.append)
    (pages / "site.css").write_text("b{color:red}")
    preparation.collect_static(said.append)
    assert (settings.STATIC_ROOT / "site.css").read_text() == "b{color:red}"


def test_a_removed_file_goes(pages, settings, said):
    (pages / "old.css").write_text("")
    preparation.collect_static(said.append)
    (pages / "old.css").unlink()
    preparation.collect_static(said.append)
    assert not (settings.STATIC_ROOT / "old.css").exists()


def test_an_interrupted_gathering_is_done_again(pages, settings, said, monkeypatch):
    monkeypatch.setattr(preparation, "call_command", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        preparation.collect_static(said.append)
    monkeypatch.undo()
    preparation.collect_static(said.append)
    assert (settings.STATIC_ROOT / "site.css").exists()


def test_a_folder_in_the_way_is_said(pages, settings, said):
    settings.STATIC_ROOT.write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be prepared in"):
        preparation.collect_static(said.append)


@pytest.mark.django_db
@pytest.mark.parametrize(("redis_url", "state"), [("", RunState.INTERRUPTED), ("redis://elsewhere", RunState.RUNNING)])
def test_a_run_our_last_end_cut_short_is_over_unless_its_worker_may_live_elsewhere(settings, redis_url, state):
    settings.REDIS_URL_GIVEN = redis_url
    run = runs.begin(PortalFactory(), RunKind.LIVE, "test")
    Run.objects.update(state=RunState.RUNNING, heartbeat_at=timezone.now())
    preparation.bury_runs()
    run.refresh_from_db()
    assert run.state == state


@pytest.mark.django_db
def test_the_first_administrator_is_made_once():
    password = preparation.create_administrator()
    assert password
    user = get_user_model().objects.get()
    assert (user.username, user.is_superuser, user.check_password(password)) == ("admin", True, True)
    assert preparation.create_administrator() is None
    assert preparation.administrators() == ["admin"]


@pytest.mark.django_db
def test_where_there_are_users_nobody_is_added(django_user_model):
    django_user_model.objects.create_user("somebody", is_active=False)
    assert preparation.create_administrator() is None
    assert preparation.administrators() == []


def test_an_old_redis_is_refused(settings, monkeypatch, redis):
    monkeypatch.setattr("redis.Redis.info", lambda *_: {"redis_version": "6.0.16"})
    with pytest.raises(ConfigurationError, match=r"is 6\.0\.16; Restreamer needs 6\.2 or newer"):
        preparation.check_given_redis()


def test_a_redis_address_that_is_none_is_refused(settings):
    settings.REDIS_URL = "http://127.0.0.1"
    with pytest.raises(ConfigurationError, match="Correct REDIS_URL"):
        preparation.check_given_redis()
