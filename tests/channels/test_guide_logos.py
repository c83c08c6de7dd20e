"""Icons of guide channels as logos of ours: only where there is none, by hand or by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from channels.guide_logos import take_given
from channels.models import Channel
from channels.stale import remove_stale
from guide import matchmaking
from guide.jobs import match_now
from guide.models import Decision, EpgSource, GuideChannel, GuideMatch
from guide.refresh import refresh
from tests.factories import ChannelFactory, LinkFactory

pytestmark = pytest.mark.django_db

XMLTV = """<?xml version="1.0"?><tv>
<channel id="bbc1.uk"><display-name>BBC One</display-name><icon src="http://h/bbc1.png"/></channel>
<programme start="{start} +0000" stop="{stop} +0000" channel="bbc1.uk"><title>News</title></programme>
</tv>"""


@pytest.fixture
def source():
    return EpgSource.objects.create(name="Guide", address="http://127.0.0.1:9/x.xml", live_generation=1)


def guide_channel(source, guide_id="bbc1.uk", icon="http://h/bbc1.png", generation=1):
    return GuideChannel.objects.create(
        source=source, generation=generation, key=guide_id.lower(), xmltv_id=guide_id, names=[guide_id], icon=icon
    )


def matched(source, channel, guide_id="bbc1.uk", decision=Decision.ACCEPTED, by=matchmaking.MATCHER):
    return GuideMatch.objects.create(
        channel_id=channel.pk, source=source, guide_id=guide_id, decision=decision, decided_by=by
    )


def logo_of(channel):
    return Channel.objects.values_list("logo", flat=True).get(pk=channel.pk)


def test_by_hand_only_channels_without_a_logo_take_one(admin_client, source):
    guide_channel(source)
    bare, dressed, unmatched, proposed = (
        ChannelFactory(),
        ChannelFactory(logo="http://me/l.png"),
        ChannelFactory(),
        ChannelFactory(),
    )
    for channel in (bare, dressed):
        matched(source, channel, "BBC1.uk")
    matched(source, proposed, decision=Decision.PROPOSED)
    everybody = [c.pk for c in (bare, dressed, unmatched, proposed)]
    form = {"action": "take_icons", "_selected_action": everybody}
    page = admin_client.post(reverse("admin:channels_channel_changelist"), form, follow=True).content.decode()
    assert "1 channel(s) took the icon" in page
    assert [logo_of(c) for c in (bare, dressed, unmatched, proposed)] == [
        "http://h/bbc1.png",
        "http://me/l.png",
        "",
        "",
    ]
    page = admin_client.post(reverse("admin:channels_channel_changelist"), form, follow=True).content.decode()
    assert "No icon for any of them" in page


@pytest.mark.parametrize("icon", ["", "data:image/png;base64,xx", "file:///etc/passwd", "javascript:alert(1)"])
def test_what_is_no_address_on_the_web_is_no_logo(source, icon):
    guide_channel(source, icon=icon)
    channel = ChannelFactory()
    matched(source, channel)
    EpgSource.objects.update(icons_as_logos=True)
    assert take_given() == 0
    assert logo_of(channel) == ""


def test_guides_give_by_themselves_only_where_the_owner_said_so(source):
    guide_channel(source)
    channel = ChannelFactory()
    matched(source, channel)
    assert take_given() == 0
    EpgSource.objects.update(icons_as_logos=True)
    GuideChannel.objects.update(generation=2)
    assert take_given() == 0, "of a guide nobody reads yet"
    EpgSource.objects.update(live_generation=2)
    assert take_given() == 1
    assert logo_of(channel) == "http://h/bbc1.png"


def test_an_import_and_a_match_give_icons_to_channels_that_got_their_guide(source, tmp_path, settings):
    settings.PLAYLIST_FOLDERS = [str(tmp_path)]
    start = timezone.now()
    path = tmp_path / "guide.xml"
    times = {"start": f"{start:%Y%m%d%H%M%S}", "stop": f"{start + timedelta(hours=1):%Y%m%d%H%M%S}"}
    path.write_text(XMLTV.format(**times))
    EpgSource.objects.update(kind="file", address=str(path), icons_as_logos=True, live_generation=0)
    source.refresh_from_db()
    first = LinkFactory(channel__name="BBC One", stream__name="BBC One").channel
    refresh(source, now=timezone.now())
    assert logo_of(first) == "http://h/bbc1.png"
    second = LinkFactory(channel__name="BBC One", stream__name="BBC One HD").channel
    match_now()
    assert logo_of(second) == "http://h/bbc1.png"


def test_a_logo_a_guide_gave_keeps_no_channel_that_is_gone(source):
    guide_channel(source)
    gone = LinkFactory(
        channel__name="A", channel__enabled=False, stream__name="A", stream__stale_since="2026-01-01T00:00Z"
    )
    matched(source, gone.channel)
    EpgSource.objects.update(icons_as_logos=True)
    assert take_given() == 1
    Channel.objects.update(logo="http://me/mine.png")
    assert remove_stale(timezone.now()) == 0
    Channel.objects.update(logo="http://h/bbc1.png")
    assert remove_stale(timezone.now()) == 1
