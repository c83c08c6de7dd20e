"""Channels and their guide: what the guide hears of them, what is matched, stored and chosen."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from channels import merging
from channels.guide_feed import shown_channels
from channels.models import Channel, Merge
from guide import jobs
from guide.importer import import_guide
from guide.matchmaking import refs_of
from guide.models import Decision, EpgSource, GuideChannel, GuideMatch
from guide.records import ChannelFacts, GuideChannelRecord, GuideRef
from guide.wanted import wanted_now
from portals.models import PortalKind
from restreamer.cron import DUTIES
from restreamer.lib import redis_keys
from tests.factories import ChannelFactory, LinkFactory, PortalFactory, StreamFactory

pytestmark = pytest.mark.django_db


def shown(name="BBC One", **stream):
    channel = ChannelFactory(name=name)
    LinkFactory(channel=channel, stream=StreamFactory(name=stream.pop("called", name), **stream))
    return channel


def guide(*channels, **options):
    source = EpgSource.objects.create(address="http://g.example/", **{"name": "Guide", **options})
    import_guide(source, [GuideChannelRecord(i, (name,)) for i, name in channels], now=timezone.now())
    return source


def accepted(channel):
    return GuideMatch.objects.accepted().filter(channel_id=channel.pk).values_list("guide_id", flat=True).first()


def test_the_guide_hears_of_shown_channels_by_all_their_names_and_ids():
    portal = PortalFactory(kind=PortalKind.STALKER, slug="panel")
    channel = shown("Mine", portal=portal, called="UK: BBC 1 HD", provider_id="7", guide_id="bbc1.uk")
    hidden = shown("Hidden")
    Channel.objects.filter(pk=hidden.pk).update(enabled=False)
    shown("Gone", stale_since=timezone.now())
    assert list(shown_channels()) == [
        ChannelFacts(channel.pk, "Mine", "bbc1.uk", "", "", ("UK: BBC 1 HD",), ("7.panel",))
    ]
    assert wanted_now().keys == {"bbc1.uk", "7.panel"}


def test_two_queries_tell_of_any_number_of_channels(django_assert_num_queries):
    for _ in range(5):
        shown()
    with django_assert_num_queries(2):
        assert len(list(shown_channels())) == 5


def test_a_match_asked_for_is_done_once_and_has_the_guide_read_again(redis):
    channel = shown("UK: BBC 1 HD")
    source = guide(("bbc1.uk", "BBC One"))
    jobs.ask_for_match()
    jobs.ask_for_match()
    assert jobs.enqueue_asked_match(timezone.now())
    assert not jobs.enqueue_asked_match(timezone.now())
    assert jobs.match_now().accepted == 1
    assert accepted(channel) == "bbc1.uk"
    source.refresh_from_db()
    assert source.last_run is not None
    assert source.last_run.asked_by == "matcher"
    assert "guide matches asked for" in {duty.name for duty in DUTIES}


def test_showing_a_channel_asks_for_its_guide(admin_client, redis):
    channel = shown()
    admin_client.post(
        reverse("admin:channels_channel_changelist"), {"action": "disable", "_selected_action": [channel.pk]}
    )
    assert redis.get(redis_keys.GUIDE_MATCH_ASKED) == b"1"


def test_its_portals_own_guide_is_certain_and_the_first_source_wins():
    portal = PortalFactory(kind=PortalKind.STALKER, slug="panel")
    channel = shown("BBC One", portal=portal, provider_id="7")
    guide(("7.panel", "something else entirely"), name="Own", priority=200)
    jobs.match_now()
    assert accepted(channel) == "7.panel"
    GuideMatch.objects.all().delete()
    guide(("bbc1.uk", "BBC One"), name="Better", priority=1)
    jobs.match_now()
    assert accepted(channel) == "bbc1.uk"


def test_a_guide_channel_is_found_and_taken_by_hand(admin_client):
    channel = shown("Dave")
    source = guide(("xyz", "Télé Dave"))
    address = reverse("admin:channels_channel_guide", args=[channel.pk])
    assert "xyz" in admin_client.get(address, {"q": "tele"}).content.decode()
    chosen = GuideChannel.objects.get(xmltv_id="xyz")
    admin_client.post(address, {"guide_channel": chosen.pk, "decision": "accepted"})
    pair = GuideMatch.objects.get(channel_id=channel.pk)
    assert (pair.decision, pair.decided_by, pair.reason) == (Decision.ACCEPTED, "admin", "chosen by hand")
    admin_client.post(address, {"match": pair.pk, "shift_minutes": "-60"})
    assert refs_of([channel.pk]) == {channel.pk: GuideRef("xyz", -60, source.pk)}
    listing = admin_client.get(reverse("admin:channels_channel_changelist"), {"guide": "yes"}).content.decode()
    assert "Télé Dave" in listing
    admin_client.post(address, {"match": pair.pk, "decision": "rejected"})
    jobs.match_now()
    assert accepted(channel) is None


def test_a_pair_of_another_channel_is_not_touched(admin_client):
    one, other = shown("One"), shown("Other")
    pair = GuideMatch.objects.create(channel_id=other.pk, guide_id="x")
    admin_client.post(
        reverse("admin:channels_channel_guide", args=[one.pk]), {"match": pair.pk, "decision": "accepted"}
    )
    pair.refresh_from_db()
    assert pair.decision == Decision.PROPOSED


def test_a_merge_hands_the_guide_over():
    stays, goes = shown("BBC One"), shown("BBC 1")
    GuideMatch.objects.create(channel_id=goes.pk, guide_id="bbc1.uk", decision=Decision.ACCEPTED, shift_minutes=5)
    proposal = Merge.objects.create(
        stays=stays, stays_id_kept=stays.pk, goes_id=goes.pk, goes_name=goes.name, confidence=1.0, reason="test"
    )
    merging.accept(proposal, "ann")
    assert refs_of([stays.pk]) == {stays.pk: GuideRef("bbc1.uk", 5, None)}
    assert accepted(merging.take_back(proposal, "ann")) == "bbc1.uk"


def test_the_list_asks_the_same_questions_for_any_number_of_channels(admin_client, django_assert_max_num_queries):
    for _ in range(60):
        shown()
    with django_assert_max_num_queries(25):
        page = admin_client.get(reverse("admin:channels_channel_changelist"))
    assert page.status_code == 200
