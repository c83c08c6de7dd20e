"""`manage.py epg`: words, JSON, exit codes."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from guide.models import EpgSource, GuideMatch
from guide.records import ChannelFacts
from guide.wanted import hear_channels_from
from portals.models import Run, RunState
from tests.factories import PortalFactory
from tests.guide.feeds import channel, tv
from tests.guide.server import serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server():
    with serving() as running:
        running.body = tv(channel("BBC1.uk", "BBC One"), channel("Dave.uk", "Dave ja vu"))
        yield running


def said(*words: str) -> str:
    out = StringIO()
    call_command("epg", *words, stdout=out)
    return out.getvalue()


def as_json(*words: str) -> Any:
    return json.loads(said(*words, "--json"))


def test_a_guide_is_added_and_fetched_in_one_go(server):
    (done,) = as_json("add", "Mine", server.address, "--refresh", "--shift", "60", "--everything")
    assert done == {"name": "Mine", "ok": True, "status": "Read 0 broadcasts of 2 channels and kept 0."}
    source = EpgSource.objects.get()
    assert (source.shift_minutes, source.keep_everything, source.kind) == (60, True, "url")
    assert Run.objects.get().state == RunState.DONE


def test_a_portals_guide_is_added_by_its_name():
    PortalFactory(name="Home")
    as_json("add", "Mine", "--portal", "Home")
    assert EpgSource.objects.get().portal.name == "Home"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "x"), "Say where the guide is: an address, or --portal NAME."),
        (("add", "x", "http://h/", "--portal", "y"), "Say where the guide is"),
        (("add", "x", "--portal", "y"), "No portal is called 'y'."),
        (("refresh", "x"), "No guide is called 'x'."),
        (("refresh",), "There is no guide to refresh."),
        (("remove", "x"), "No guide is called 'x'."),
    ],
)
def test_wrong_words_are_answered_with_a_sentence(words, sentence):
    with pytest.raises(CommandError, match=sentence):
        said(*words)


def test_a_name_is_given_once(server):
    said("add", "Mine", server.address)
    with pytest.raises(CommandError, match="called 'Mine' already"):
        said("add", "Mine", server.address)


def test_a_failure_is_told_and_the_exit_code_is_one(server, capsys):
    said("add", "Good", server.address)
    said("add", "Bad", "http://127.0.0.1:9/")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("epg", "refresh", stdout=out)
    assert ended.value.code == 1
    assert "Good: Read 0 broadcasts of 2 channels and kept 0." in out.getvalue()
    assert "Bad: 127.0.0.1:9 refuses the connection." in out.getvalue()


def test_the_list_shows_no_secret(server):
    said("add", "Mine", server.address + "?username=bob&password=hunter2")
    assert "hunter2" not in said("list")
    assert as_json("list")[0]["name"] == "Mine"


def test_matching_tells_what_waits(server):
    ours = [ChannelFacts(1, "UK: BBC 1"), ChannelFacts(2, "DAVE"), ChannelFacts(3, "Qwertz")]
    stop_hearing = hear_channels_from(lambda: ours)
    try:
        said("add", "Mine", server.address, "--refresh")
        GuideMatch.objects.all().delete()
        found = as_json("match")
    finally:
        stop_hearing()
    assert (found["channels"], found["accepted"], found["proposed"], found["without"]) == (3, 1, 1, 1)
    assert found["waiting"][0]["channel"] == "DAVE"


def test_a_guide_is_removed(server):
    said("add", "Mine", server.address, "--refresh")
    assert as_json("remove", "Mine") == {"removed": "Mine"}
    assert not EpgSource.objects.exists()
