"""Many channels at once: numbers, names, merging; and what is removed in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from channels import bulk_changes, merging
from channels.models import Channel, GenreMap, Merge, Stream
from channels.stale import remove_stale
from portals import refreshing, runs
from portals.models import Genre, RunKind
from portals.providers.records import GenreRecord, StreamRecord
from restreamer.cron import DUTIES
from restreamer.lib.errors import InvalidInput
from tests.factories import ChannelFactory, GenreFactory, LinkFactory, PortalFactory, StreamFactory

pytestmark = pytest.mark.django_db
LISTING = "admin:channels_channel_changelist"


def posted(client, action, channels, **fields):
    data = {"action": action, "_selected_action": [c.pk for c in channels], **fields}
    return client.post(reverse(LISTING), data, follow=True)


def numbered(mode, first=1, last=0):
    channels = list(Channel.objects.exclude(name="Other").order_by("pk"))
    return [(change.after, change.clash) for change in bulk_changes.numbers(channels, mode, first, last)]


def test_numbers_run_from_a_first_one_take_free_ones_or_follow_the_portal():
    for number in ("31", "32", "x"):
        LinkFactory(channel=ChannelFactory(), stream=StreamFactory(number=number))
    ChannelFactory(name="Other", number=11)
    assert numbered("from", 10) == [("10", ""), ("11", "Other"), ("12", "")]
    assert numbered("next_free", 10) == [("10", ""), ("12", ""), ("13", "")]
    assert numbered("provider") == [("31", ""), ("32", ""), ("", "")]
    assert numbered("none") == [("", "")] * 3
    with pytest.raises(InvalidInput, match="3 channels do not fit into 10 to 12"):
        numbered("next_free", 10, 12)


def test_the_page_shows_numbers_first_and_writes_them_then(admin_client):
    channels = [ChannelFactory(number=n) for n in (5, 5)]
    page = posted(admin_client, "number", channels, preview="1", mode="from", first="20", last="0").content.decode()
    assert "5 → <span" in page
    assert "Number 5 is used 2 times" in page
    assert set(Channel.objects.values_list("number", flat=True)) == {5}
    posted(admin_client, "number", channels, apply="1", mode="from", first="20", last="0")
    assert set(Channel.objects.values_list("number", flat=True)) == {20, 21}


def test_all_that_was_found_is_numbered_without_naming_each(admin_client):
    ChannelFactory.create_batch(60, name="Sport")
    other = ChannelFactory(name="News", number=3)
    address = reverse(LISTING) + "?q=Sport"
    form = {
        "action": "number",
        "_selected_action": "0",
        "select_across": "1",
        "mode": "from",
        "first": "100",
        "last": "0",
    }
    page = admin_client.post(address, {**form, "preview": "1"}).content.decode()
    assert 'name="select_across" value="1"' in page
    assert page.count('name="_selected_action"') == 1
    admin_client.post(address, {**form, "apply": "1"})
    assert set(Channel.objects.filter(name="Sport").values_list("number", flat=True)) == set(range(100, 160))
    other.refresh_from_db()
    assert other.number == 3


def test_the_page_shows_names_first_and_writes_them_then(admin_client):
    channels = [ChannelFactory(name="UK: BBC One"), ChannelFactory(name="ITV")]
    page = posted(admin_client, "rename", channels, preview="1", pattern=r"^UK: ", replacement="").content.decode()
    assert "UK: BBC One → <span" in page
    assert posted(admin_client, "rename", channels, preview="1", pattern="(", replacement="").status_code == 200
    posted(admin_client, "rename", channels, apply="1", pattern=r"^UK: (.+)", replacement=r"\1 (UK)")
    assert set(Channel.objects.values_list("name", flat=True)) == {"BBC One (UK)", "ITV"}


def test_a_new_name_tells_quality_and_country_anew(admin_client):
    channel = ChannelFactory(name="UK: Kitchen HD")
    assert (channel.quality, channel.country) == ("hd", "gb")
    posted(admin_client, "rename", [channel], apply="1", pattern=r"^UK: Kitchen HD$", replacement="DE: Kitchen 4K")
    channel.refresh_from_db()
    assert (channel.name, channel.quality, channel.country) == ("DE: Kitchen 4K", "uhd", "de")


def test_overlapping_ranges_are_reported():
    for first, last in ((1, 100), (90, 150)):
        GenreMap.objects.create(genre=GenreFactory(), numbering="next_free", number_from=first, number_to=last)
    assert "overlap" in bulk_changes.conflicts()[0]


def test_channels_are_merged_split_and_ordered_by_hand(admin_client):
    channels = [ChannelFactory(name=f"C{n}") for n in range(3)]
    for channel, name in zip(channels, ("One SD", "One", "One FHD"), strict=True):
        LinkFactory(channel=channel, stream=StreamFactory(name=name))
    posted(admin_client, "merge", channels)
    stays = Channel.objects.get()
    assert stays.pk == channels[0].pk
    assert [s.name for s in stays.streams.order_by("link__rank")] == ["One FHD", "One", "One SD"]
    for merge in Merge.objects.filter(state=Merge.State.ACCEPTED).order_by("-pk"):
        merging.take_back(merge, "ann")
    assert Channel.objects.count() == 3
    posted(admin_client, "merge", channels)
    posted(admin_client, "split", [stays])
    assert Channel.objects.count() == 3


@pytest.fixture
def gone():
    """A portal with a stream that vanished 40 days ago, and its channel as it was born."""
    portal = PortalFactory(remove_stale_days=30)
    since = timezone.now() - timedelta(days=40)
    stream = StreamFactory(portal=portal, name="Gone", stale_since=since)
    return LinkFactory(stream=stream, channel=ChannelFactory(name="Gone", enabled=False))


def test_what_is_gone_for_long_is_removed_with_its_channel(gone):
    StreamFactory(portal=gone.stream.portal, stale_since=timezone.now())
    assert remove_stale(timezone.now()) == 1
    assert not Channel.objects.exists()
    assert Stream.objects.count() == 1
    assert "channels gone for long" in {duty.name for duty in DUTIES}


@pytest.mark.parametrize(
    "touch", [{"enabled": True}, {"name": "Mine"}, {"number": 7}, {"guide_id": "x"}, {"favourite": True}]
)
def test_nothing_is_removed_under_a_curator(gone, touch):
    Channel.objects.update(**touch)
    assert remove_stale(timezone.now()) == 0
    assert Channel.objects.filter(links__stream__name="Gone").exists()


def test_a_merged_channel_keeps_its_vanished_streams(gone):
    LinkFactory(channel=gone.channel, stream=StreamFactory())
    assert remove_stale(timezone.now()) == 0


def test_zero_days_keep_everything(gone):
    gone.stream.portal.remove_stale_days = 0
    gone.stream.portal.save()
    assert remove_stale(timezone.now()) == 0


def test_new_genres_are_left_out_where_the_owner_wants_that(monkeypatch):
    listed = {"7": "News"}

    class Listed:
        def live_genres(self):
            return [GenreRecord(i, name) for i, name in listed.items()]

        def live_streams(self, progress):
            yield from (StreamRecord(i, name, genre_id=i) for i, name in listed.items())

    monkeypatch.setattr("channels.refresh.provider_for", lambda portal: Listed())
    portal = PortalFactory(new_live_genres="leave")

    def refresh():
        portal.refresh_from_db()
        refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))
        return set(Stream.objects.values_list("name", flat=True))

    assert refresh() == {"News"}
    listed["8"] = "Casino"
    assert refresh() == {"News"}
    assert refresh() == {"News"}
    assert Genre.objects.get(provider_id="8").map.ignored
    GenreMap.objects.update(ignored=False)
    assert refresh() == {"News", "Casino"}
