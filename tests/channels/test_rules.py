"""What is taken from a portal, and how what is born in a genre is named, numbered and shown."""

from __future__ import annotations

import time

import pytest
from django.urls import reverse

from channels.mirror.births import renamed
from channels.models import Channel, GenreMap, Stream, StreamRule
from channels.rules import preview
from portals import refreshing, runs
from portals.models import Genre, RunKind
from portals.providers.records import GenreRecord, StreamRecord
from portals.rules import compiled
from restreamer.lib.errors import InvalidInput
from tests.channels.test_refresh import ListedPortal
from tests.factories import ChannelFactory, GenreFactory, GroupFactory, PortalFactory

pytestmark = pytest.mark.django_db

LIST = [
    StreamRecord("1", "UK: News HD", number="1", genre_id="n", cmd="http://h/1.ts"),
    StreamRecord("2", "UK: Sport", number="2", genre_id="s", cmd="http://h/2.m3u8"),
    StreamRecord("3", "Radio One", number="3", genre_id="n", cmd="http://h/3.ts", is_radio=True),
]
GENRES = [GenreRecord("n", "News"), GenreRecord("s", "Sports")]


@pytest.fixture
def portal():
    return PortalFactory(enable_new=True, hold_percent=100)


@pytest.fixture
def refresh(portal, monkeypatch):
    def run(records=LIST):
        monkeypatch.setattr("channels.refresh.provider_for", lambda _: ListedPortal(records, GENRES))
        return refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))

    return run


def names():
    return set(Stream.objects.filter(stale_since=None).values_list("provider_id", flat=True))


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ([("exclude", "name", "sport")], {"1", "3"}),
        ([("include", "name", "^UK:")], {"1", "2"}),
        ([("include", "name", "^UK:"), ("exclude", "genre", "^Sports$")], {"1"}),
        ([("exclude", "kind", "radio")], {"1", "2"}),
        ([("exclude", "address", r"\.m3u8$")], {"1", "3"}),
        ([("include", "genre", "news"), ("include", "genre", "sport")], {"1", "2", "3"}),
        ([], {"1", "2", "3"}),
    ],
)
def test_rules_decide_what_is_taken(refresh, portal, rules, left):
    for position, (action, field, pattern) in enumerate(rules):
        StreamRule.objects.create(portal=portal, position=position, action=action, field=field, pattern=pattern)
    refresh()
    assert names() == left


def test_a_rule_that_is_off_or_of_another_portal_does_nothing(refresh, portal):
    StreamRule.objects.create(portal=portal, pattern=".", enabled=False)
    StreamRule.objects.create(portal=PortalFactory(), pattern=".")
    refresh()
    assert names() == {"1", "2", "3"}


def test_case_counts_only_when_asked(refresh, portal):
    StreamRule.objects.create(portal=portal, pattern="sport", exact_case=True)
    refresh()
    assert "2" in names()


@pytest.mark.parametrize("pattern", ["(", "[a", "(a+)+$", "x" * 301, "*"])
def test_a_pattern_that_cannot_work_is_refused_in_words(pattern):
    with pytest.raises(InvalidInput):
        compiled(pattern)


def test_a_hostile_name_cannot_hold_a_rule_up(refresh, portal):
    StreamRule.objects.create(portal=portal, pattern="a*a*a*b")
    began = time.process_time()
    refresh([StreamRecord("1", "a" * 5000)])
    assert time.process_time() - began < 20


def test_the_preview_tells_both_sides(refresh, portal):
    refresh()
    shown = preview(portal, [StreamRule(portal=portal, action="exclude", field="name", pattern="sport")])
    assert (shown.taken, shown.left_out, list(shown.left_out_names)) == (2, 1, ["UK: Sport"])


def test_the_preview_page_opens(admin_client, refresh, portal):
    StreamRule.objects.create(portal=portal, pattern="sport")
    refresh()
    page = admin_client.get(reverse("admin:channels_streamrule_preview", args=[portal.pk])).content.decode()
    assert "of the channels stored" in page.lower()


def test_a_genre_map_decides_group_name_number_and_visibility(refresh, portal):
    genre = GenreFactory(portal=portal, provider_id="n", name="News")
    GenreMap.objects.create(
        genre=genre, group=GroupFactory(name="Ours"), show="no", numbering="next_free", number_from=100,
        rename_pattern=r"^UK: (.*?)( HD)?$", rename_to=r"\1",
    )  # fmt: skip
    ChannelFactory(number=100)
    refresh()
    news = Channel.objects.get(name="News")
    assert (news.number, news.group.name, news.enabled) == (101, "Ours", False)
    assert Channel.objects.get(streams__provider_id="3").number == 102
    assert Channel.objects.get(streams__provider_id="2").enabled


def test_an_ignored_genre_gives_nothing(refresh, portal):
    GenreMap.objects.create(genre=GenreFactory(portal=portal, provider_id="n"), ignored=True)
    refresh()
    assert names() == {"2"}


def test_a_full_range_is_reported(refresh, portal):
    genre = GenreFactory(portal=portal, provider_id="n")
    GenreMap.objects.create(genre=genre, numbering="next_free", number_from=5, number_to=5)
    run = refresh()
    assert run.report["unnumbered"] == [["Radio One", "5-5 is full"]]
    assert Channel.objects.get(name="Radio One").number is None


def test_what_a_map_says_changes_no_channel_that_exists(refresh, portal):
    refresh()
    GenreMap.objects.create(genre=Genre.objects.get(provider_id="n"), show="no", numbering="none")
    before = list(Channel.objects.order_by("pk").values())
    refresh()
    assert list(Channel.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(
    ("name", "pattern", "to", "fresh"),
    [("UK: CNN", "^UK: ", "", "CNN"), ("CNN", "^CNN$", "", "CNN"), ("A  B", "x", "", "A B"), ("CNN", "", "x", "CNN")],
)
def test_renaming(name, pattern, to, fresh):
    assert renamed(name, pattern, to) == fresh
