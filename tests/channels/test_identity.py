"""The identity contract: whatever a provider does, a curator's channel stays his channel."""

from __future__ import annotations

import random

import pytest

from channels import listing
from channels.models import Channel, Stream
from channels.refresh import undo_run
from portals import refreshing, runs
from portals.errors import RunHeld, RunNotUndoable
from portals.models import Run, RunKind, RunState
from portals.providers.records import GenreRecord, StreamRecord
from streaming.outputs import playlist
from streaming.outputs.addresses import Addresses, Pictures
from tests.channels.test_refresh import ListedPortal, some
from tests.factories import PortalFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def portal():
    return PortalFactory(enable_new=True)


@pytest.fixture
def refresh(portal, monkeypatch):
    genres = [GenreRecord("1", "News"), GenreRecord("2", "Sport")]

    def run(streams):
        monkeypatch.setattr("channels.refresh.provider_for", lambda _: ListedPortal(streams, genres))
        return refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))

    return run


def record(provider_id, name, *, genre="1", cmd=None):
    return StreamRecord(provider_id, name, genre_id=genre, cmd=cmd or f"ffrt http://localhost/ch/{provider_id}")


def fed():
    """channel id -> name of the stream that feeds it"""
    return dict(Channel.objects.values_list("id", "streams__name"))


def test_a_rename_keeps_the_channel(refresh):
    refresh([record("1", "CNN")])
    before = set(fed())
    run = refresh([record("1", "CNN HD")])
    assert set(fed()) == before
    assert run.counts["renamed"] == 1
    assert run.report["renamed"] == [["CNN", "CNN HD"]]


def test_new_ids_for_the_same_names_keep_the_channels(refresh):
    refresh([record("1", "CNN"), record("2", "BBC")])
    before = fed()
    run = refresh([record("901", "CNN"), record("902", "BBC")])
    assert fed() == before
    assert run.counts["moved"] == 2
    assert run.counts["new"] == run.counts["gone"] == 0


def test_a_portal_that_swaps_two_ids_swaps_no_channel(refresh):
    refresh([record("1", "CNN"), record("2", "BBC")])
    before = fed()
    run = refresh([record("2", "CNN"), record("1", "BBC")])
    assert fed() == before
    assert run.counts["moved"] == 2
    assert dict(Stream.objects.values_list("name", "provider_id")) == {"CNN": "2", "BBC": "1"}


def test_a_new_id_and_a_new_name_on_the_same_address_keep_the_channel(refresh):
    refresh([record("1", "CNN", cmd="http://a.example/live/u/p/77.ts")])
    before = set(fed())
    refresh([record("9", "CNN International", cmd="http://b.example/live/x/y/77.ts")])
    assert set(fed()) == before


def test_the_same_name_in_two_genres_is_two_channels(refresh):
    refresh([record("1", "Info", genre="1"), record("2", "Info", genre="2")])
    before = {c.id: c.streams.get().genre.name for c in Channel.objects.all()}
    refresh([record("8", "Info", genre="2"), record("9", "Info", genre="1")])
    assert {c.id: c.streams.get().genre.name for c in Channel.objects.all()} == before


def test_an_id_that_suddenly_names_something_else_is_reported(refresh):
    refresh([record("1", "CNN", cmd="http://h/live/u/p/1.ts")])
    run = refresh([record("1", "Cartoons", cmd="http://h/live/u/p/2.ts")])
    assert run.report["suspected"] == [["CNN", "Cartoons"]]


def test_an_id_taken_over_by_a_moved_channel_leaves_the_old_row_stale(refresh):
    refresh([record("1", "CNN"), record("2", "BBC"), *some_others()])
    refresh([record("1", "BBC"), *some_others()])
    assert Stream.objects.get(name="BBC").provider_id == "1"
    assert Stream.objects.get(name="CNN").stale_since is not None


def some_others(count=10):
    return [record(f"o{n}", f"Other {n}") for n in range(count)]


def test_a_refresh_that_would_lose_too_much_is_held(refresh):
    refresh(some(30))
    with pytest.raises(RunHeld):
        refresh(some(20))
    run = Run.objects.first()
    assert run.state == RunState.HELD
    assert "would lose 10 of 30 channels" in run.error
    assert not Stream.objects.filter(stale_since__isnull=False).exists()


def test_a_held_run_is_applied_as_it_was_listed(refresh, monkeypatch):
    refresh(some(30))
    with pytest.raises(RunHeld):
        refresh(some(20))
    run = Run.objects.first()
    monkeypatch.setattr("channels.refresh.provider_for", lambda _: pytest.fail("the list is here already"))
    assert runs.confirm(run)
    run.refresh_from_db()
    refreshing.perform(run)
    assert run.counts["gone"] == 10
    assert Stream.objects.filter(stale_since__isnull=True).count() == 20
    assert not run.payloads.filter(purpose="held").exists()


def test_a_held_run_can_be_dropped(refresh):
    refresh(some(30))
    with pytest.raises(RunHeld):
        refresh(some(5))
    run = Run.objects.first()
    assert runs.cancel(run)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert not run.payloads.exists()
    assert Stream.objects.filter(stale_since__isnull=True).count() == 30


def listed():
    form = playlist.PlaylistForm(Addresses("http://h", "kitchen", "t", Pictures("http://h")))
    rows = listing.listed(Channel.objects.enabled().playable().in_order())
    return "".join(playlist.channel_entry(row, form) for row in rows)


def test_undo_gives_the_same_playlist_to_the_byte(refresh):
    refresh([record("1", "CNN"), record("2", "BBC"), record("3", "Sky"), *some_others()])
    Channel.objects.filter(streams__name="CNN").update(name="Mine", number=7)
    before, rows = listed(), list(Stream.objects.order_by("pk").values())
    run = refresh(
        [record("2", "CNN"), record("1", "BBC"), record("4", "Brand new"), record("o0", "Renamed"), *some_others(8)[1:]]
    )
    assert listed() != before
    undo_run(run)
    assert listed() == before
    assert list(Stream.objects.order_by("pk").values()) == rows


def test_runs_are_taken_back_newest_first(refresh):
    first = refresh(some(3))
    second = refresh(some(4))
    with pytest.raises(RunNotUndoable, match="newer run"):
        undo_run(first)
    undo_run(second)
    undo_run(first)
    assert not Channel.objects.exists()
    first.refresh_from_db()
    with pytest.raises(RunNotUndoable, match="not taken back yet"):
        undo_run(first)


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_random_refreshes_lose_nothing(refresh, portal, seed):
    """Renames, reorders, drops, returns, new ids, a new host: curated values, ids and identity survive."""
    portal.hold_percent = 100
    portal.save()
    chance = random.Random(seed)
    provider = [record(str(n), f"Station {n} {chance.choice(['North', 'South', 'News'])}") for n in range(60)]
    dropped: list[StreamRecord] = []
    refresh(provider)
    for channel in Channel.objects.all():
        Channel.objects.filter(pk=channel.pk).update(number=channel.pk, guide_id=f"g{channel.pk}", logo="mine")
    truth = {c.id: c.streams.get().name for c in Channel.objects.all()}
    curated = set(Channel.objects.values_list("id", "number", "guide_id", "logo"))
    ever = set(truth)
    kept = total = 0
    for step in range(100):
        provider, dropped, renames = edit(provider, dropped, chance, step)
        refresh(provider)
        truth = {i: renames.get(name, name) for i, name in truth.items()}
        now = fed()
        for public_id, name in truth.items():
            total += 1
            kept += now.get(public_id) == name
        born = set(now) - ever
        assert all(i > max(ever) for i in born), "a public id was used twice"
        ever |= born
    assert curated <= set(Channel.objects.values_list("id", "number", "guide_id", "logo"))
    assert kept / total >= 0.99


def edit(provider, dropped, chance, step):
    """One refresh's worth of provider whims; returns the new list, what is gone, and old -> new names."""
    renames = {}
    provider, dropped = list(provider), list(dropped)
    for position in chance.sample(range(len(provider)), 2):
        old = provider[position]
        name = f"{old.name} HD" if not old.name.endswith("HD") else old.name[:-3]
        renames[old.name] = name
        provider[position] = record(old.provider_id, name, cmd=old.cmd)
    if chance.random() < 0.3:
        chance.shuffle(provider)
    if chance.random() < 0.3 and len(provider) > 40:
        dropped.append(provider.pop(chance.randrange(len(provider))))
    if chance.random() < 0.3 and dropped:
        back = dropped.pop()
        back = record(back.provider_id, renames.get(back.name, back.name), cmd=back.cmd)
        provider.append(back)
    if chance.random() < 0.1:
        stay = [r for r in provider if r.name not in renames.values()]
        for old in chance.sample(stay, 5):
            provider[provider.index(old)] = record(f"{old.provider_id}-{step}", old.name, cmd=old.cmd)
    if chance.random() < 0.1:
        host = f"http://host{step}.example"
        provider = [record(r.provider_id, r.name, cmd=f"{host}/ch/{r.cmd.rsplit('/', 1)[1]}") for r in provider]
    return provider, dropped, renames
