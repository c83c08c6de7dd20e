"""A playlist is downloaded once for its channels and its titles, and not at all while it is the same."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from channels.models import Stream
from portals import refreshing, runs
from portals.errors import CatalogueIncomplete
from portals.models import Portal, PortalKind, Run, RunKind
from portals.providers.m3u import M3uProvider
from portals.providers.m3u.kept import KeptList
from tests.factories import PortalFactory
from tests.fakes.web_files import WebFiles
from vod.models import CategoryMap, EpisodeOffer, MovieOffer

pytestmark = pytest.mark.django_db


@pytest.fixture
def web():
    with WebFiles() as server:
        yield server


@pytest.fixture(autouse=True)
def downloads(settings, tmp_path) -> Path:
    settings.RESTREAMER_DATA = tmp_path
    return tmp_path / "downloads"


def listed(*films: str) -> str:
    lines = [f'#EXTINF:-1 group-title="Films",{film} (1999)\nhttp://h.example/movie/u/p/{film}.mkv\n' for film in films]
    return (
        "#EXTM3U\n#EXTINF:-1,News\nhttp://h.example/live/u/p/1.ts\n"
        "#EXTINF:-1,Show S01E01\nhttp://h.example/series/u/p/9.mkv\n" + "".join(lines)
    )


@pytest.fixture
def portal(web) -> Portal:
    address = web.put("/list.m3u", listed("Heat", "Ran"), conditional=True)
    return PortalFactory(kind=PortalKind.M3U, address=address, hold_percent=100)


def refresh(portal: Portal, kind: RunKind) -> Run:
    return refreshing.perform(runs.begin(portal, kind, "test"))


def test_a_cycle_downloads_once_in_whatever_order(portal, web, downloads):
    for order in ((RunKind.LIVE, RunKind.VOD), (RunKind.VOD, RunKind.LIVE)):
        web.put("/list.m3u", listed("Heat", "Ran", f"Alien{order[0]}"))
        web.asked.clear()
        for kind in order:
            assert refresh(portal, kind).counts
        assert len(web.asked) == 1
    assert (Stream.objects.count(), EpisodeOffer.objects.count()) == (1, 1)
    assert set(MovieOffer.objects.filter(stale_since__isnull=True).values_list("name", flat=True)) == {
        "Heat (1999)", "Ran (1999)", f"Alien{RunKind.VOD} (1999)",
    }  # fmt: skip
    assert [path.suffix for path in downloads.iterdir()] == [".lock"]


def test_two_refreshes_at_once_download_once(portal, web):
    web.put("/list.m3u", listed("Heat"), delay_s=0.3)
    fetched = []

    def fetch(reader):
        provider = M3uProvider(portal)
        fetched.append(provider.fetch(reader=reader))
        provider.close()

    threads = [threading.Thread(target=fetch, args=(reader,)) for reader in ("live", "vod")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(web.asked) == 1
    assert fetched[0].sha256 == fetched[1].sha256


def test_titles_of_a_list_that_is_the_same_are_not_read_again(portal, web):
    refresh(portal, RunKind.VOD)
    web.asked.clear()
    run = refresh(portal, RunKind.VOD)
    assert [one.headers.get("If-None-Match") for one in web.asked] == [web.files["/list.m3u"].etag]
    assert (run.counts["unchanged movies"], run.counts["unchanged series"], run.counts["episodes"]) == (2, 1, 1)


def test_another_map_or_rule_reads_the_same_bytes_again(portal):
    refresh(portal, RunKind.VOD)
    CategoryMap.objects.filter(genre__name="Films").update(ignored=True)
    assert refresh(portal, RunKind.VOD).counts["gone movies"] == 2
    CategoryMap.objects.update(ignored=False)
    assert refresh(portal, RunKind.VOD).counts["back movies"] == 2


def test_what_was_taken_back_is_applied_again(portal, web):
    refresh(portal, RunKind.VOD)
    web.put("/list.m3u", listed("Heat", "Ran", "Alien"), conditional=True)
    refreshing.undo(refresh(portal, RunKind.VOD))
    assert refresh(portal, RunKind.VOD).counts["new movies"] == 1


def test_a_second_click_asks_the_provider_again(portal, web):
    for _ in range(2):
        refresh(portal, RunKind.LIVE)
    assert len(web.asked) == 2


def test_what_was_kept_is_used_while_it_is_fresh_and_of_the_same_address(portal, web):
    M3uProvider(portal).fetch(reader="live")
    assert KeptList(portal, clock=lambda: 9e9).take("vod") is None
    M3uProvider(portal).fetch(reader="live")
    portal.address = web.put("/other.m3u", listed("Alien"))
    assert KeptList(portal).take("vod") is None


def test_a_download_that_breaks_off_leaves_no_file(portal, web, downloads):
    web.put("/list.m3u", listed("Heat"), cut_at=100)
    with pytest.raises(CatalogueIncomplete):
        M3uProvider(portal).fetch(reader="live")
    assert [path.suffix for path in downloads.iterdir()] == [".lock"]
