"""How a channel is delivered: a row per rule, and the rows of the database behind it."""

from __future__ import annotations

from itertools import product

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from restreamer.lib.errors import ConfigurationError, InvalidInput
from streaming.candidates import channel_key, stream_key
from streaming.deliver import deliver, deliver_as_usual, profile_named
from streaming.deliveries import Deliveries
from streaming.delivery import RELAY, Choice, Mode, decide
from streaming.ffmpeg.profiles import TRANSCODE, Profile
from streaming.models import Delivery, TranscodeProfile
from tests.factories import ChannelFactory, GroupFactory, LinkFactory, PortalFactory

SMALL = Profile("small")


def chose(mode: Mode, level: str, profile: Profile | None = None) -> Choice:
    return Choice(mode, profile, level)


CHANNEL, GROUP, PORTAL = (chose(Mode.TRANSCODE, level, SMALL) for level in ("channel", "group", "portal"))
AWAY = chose(Mode.REDIRECT, "portal", SMALL)

TABLE = [
    ("nothing chosen is relayed", {}, RELAY),
    ("the settings' choice", {"default": chose(Mode.TRANSCODE, "settings", SMALL)}, ("settings", Mode.TRANSCODE)),
    ("a portal's before the settings'", {"portal": PORTAL}, ("portal", Mode.TRANSCODE)),
    ("a group's before a portal's", {"portal": PORTAL, "group": GROUP}, ("group", Mode.TRANSCODE)),
    ("a channel's before all", {"portal": PORTAL, "group": GROUP, "channel": CHANNEL}, ("channel", Mode.TRANSCODE)),
    ("a channel's relay before a group's transcode", {"channel": RELAY, "group": GROUP}, RELAY),
    ("who may is redirected", {"portal": AWAY, "may_redirect": True}, AWAY),
    ("who may not is relayed", {"portal": AWAY}, ("portal", Mode.RELAY)),
    ("behind a proxy nobody is redirected", {"portal": AWAY, "may_redirect": True, "reachable": False},
     ("portal", Mode.RELAY)),
    ("who may be redirected is relayed where that is chosen", {"channel": RELAY, "may_redirect": True}, RELAY),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_rule(asked, expected):
    found = decide(**asked)
    assert (found if isinstance(expected, Choice) else (found.level, found.mode)) == expected


def test_a_transcode_without_a_profile_is_the_ready_made_one():
    assert decide(default=Choice(Mode.TRANSCODE)).profile == TRANSCODE


def test_nobody_who_may_not_is_ever_redirected():
    choices = [None, *(Choice(mode) for mode in Mode)]
    for channel, group, portal, default in product(choices, choices, choices, choices[1:]):
        assert decide(channel=channel, group=group, portal=portal, default=default).mode is not Mode.REDIRECT


# Rows ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def profile(db) -> TranscodeProfile:
    return TranscodeProfile.objects.create(name="Tiny", height=240, video_kbps=300, preset="ultrafast")


@pytest.fixture
def channel(profile):
    return LinkFactory(channel__group=GroupFactory()).channel


def of(channel, **kwargs) -> Choice:
    portal = channel.links.get().stream.portal
    return Deliveries(channel_key(channel.pk), [portal]).of(portal, **kwargs)


def test_the_most_specific_row_wins_and_can_be_taken_back(channel, profile):
    portal = channel.links.get().stream.portal
    deliver([portal], Mode.REDIRECT)
    deliver([channel.group], Mode.TRANSCODE, profile)
    deliver([channel], Mode.RELAY, profile)

    assert of(channel) == Choice(Mode.RELAY, profile.profile(), "channel")
    deliver_as_usual([channel])
    assert of(channel) == Choice(Mode.TRANSCODE, profile.profile(), "group")
    deliver_as_usual([channel.group])
    assert of(channel, may_redirect=True) == Choice(Mode.REDIRECT, None, "portal")
    deliver_as_usual([portal])
    assert of(channel) == Choice(Mode.RELAY)


def test_another_channel_s_choice_does_not_matter(channel, profile):
    deliver([ChannelFactory(), GroupFactory(), PortalFactory()], Mode.TRANSCODE, profile)
    assert of(channel) == RELAY


def test_one_question_is_enough(channel, django_assert_num_queries):
    portal = channel.links.get().stream.portal
    with django_assert_num_queries(1):
        Deliveries(channel_key(channel.pk), [portal]).of(portal)


def test_a_stream_of_no_channel_has_its_portal_s_choice(profile):
    portal = PortalFactory()
    deliver([portal], Mode.TRANSCODE, profile)
    assert Deliveries(stream_key(1), [portal]).of(portal).mode is Mode.TRANSCODE


def test_the_settings_decide_where_nobody_chose(channel, profile, settings):
    settings.DELIVERY, settings.DELIVERY_PROFILE = "transcode", "Tiny"
    assert of(channel) == Choice(Mode.TRANSCODE, profile.profile())
    settings.DELIVERY_PROFILE = "Gone"
    with pytest.raises(ConfigurationError, match="RESTREAMER_DELIVERY_PROFILE='Gone' names no profile"):
        of(channel)


def test_choosing_again_changes_the_row(channel, profile):
    assert deliver([channel], Mode.RELAY) == 1
    assert deliver([channel], Mode.RELAY) == 0
    assert deliver([channel], Mode.TRANSCODE, profile) == 1
    assert Delivery.objects.count() == 1


def test_a_transcode_needs_its_profile_and_a_row_its_subject(channel):
    with pytest.raises(InvalidInput, match="Choose the profile"):
        deliver([channel], Mode.TRANSCODE)
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(channel=channel, group=channel.group)
    with pytest.raises(ValidationError, match="Choose one channel, one group or one portal"):
        Delivery().full_clean()


def test_a_profile_that_cannot_work_is_not_kept(db):
    with pytest.raises(ValidationError, match="height 20"):
        TranscodeProfile(name="x", height=20).full_clean()


def test_an_unknown_profile_is_answered_with_those_there_are(profile):
    assert profile_named("tiny") == profile
    with pytest.raises(InvalidInput, match="'Tiny'"):
        profile_named("huge")
