"""Which channels are one, and what a merge does and undoes."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from channels import jobs, merging
from channels.models import Channel, ChannelStream, Merge
from channels.refresh import refresh_live
from channels.same import AUTO_ACCEPT, Entry, propose
from portals.models import Run, RunKind
from portals.providers.records import StreamRecord
from portals.runs import Unrecorded
from restreamer.lib.names import parse
from tests.factories import ChannelFactory, LinkFactory, PortalFactory, StreamFactory

#: Real station names with their country, one per line (a public channel list under the Unlicense, August 2026).
NAMES = [line.split("\t") for line in Path(__file__).with_name("station_names.txt").read_text().splitlines()]
_DRESS = [
    "{name}", "{name} HD", "{name} FHD", "{cc}: {name}", "{cc}: {name} HD", "|{cc}| {name}", "[{cc}] {name} 4K",
    "{cc} | {name} SD", "{name} (1080p)", "{upper}", "{cc}: {upper} ᴴᴰ", "{name} [Not 24/7]", "{cc} - {name} HEVC",
]  # fmt: skip


def dressed(chance, cc, name):
    return chance.choice(_DRESS).format(cc={"uk": "UK"}.get(cc, cc.upper()), name=name, upper=name.upper())


def two_portals(size=3000, common=1800, seed=1):
    """Entries of two portals and the true pairs: `common` stations stand in both, dressed differently."""
    chance = random.Random(seed)
    # Second programmes and shifted ones of the same stations are the hardest to keep apart.
    wanted = [*NAMES, *([cc, f"{name} {more}"] for more in ("2", "+1", "Sport") for cc, name in NAMES)]
    stations = list({(parse(n).key, parse(n).numbers, parse(n).shift_hours): (cc, n) for cc, n in wanted}.values())
    chance.shuffle(stations)
    mine, others = stations[:size], stations[:common] + stations[size : 2 * size - common]
    left = [Entry(n + 1, dressed(chance, *s), frozenset({1})) for n, s in enumerate(mine)]
    right = [Entry(n + 100_001, dressed(chance, *s), frozenset({2})) for n, s in enumerate(others)]
    true = {(n + 1, n + 100_001) for n in range(common)}
    return left + right, true


def test_it_finds_the_common_stations_and_no_false_one_is_sure():
    entries, true = two_portals()
    found = propose(entries)
    proposed = {(p.stays, p.goes) for p in found}
    sure = {(p.stays, p.goes) for p in found if p.confidence >= AUTO_ACCEPT}
    names = {e.channel_id: e.name for e in entries}
    assert [(names[a], names[b]) for a, b in sure - true] == []
    recall = len(proposed & true) / len(true)
    print(f"{len(true)} true pairs: {len(proposed & true)} proposed, {len(sure & true)} sure")
    assert recall >= 0.95


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BBC One", "BBC Two"), ("Sky Sports 1", "Sky Sports 2"), ("ITV", "ITV +1"), ("HBO East", "HBO West"),
        ("UK: Fox News", "DE: Fox News"), ("Eurosport 1 HD", "Eurosport 2 HD"), ("Canal+", "Canal+ Sport"), ("1", "1"),
        ("RTL", "RTL 2"), ("Discovery", "Discovery Science"), ("ESPN", "ESPN 2"), ("", ""),
    ],
)  # fmt: skip
def test_what_is_not_the_same_is_never_merged_without_asking(one, other):
    found = propose([Entry(1, one, frozenset({1})), Entry(2, other, frozenset({2}))])
    assert [p for p in found if p.confidence >= AUTO_ACCEPT] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BBC One", "BBC 1 HD"), ("|DE| RTL", "RTL FHD"), ("UK: Film4", "Film 4 (720p)"), ("TF1 4K", "TF1"),
        ("Das Erste", "DAS ERSTE HEVC"),
    ],
)  # fmt: skip
def test_the_same_in_other_clothes_is_merged(one, other):
    found = propose([Entry(1, one, frozenset({1})), Entry(2, other, frozenset({2}))])
    assert found
    assert found[0].confidence >= AUTO_ACCEPT
    assert found[0].reason


def test_two_of_one_portal_are_proposed_but_not_sure():
    found = propose([Entry(1, "CNN", frozenset({1})), Entry(2, "CNN HD", frozenset({1}))])
    assert 0.5 <= found[0].confidence < AUTO_ACCEPT
    assert "one portal lists both" in found[0].reason


def test_different_guide_ids_are_not_sure():
    found = propose(
        [Entry(1, "CNN", frozenset({1}), guide_id="cnn.us"), Entry(2, "CNN", frozenset({2}), guide_id="cnn.tr")]
    )
    assert found[0].confidence < AUTO_ACCEPT


def test_a_decision_is_remembered():
    entries = [Entry(1, "CNN", frozenset({1})), Entry(2, "CNN HD", frozenset({2}))]
    assert propose(entries, frozenset({(1, 2)})) == []


@pytest.fixture
def two(db):
    near, far = PortalFactory(priority=1), PortalFactory(priority=2)
    old = LinkFactory(channel__name="CNN", channel__enabled=False, stream__portal=far, stream__name="CNN").channel
    young = LinkFactory(
        channel__name="UK: CNN HD", channel__number=7, channel__guide_id="cnn.us", stream__portal=near,
        stream__name="CNN HD",
    ).channel  # fmt: skip
    return old, young


def test_a_merge_keeps_the_older_channel_and_ranks_the_streams(two):
    old, _young = two
    assert merging.refresh_proposals(auto=True) == merging.Proposed(new=1, merged=1, open=0)
    old.refresh_from_db()
    assert list(Channel.objects.all()) == [old]
    assert (old.name, old.enabled, old.guide_id) == ("CNN", True, "cnn.us")
    assert [link.stream.name for link in old.links.order_by("rank")] == ["CNN HD", "CNN"]


def test_a_merge_is_taken_back_whole(two):
    def rows():
        links = set(ChannelStream.objects.values_list("channel_id", "stream_id"))
        return links, list(Channel.objects.order_by("pk").values("id", "name", "number", "enabled", "guide_id"))

    before = rows()
    merging.refresh_proposals(auto=True)
    merging.take_back(Merge.objects.get(), "owner")
    assert rows() == before
    assert merging.refresh_proposals(auto=True) == merging.Proposed(new=0, merged=0, open=0), "it is remembered"


def test_a_rejected_pair_stays_apart(two):
    merging.refresh_proposals(auto=False)
    merging.reject(Merge.objects.get(), "owner")
    assert merging.refresh_proposals(auto=True) == merging.Proposed(new=0, merged=0, open=0)
    assert Channel.objects.count() == 2


def test_chains_of_three_end_in_one(db):
    for _ in range(3):
        LinkFactory(channel__name="CNN", stream__portal=PortalFactory())
    merging.refresh_proposals(auto=True)
    assert Channel.objects.count() == 1
    assert Channel.objects.get().links.count() == 3


def test_a_stream_can_be_split_off_again(two):
    old, young = two
    merging.refresh_proposals(auto=True)
    link = old.links.get(stream__name="CNN HD")
    new = merging.split(link)
    assert new.pk > young.pk
    assert [x.stream.name for x in new.links.all()] == ["CNN HD"]
    with pytest.raises(merging.NotMergeable, match="only stream"):
        merging.split(new.links.get())


def test_a_channel_without_streams_is_nobodys_double(db):
    ChannelFactory(name="CNN")
    LinkFactory(channel__name="CNN", stream=StreamFactory())
    assert merging.refresh_proposals(auto=True).new == 0


def refreshed(*names):
    """A portal that lists channels of these names was refreshed."""
    portal = PortalFactory()

    class Listed:
        def live_genres(self):
            return []

        def live_streams(self, progress):
            yield from (StreamRecord(name, name) for name in names)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("channels.refresh.provider_for", lambda portal: Listed())
        refresh_live(Run.objects.create(portal=portal, kind=RunKind.LIVE), Unrecorded(portal, RunKind.LIVE))
    return portal


@pytest.mark.django_db
def test_a_refresh_that_brought_channels_has_doubles_looked_for_once_and_merges_nothing(redis, monkeypatch):
    put: list[Any] = []
    monkeypatch.setattr("django_rq.get_queue", lambda name: SimpleNamespace(enqueue=lambda job, **_: put.append(job)))
    now = timezone.now()
    assert not jobs.enqueue_asked_doubles(now)
    refreshed("CNN", "BBC One")
    refreshed("UK: CNN HD")
    assert jobs.enqueue_asked_doubles(now)
    assert not jobs.enqueue_asked_doubles(now)

    (job,) = put
    assert job() == {"new": 1, "merged": 0, "open": 1}
    assert Channel.objects.count() == 3


def test_proposals_that_still_hold_stay_the_rows_they_were(two):
    merging.refresh_proposals(auto=False)
    row = Merge.objects.get()
    LinkFactory(channel__name="BBC One", stream__portal=PortalFactory())
    LinkFactory(channel__name="BBC One HD", stream__portal=PortalFactory())
    assert merging.refresh_proposals(auto=False) == merging.Proposed(new=2, merged=0, open=2)
    assert Merge.objects.filter(pk=row.pk).exists()

    two[1].delete()
    assert merging.refresh_proposals(auto=False).open == 1
