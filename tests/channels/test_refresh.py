"""The live refresh: what it writes, and above all what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels.models import Channel, Group, Stream
from portals import refreshing, runs
from portals.errors import CatalogueIncomplete, PortalUnreachable, RunCancelled
from portals.models import Genre, Run, RunKind, RunState
from portals.providers.base import Progress
from portals.providers.records import GenreRecord, StreamRecord
from tests.factories import PortalFactory

pytestmark = pytest.mark.django_db


class ListedPortal:
    """A provider that lists what the test says."""

    def __init__(self, streams, genres=(), dies_after=None):
        self.streams, self.genres, self.dies_after = list(streams), list(genres), dies_after

    def live_genres(self) -> list[GenreRecord]:
        return self.genres

    def live_streams(self, progress: Progress) -> Iterator[StreamRecord]:
        for position, record in enumerate(self.streams):
            if position == self.dies_after:
                raise PortalUnreachable("The portal stopped answering.")
            progress(position, len(self.streams))
            yield record


@pytest.fixture
def portal():
    return PortalFactory(hold_percent=100)


@pytest.fixture
def refresh(portal, monkeypatch):
    def run(streams, genres=(), **kwargs):
        monkeypatch.setattr("channels.refresh.provider_for", lambda _: ListedPortal(streams, genres, **kwargs))
        return refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))

    return run


def some(count, **kwargs):
    return [StreamRecord(provider_id=str(n), name=f"Channel {n}", number=str(n), **kwargs) for n in range(1, count + 1)]


def test_each_stream_is_born_with_a_disabled_channel(refresh):
    run = refresh(some(3))
    assert run.state == RunState.DONE
    assert {key: value for key, value in run.counts.items() if value} == {"total": 3, "new": 3}
    assert list(Channel.objects.values_list("name", "enabled").order_by("name")) == [
        ("Channel 1", False),
        ("Channel 2", False),
        ("Channel 3", False),
    ]


def test_a_portal_may_show_new_channels_at_once(refresh, portal):
    portal.enable_new = True
    portal.save()
    refresh(some(1))
    assert Channel.objects.get().enabled


def test_what_the_subscription_does_not_hold_is_not_shown(refresh, portal):
    portal.enable_new = True
    portal.save()
    refresh(some(1, subscribed=False))
    assert not Channel.objects.get().enabled


def test_a_second_refresh_changes_nothing(refresh):
    refresh(some(5), [GenreRecord("7", "News")])
    before = list(Stream.objects.values())
    run = refresh(some(5), [GenreRecord("7", "News")])
    assert run.counts["unchanged"] == 5
    assert run.counts["new"] == run.counts["changed"] == run.counts["gone"] == 0
    assert list(Stream.objects.values()) == before


def test_a_curator_keeps_his_name_when_the_portal_renames(refresh):
    refresh(some(1))
    Channel.objects.update(name="Mine", number=99, enabled=True)
    run = refresh([StreamRecord(provider_id="1", name="Renamed", number="5")])
    assert run.counts["changed"] == 1
    assert Stream.objects.get().name == "Renamed"
    channel = Channel.objects.get()
    assert (channel.name, channel.number, channel.enabled) == ("Mine", 99, True)


def test_what_is_no_longer_offered_goes_stale_and_comes_back_as_itself(refresh):
    refresh(some(2))
    ids = set(Channel.objects.values_list("id", flat=True))
    run = refresh(some(1))
    assert run.counts["gone"] == 1
    assert Stream.objects.get(provider_id="2").stale_since is not None
    run = refresh(some(2))
    assert run.counts["back"] == 1
    assert not Stream.objects.filter(stale_since__isnull=False).exists()
    assert set(Channel.objects.values_list("id", flat=True)) == ids


def test_an_empty_list_leaves_everything_and_says_so(refresh):
    refresh(some(3))
    with pytest.raises(CatalogueIncomplete):
        refresh([])
    assert Stream.objects.filter(stale_since__isnull=True).count() == 3
    run = Run.objects.first()
    assert run.state == RunState.FAILED
    assert run.error.startswith("The portal sent an empty channel list. What was stored before stays as it is")


def test_a_list_that_dies_half_way_leaves_everything(refresh):
    refresh(some(3))
    before = list(Stream.objects.values())
    with pytest.raises(PortalUnreachable):
        refresh(some(50), dies_after=30)
    assert list(Stream.objects.values()) == before
    assert Run.objects.first().error == "The portal stopped answering."


def test_genres_become_groups_and_adult_genres_mark_their_channels(refresh):
    refresh(
        [StreamRecord("1", "A", genre_id="7"), StreamRecord("2", "B", genre_id="8")],
        [GenreRecord("7", "News"), GenreRecord("8", "After dark", censored=True)],
    )
    assert dict(Channel.objects.values_list("name", "group__name")) == {"A": "News", "B": "After dark"}
    assert Channel.objects.get(name="B").adult
    assert set(Group.objects.values_list("name", flat=True)) == {"News", "After dark"}


def test_a_vanished_genre_goes_stale(refresh):
    refresh(some(1), [GenreRecord("7", "News"), GenreRecord("8", "Sport")])
    refresh(some(1), [GenreRecord("7", "News")])
    assert Genre.objects.get(provider_id="8").stale_since is not None


def test_the_same_id_twice_in_one_list_is_one_stream(refresh):
    run = refresh([StreamRecord("1", "First"), StreamRecord("1", "Second")])
    assert run.counts["total"] == 1
    assert Stream.objects.get().name == "First"


@pytest.mark.parametrize(
    "name", ['Quote "A", comma', "New\nline", "😀 emoji", "עברית", "x" * 900, "tab\tand\x00nul", "\ud800 broken"]
)
def test_any_name_can_be_stored(refresh, name):
    refresh([StreamRecord("1", name)])
    assert Channel.objects.count() == 1


@pytest.mark.parametrize("number", ["", "0", "-1", "NaN", "abc", "1e9", "inf", "99999999"])
def test_a_number_no_player_can_show_is_no_number(refresh, number):
    refresh([StreamRecord("1", "A", number=number)])
    assert Channel.objects.get().number is None


def test_public_ids_are_never_given_twice(refresh):
    refresh(some(2))
    highest = max(Channel.objects.values_list("id", flat=True))
    Channel.objects.all().delete()
    Stream.objects.all().delete()
    refresh(some(2))
    assert min(Channel.objects.values_list("id", flat=True)) > highest


def test_statements_grow_by_batch_and_not_by_item(refresh, django_assert_max_num_queries):
    refresh(some(2500))
    with django_assert_max_num_queries(60):
        refresh(some(2500))


def test_a_batch_costs_the_same_statements_however_full_it_is(refresh):
    def statements(streams):
        with CaptureQueriesContext(connection) as queries:
            refresh(streams)
        return len(queries)

    def first_then_changed(count):
        Stream.objects.all().delete()
        return statements(some(count)), statements(some(count, logo="http://logos.example/a.png"))

    # A slow machine is told of the progress more often.
    few, many = first_then_changed(10), first_then_changed(500)
    assert all(more <= less + 10 for less, more in zip(few, many, strict=True))
    assert Stream.objects.filter(logo="http://logos.example/a.png").count() == 500


@pytest.mark.parametrize("bad", ["\x00{}\x00", "\ud800{}\udfff", "x" * 3000 + "{}", "{}'\"\\\\u0000%s"])
def test_what_no_database_stores_does_no_harm_in_any_field(refresh, bad):
    def listed(times):
        text = bad.format(times)
        data = {"headers": {text: text}, "list": [text, {text: [text]}]}
        yield from some(2)
        for number in ("3", "3", "4"):
            yield StreamRecord(
                provider_id=bad.format(number), name=text, number=text, genre_id=text, logo=text, guide_id=text,
                cmd=text, provider_data=data,
            )  # fmt: skip

    genres = [GenreRecord(bad.format(times), bad.format(times)) for times in (1, 2)]
    over_long = len(bad) > 200
    for times in (1, 2):
        run = refresh(listed(times), genres)
        assert run.state == RunState.DONE
        # Ids that differ behind their 200th letter alone are one.
        assert run.counts["total"] == Stream.objects.count() == Channel.objects.count() == (3 if over_long else 4)
    assert run.counts["changed"] + run.counts.get("renamed", 0) >= 1


def test_a_run_a_person_stopped_ends_as_cancelled(refresh, portal, monkeypatch):
    def stop(self, progress):
        runs.cancel(Run.objects.first())
        progress(1, 2)
        yield StreamRecord("1", "A")

    monkeypatch.setattr(ListedPortal, "live_streams", stop)
    with pytest.raises(RunCancelled):
        refresh(some(1))
    assert Run.objects.first().state == RunState.CANCELLED
    assert not Stream.objects.exists()
