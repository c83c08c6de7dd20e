"""The same list again: what is neither downloaded, nor read, nor compared, and what must be all the same."""

from __future__ import annotations

import pytest

from channels.models import Channel, Stream, StreamRule
from portals import refreshing, runs
from portals.models import ListState, Portal, PortalKind, Run, RunKind
from tests.factories import PortalFactory
from tests.fakes.web_files import WebFiles

pytestmark = pytest.mark.django_db


@pytest.fixture
def web():
    with WebFiles() as server:
        yield server


def listed(*names: str, remark: str = "") -> str:
    lines = [f'#EXTINF:-1 group-title="All",{name}\nhttp://h.example/{name}.ts\n' for name in names]
    return f"#EXTM3U\n{remark}" + "".join(lines)


@pytest.fixture
def portal(web) -> Portal:
    return PortalFactory(kind=PortalKind.M3U, address=web.put("/list.m3u", listed("A", "B", "C")))


def refresh(portal: Portal) -> Run:
    return refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))


def counts(run: Run) -> dict[str, int]:
    return {name: count for name, count in run.counts.items() if count}


def never(*args, **kwargs):
    raise AssertionError("this need not be done")


def test_the_same_bytes_are_not_read(portal, monkeypatch):
    refresh(portal)
    monkeypatch.setattr("channels.refresh._listed", never)
    assert counts(refresh(portal)) == {"total": 3, "unchanged": 3}
    portal.refresh_from_db()
    assert portal.refreshed_at is not None


def test_the_same_entries_in_other_bytes_are_not_compared(portal, web, monkeypatch):
    refresh(portal)
    web.put("/list.m3u", listed("A", "B", "C", remark="# made a minute later\n"))
    monkeypatch.setattr("portals.mirror.mirroring.plan", never)
    assert counts(refresh(portal)) == {"total": 3, "unchanged": 3}


def test_a_change_is_seen_after_any_number_of_unchanged_runs(portal, web):
    for _ in range(3):
        refresh(portal)
    web.put("/list.m3u", listed("A", "B", "D"))
    assert counts(refresh(portal)) == {"total": 3, "new": 1, "unchanged": 2, "gone": 1}
    assert counts(refresh(portal)) == {"total": 3, "unchanged": 3}


def test_another_rule_reads_the_same_bytes_again(portal):
    refresh(portal)
    StreamRule.objects.create(portal=portal, pattern="B")
    portal.hold_percent = 100
    portal.save()
    assert counts(refresh(portal)) == {"total": 2, "unchanged": 2, "gone": 1}


def test_after_an_undo_the_same_list_is_applied_again(portal, web):
    refresh(portal)
    web.put("/list.m3u", listed("A", "B", "C", "D"))
    refreshing.undo(refresh(portal))
    assert counts(refresh(portal)) == {"total": 4, "new": 1, "unchanged": 3}


def test_rows_removed_by_hand_are_noticed(portal):
    refresh(portal)
    Stream.objects.filter(name="B").delete()
    assert counts(refresh(portal)) == {"total": 3, "new": 1, "unchanged": 2}


def test_a_run_that_dies_while_writing_leaves_nothing_known(portal, web, monkeypatch):
    refresh(portal)
    web.put("/list.m3u", listed("A", "B", "D"))

    def dies(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("portals.mirror.apply.Mirror._mark_gone", dies)
        with pytest.raises(KeyboardInterrupt):
            refresh(portal)
    assert not ListState.objects.exists()
    web.put("/list.m3u", listed("A", "B", "C"))
    refresh(portal)
    assert set(Stream.objects.filter(stale_since__isnull=True).values_list("name", flat=True)) == {"A", "B", "C"}
    assert Channel.objects.count() == 4


def test_a_list_of_many_changes_is_written_from_the_list_itself(portal, web, monkeypatch):
    monkeypatch.setattr("portals.mirror.plan._KEPT_RECORDS", 1)
    refresh(portal)
    web.put("/list.m3u", listed("C", "X", "A", "Y"))
    assert counts(refresh(portal)) == {"total": 4, "new": 2, "unchanged": 2, "gone": 1}
    assert dict(Stream.objects.filter(name__in="XY").values_list("name", "position")) == {"X": 1, "Y": 3}
