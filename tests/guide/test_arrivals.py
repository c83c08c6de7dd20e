"""A new portal brings its guide, and a playlist's is asked about first."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from channels.refresh import refresh_live
from guide import arrivals, fetch, refresh
from guide.errors import GuideUnreachable
from guide.models import EpgSource, GuideProposal, SourceKind
from portals.adding import NewPortal, add_portal
from portals.models import Run, RunKind
from portals.runs import Unrecorded
from restreamer.lib.errors import InvalidInput
from tests.factories import PortalFactory
from tests.fakes.web_files import WebFiles

pytestmark = pytest.mark.django_db

GUIDE = "http://guide.test/epg.xml.gz?password=secret"
LIST = f'#EXTM3U url-tvg="{GUIDE}"\n#EXTINF:-1,One\nhttp://127.0.0.1/1.ts\n'


def refreshed(portal):
    refresh_live(Run.objects.create(portal=portal, kind=RunKind.LIVE), Unrecorded(portal, RunKind.LIVE))


@pytest.fixture
def playlist():
    with WebFiles() as web:
        yield add_portal(NewPortal("List", web.put("/list.m3u", LIST), kind="m3u"))


@pytest.mark.parametrize(
    ("new", "kind"),
    [
        (NewPortal("P", "http://h/c/", macs=["00:1A:79:00:00:01"]), SourceKind.PORTAL),
        (NewPortal("P", "http://h/", kind="xtream", logins=["a:b"]), SourceKind.XTREAM),
    ],
)
def test_a_new_portal_brings_its_own_guide(new, kind):
    EpgSource.objects.create(name="P", kind=SourceKind.DUMMY)
    portal = add_portal(new)
    source = portal.epg_sources.get()
    assert (source.name, source.kind, source.enabled) == ("P 2", kind, True)


def test_who_wants_no_guide_gets_none():
    add_portal(NewPortal("P", "http://h/c/", macs=["00:1A:79:00:00:01"], with_guide=False))
    assert not EpgSource.objects.exists()


def test_a_playlists_guide_waits_for_a_click(admin_client, playlist, monkeypatch):
    monkeypatch.setattr("guide.jobs._put", lambda run_id: None)
    refreshed(playlist)
    assert not EpgSource.objects.exists()
    page = admin_client.get(reverse("admin:guide_epgsource_changelist")).content.decode()
    assert "names a guide: http://guide.test/epg.xml.gz" in page
    assert "secret" not in page

    admin_client.post(reverse("admin:guide_epgsource_decide", args=[GuideProposal.objects.get().pk]), {"take": "1"})
    source = EpgSource.objects.get()
    assert (source.kind, source.address, source.portal) == (SourceKind.URL, GUIDE, playlist)
    assert source.last_run is not None


def test_what_was_left_out_is_not_proposed_again(admin_client, playlist):
    refreshed(playlist)
    proposal = GuideProposal.objects.get()
    admin_client.post(reverse("admin:guide_epgsource_decide", args=[proposal.pk]), {"refuse": "1"})
    arrivals.propose(playlist, [GUIDE])
    assert GuideProposal.objects.get().state == GuideProposal.State.REFUSED
    with pytest.raises(InvalidInput):
        arrivals.take(proposal)
    assert not EpgSource.objects.exists()


def test_what_a_playlist_names_no_more_is_forgotten_and_oddities_are_never_proposed(playlist):
    assert arrivals.propose(playlist, [GUIDE, "file:///etc/passwd", "http://h/" + "x" * 3000]) == 1
    assert arrivals.propose(playlist, []) == 0


def test_a_link_alone_takes_nothing_and_a_stranger_neither(client, admin_client, playlist):
    arrivals.propose(playlist, [GUIDE])
    address = reverse("admin:guide_epgsource_decide", args=[GuideProposal.objects.get().pk])
    assert admin_client.get(address).status_code == 405
    assert client.post(address, {"take": "1"}).status_code == 302
    assert not EpgSource.objects.exists()


def test_a_taken_guide_stays_behind_its_portals_fence():
    """A list from the internet that names an address of our own network reaches nothing there."""
    portal = PortalFactory(kind="m3u", address="http://list.example/l.m3u")
    with WebFiles() as web:
        arrivals.propose(portal, [web.put("/epg.xml", "<tv></tv>")])
        with pytest.raises(GuideUnreachable):
            fetch.fetch(arrivals.take(GuideProposal.objects.get()))


def test_a_taken_guide_is_read_from_its_own_address():
    guide = '<tv><channel id="one.uk"><display-name>One</display-name></channel></tv>'
    with WebFiles() as web:
        portal = PortalFactory(kind="m3u", address=web.put("/l.m3u", LIST))
        arrivals.propose(portal, [web.put("/epg.xml", guide)])
        source = arrivals.take(GuideProposal.objects.get())
        refresh.refresh(source, now=timezone.now())
    assert [one.xmltv_id for one in source.channels.all()] == ["one.uk"]
