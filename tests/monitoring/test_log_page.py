"""The page of log lines: for administrators, filtered, followed, downloaded, cleared; nothing secret in it."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from accounts.roles import Role, give_role
from restreamer.lib import log_book
from restreamer.lib.log_book import LogWriter
from restreamer.runner.output import Output

pytestmark = pytest.mark.django_db
PAGE, LINES, DOWNLOAD, CLEAR = (reverse(name) for name in ("log", "log_lines", "log_download", "log_clear"))


@pytest.fixture(autouse=True)
def data(tmp_path, settings):
    settings.RESTREAMER_DATA = tmp_path
    return tmp_path


@pytest.fixture
def output(data):
    """What `up` writes the lines of its processes with."""
    return Output(io.StringIO(), LogWriter(log_book.folder_of(data), 1024 * 1024))


def cursor_of(client):
    return client.get(PAGE).context["cursor"]


def test_the_page_shows_the_lines_and_no_secret(admin_client, output):
    output.line("worker-2", "WARNING portals: http://h/get.php?username=me&password=hunter2 for 00:1A:79:12:34:56 <b>")
    page = admin_client.get(PAGE).content.decode()
    assert "worker-2" in page
    assert "00:1A:79:**:**:**" in page
    assert "hunter2" not in page
    assert "12:34:56" not in page
    assert "<b>" not in page
    output.plain("  Password        s3cret")
    assert "s3cret" not in admin_client.get(DOWNLOAD).getvalue().decode()


def test_lines_are_filtered_by_level_process_and_words(admin_client, output):
    for process, text in (("web", "INFO a: Alpha beta"), ("web", "ERROR a: gamma"), ("relay", "WARNING b: beta")):
        output.line(process, text)

    def found(**asked):
        return [line.text.split(": ")[1] for line in admin_client.get(PAGE, asked).context["lines"]]

    assert found() == ["Alpha beta", "gamma", "beta"]
    assert found(level="WARNING") == ["gamma", "beta"]
    assert found(process="web", level="WARNING") == ["gamma"]
    assert found(q="BETA alpha") == ["Alpha beta"]
    assert found(level="nonsense") == ["Alpha beta", "gamma", "beta"]
    assert found(q="nothing") == []
    text = admin_client.get(DOWNLOAD, {"level": "ERROR"}).getvalue().decode()
    assert text.endswith("ERROR [web] ERROR a: gamma\n")
    assert text.count("\n") == 1


def test_a_page_that_follows_gets_what_is_new_and_goes_on_from_there(admin_client, output):
    output.line("web", "INFO a: old")
    after = cursor_of(admin_client)
    assert admin_client.get(LINES, {"after": after}).status_code == 204
    output.line("web", "INFO a: new one")
    output.line("web", "ERROR a: bad one")
    answer = admin_client.get(LINES, {"after": after, "level": "ERROR"})
    assert "bad one" in answer.content.decode()
    assert "new one" not in answer.content.decode()
    assert "old" not in answer.content.decode()
    assert admin_client.get(LINES, {"after": answer["X-Log-Cursor"]}).status_code == 204
    assert admin_client.get(LINES, {"after": "x"}).status_code == 400


def test_clearing_forgets_what_was_kept(admin_client, output):
    output.line("web", "INFO a: old")
    assert admin_client.get(CLEAR).status_code == 405
    admin_client.post(CLEAR)
    output.line("web", "INFO a: new")
    assert [line.text for line in admin_client.get(PAGE).context["lines"]] == ["INFO a: new"]


@pytest.mark.parametrize("path", [PAGE, LINES + "?after=0:0", DOWNLOAD])
def test_only_administrators_read_it(client, output, path):
    output.line("web", "INFO a: x")
    assert client.get(path).status_code == 302
    user = User.objects.create_user("cleo", password="x")
    give_role(user, Role.CURATOR)
    client.force_login(user)
    assert client.get(path).status_code == 403
    assert client.post(CLEAR).status_code == 403


def test_the_page_says_why_there_are_no_lines(admin_client, settings):
    assert "No lines yet" in admin_client.get(PAGE).content.decode()
    settings.LOG_BYTES = 0
    assert "RESTREAMER_LOG_BYTES is 0" in admin_client.get(PAGE).content.decode()


def test_the_address_people_know_leads_there(admin_client):
    assert admin_client.get("/log")["Location"] == PAGE
