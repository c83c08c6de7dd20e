"""All providers have the shapes the rest of the house asks for; the type checker holds them to it."""

from __future__ import annotations

import pytest

from portals.models import Portal, PortalKind
from portals.providers.base import Provider
from portals.providers.m3u import M3uProvider
from portals.providers.registry import provider_for
from portals.providers.stalker.provider import StalkerProvider
from portals.providers.vod_records import (
    ArchiveProvider,
    BulkGuideProvider,
    GuideProvider,
    VodProvider,
    VodSearchProvider,
)
from portals.providers.xtream import XtreamProvider


@pytest.mark.parametrize(("kind", "made"), [(PortalKind.M3U, M3uProvider), (PortalKind.XTREAM, XtreamProvider)])
def test_each_kind_finds_its_provider(kind, made):
    assert type(provider_for(Portal(pk=1, kind=kind, address="http://h.example"))) is made


def test_playlists_list_all_they_know():
    provider = M3uProvider(Portal(kind=PortalKind.M3U, address="http://h.example/list.m3u"))
    live: Provider = provider
    vod: VodProvider = provider
    archive: ArchiveProvider = provider

    assert {id(shape) for shape in (live, vod, archive)} == {id(provider)}
    assert vod.lists_episodes


def test_panels_are_asked_for_details():
    provider = XtreamProvider(Portal(pk=1, kind=PortalKind.XTREAM, address="http://h.example"))
    live: Provider = provider
    vod: VodProvider = provider
    archive: ArchiveProvider = provider
    guide: GuideProvider = provider

    assert {id(shape) for shape in (live, vod, archive, guide)} == {id(provider)}
    assert not vod.lists_episodes


def test_portals_do_all_of_it(redis):
    provider = StalkerProvider(Portal(pk=1, kind=PortalKind.STALKER, address="http://h.example/c/"))
    live: Provider = provider
    vod: VodProvider = provider
    search: VodSearchProvider = provider
    archive: ArchiveProvider = provider
    guide: GuideProvider = provider
    bulk: BulkGuideProvider = provider

    assert {id(shape) for shape in (live, vod, search, archive, guide, bulk)} == {id(provider)}
    assert not vod.lists_episodes
