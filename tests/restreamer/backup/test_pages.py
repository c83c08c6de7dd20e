"""The owner's page of backups; nobody else's."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.roles import Role
from portals.models import Run, RunKind, RunState
from restreamer.backup import shelf
from tests.accounts.people import as_, person

pytestmark = pytest.mark.django_db

NAME = "restreamer-20260102-030405.zip"


@pytest.fixture
def owner(data):
    (data / "backups" / NAME).write_bytes(b"PK not really")
    return as_(person(Role.ADMINISTRATOR))


def test_it_lists_what_is_there_and_how_to_restore_it(owner):
    page = owner.get(reverse("backups")).content.decode()
    assert NAME in page
    assert f"./run manage backup restore {NAME}" in page


def test_a_folder_that_cannot_be_read_is_a_sentence(owner, settings):
    settings.BACKUP_FOLDER = settings.BACKUP_FOLDER / NAME
    assert "cannot be read" in owner.get(reverse("backups")).content.decode()
    assert owner.get(reverse("backup_download", args=[NAME])).status_code == 404


def test_the_menu_leads_there(owner):
    assert reverse("backups") in owner.get(reverse("admin:index")).content.decode()


def test_one_is_made_in_the_background_and_its_progress_shown(owner, django_capture_on_commit_callbacks):
    owner.post(reverse("backup_make"))
    run = Run.objects.get(kind=RunKind.BACKUP)
    page = owner.get(reverse("backups")).content.decode()
    assert f"{reverse('admin:portals_run_under_way')}?run={run.pk}" in page
    assert "already" in owner.post(reverse("backup_make"), follow=True).content.decode()
    Run.objects.update(state=RunState.FAILED, error="The disk is full.")
    assert "The disk is full." in owner.get(reverse("backups")).content.decode()


def test_it_is_downloaded_as_a_file_no_cache_keeps(owner):
    answer = owner.get(reverse("backup_download", args=[NAME]))
    assert b"".join(answer.streaming_content) == b"PK not really"
    assert answer["Content-Disposition"] == f'attachment; filename="{NAME}"'
    assert "no-store" in answer["Cache-Control"]


def test_deleting_asks_first(owner):
    address = reverse("backup_delete", args=[NAME])
    assert "cannot be taken back" in owner.get(address).content.decode()
    assert len(shelf.all_backups()) == 1
    assert "is deleted" in owner.post(address, follow=True).content.decode()
    assert shelf.all_backups() == []


@pytest.mark.parametrize("name", ["nothing.zip", "..", "..%2Fsecret_key", "secret_key", ".zip", "a\n.zip"])
def test_other_files_are_not_given(owner, data, name):
    (data / "backups" / "secret_key").write_text("x")
    assert owner.get(f"/admin/backups/{name}/").status_code in (404, 302)
    assert owner.post(f"/admin/backups/{name}/delete/").status_code == 404


def test_a_link_in_the_folder_is_not_followed(owner, data):
    (data / "backups" / "link.zip").symlink_to(data / "secret_key")
    assert owner.get(reverse("backup_download", args=["link.zip"])).status_code == 404


@pytest.mark.parametrize("role", [Role.CURATOR, Role.VIEWER, None])
def test_nobody_else_may(owner, client, role):
    browser = as_(person(role)) if role else client
    wanted = 403 if role == Role.CURATOR else 302
    for address in (reverse("backups"), reverse("backup_download", args=[NAME]), reverse("backup_delete", args=[NAME])):
        assert browser.get(address).status_code == wanted
    for address in (reverse("backup_make"), reverse("backup_delete", args=[NAME])):
        assert browser.post(address).status_code == wanted
    assert len(shelf.all_backups()) == 1
    assert not Run.objects.exists()


def test_only_a_form_of_ours_makes_or_deletes(owner):
    assert owner.get(reverse("backup_make")).status_code == 405
