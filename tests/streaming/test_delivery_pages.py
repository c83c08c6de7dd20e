"""The pages and the command about delivery: who may write what, and what a trial says."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from restreamer.lib.errors import RestreamerError
from streaming.ffmpeg.profiles import TRANSCODE, Kind, Profile
from streaming.models import Delivery, TranscodeProfile
from streaming.profile_trial import try_profile
from tests.factories import GroupFactory, LinkFactory

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Mine", "kind": "transcode", "height": "240", "video_kbps": "300", "audio_kbps": "64", "gop_s": "2",
    "preset": "ultrafast", "acceleration": "none", "device": "/dev/dri/renderD128",
}  # fmt: skip
COMMAND = {**FORM, "kind": "custom", "template": "ffmpeg -i <url> -c copy -f mpegts pipe:1"}
ADD = "admin:streaming_transcodeprofile_add"


@pytest.fixture
def curator() -> Client:
    """May do everything with deliveries and profiles, and is no administrator."""
    user = User.objects.create_user("curator", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label__in=["streaming", "channels"]))
    client = Client()
    client.force_login(user)
    return client


def test_an_administrator_makes_a_command(admin_client):
    assert admin_client.post(reverse(ADD), COMMAND).status_code == 302
    assert TranscodeProfile.objects.get(name="Mine").template == COMMAND["template"]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("ffmpeg -i <url> | cat", "No shell"),
        ("ffmpeg -i <link> <url>", "&lt;link&gt;"),
        ("bash -c <url>", "not a shell"),
    ],
)
def test_a_command_that_cannot_work_is_refused_where_it_is_typed(admin_client, template, said):
    answer = admin_client.post(reverse(ADD), {**COMMAND, "template": template})
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not TranscodeProfile.objects.filter(name="Mine").exists()


def test_a_curator_makes_sizes_but_no_commands(curator):
    assert curator.post(reverse(ADD), {**FORM, "output_arguments": "-y /tmp/x"}).status_code == 302
    assert TranscodeProfile.objects.get(name="Mine").output_arguments == ""
    assert curator.post(reverse(ADD), {**COMMAND, "name": "Theirs"}).status_code == 200
    assert not TranscodeProfile.objects.filter(name="Theirs").exists()


def test_a_curator_cannot_change_a_command(curator):
    row = TranscodeProfile.objects.create(name="Mine", kind="custom", template=COMMAND["template"])
    change = reverse("admin:streaming_transcodeprofile_change", args=[row.pk])
    assert curator.post(change, {**FORM, "name": "Changed"}).status_code == 403
    row.refresh_from_db()
    assert row.name == "Mine"


def test_a_channel_s_page_holds_its_delivery(admin_client):
    channel = LinkFactory().channel
    profile = TranscodeProfile.objects.create(name="Mine")
    link = channel.links.get()
    answer = admin_client.post(
        reverse("admin:channels_channel_change", args=[channel.pk]),
        {
            "name": channel.name, "enabled": "on",
            "links-TOTAL_FORMS": "1", "links-INITIAL_FORMS": "1", "links-0-id": link.pk,
            "links-0-channel": channel.pk, "links-0-stream": link.stream_id, "links-0-rank": "0",
            "delivery-TOTAL_FORMS": "1", "delivery-INITIAL_FORMS": "0",
            "delivery-0-channel": channel.pk, "delivery-0-mode": "transcode", "delivery-0-profile": profile.pk,
        },
    )  # fmt: skip
    assert answer.status_code == 302, answer.context["errors"]
    assert Delivery.objects.get().choice().profile == profile.profile()


def test_the_trial_of_a_stranger_is_refused(client):
    row = TranscodeProfile.objects.create(name="Mine")
    answer = client.post(reverse("admin:streaming_transcodeprofile_test", args=[row.pk]))
    assert "/login/" in answer["Location"]


# A trial --------------------------------------------------------------------------------------------------------------


@pytest.mark.ffmpeg
def test_a_trial_says_what_came_out(admin_client):
    row = TranscodeProfile.objects.create(name="Mine", height=180, preset="ultrafast", video_kbps=300)
    answer = admin_client.post(reverse("admin:streaming_transcodeprofile_test", args=[row.pk]), follow=True)
    assert "It works: h264 320×180 25 fps · aac" in answer.content.decode()


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (Profile("x", Kind.CUSTOM, template="no-such-program <url>"), "no program 'no-such-program'"),
        (Profile("x", Kind.CUSTOM, template="echo <url>"), "does not write MPEG-TS"),
        (Profile("x", Kind.TRANSCODE, output_arguments="-c:v no_such_encoder"), "no_such_encoder"),
    ],
)
def test_a_trial_says_why_it_does_not_work(profile, said):
    with pytest.raises(RestreamerError, match=said):
        try_profile(profile)


@pytest.mark.ffmpeg
def test_a_command_of_one_s_own_is_tried_too():
    assert "h264 1280×720" in try_profile(Profile("x", Kind.CUSTOM, template=COMMAND["template"]))


def test_without_ffmpeg_the_trial_says_what_to_install(monkeypatch, settings):
    settings.FFMPEG = "/nowhere/ffmpeg"
    with pytest.raises(RestreamerError, match="cannot be run"):
        try_profile(TRANSCODE)


# The command ------------------------------------------------------------------------------------------------------


def manage(capsys, *words: str):
    call_command("channel", *words, "--json")
    return json.loads(capsys.readouterr().out)


def test_the_command_chooses_shows_and_takes_back(capsys):
    channel, group = LinkFactory().channel, GroupFactory(name="Sport")
    TranscodeProfile.objects.create(name="Tiny")

    chosen = manage(
        capsys, "deliver", "transcode", "--channel", str(channel.pk), "--group", "Sport", "--profile", "tiny"
    )
    assert chosen["changed"] == 2
    assert manage(capsys, "deliver") == [
        {"kind": "channel", "id": channel.pk, "name": channel.name, "mode": "transcode", "profile": "Tiny"},
        {"kind": "group", "id": group.pk, "name": "Sport", "mode": "transcode", "profile": "Tiny"},
    ]
    assert manage(capsys, "deliver", "usual", "--group", "Sport")["changed"] == 1
    assert [row["kind"] for row in manage(capsys, "deliver")] == ["channel"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["relay"], "Say what"),
        (["relay", "--group", "Nobody"], "No group is called"),
        (["relay", "--channel", "99999"], "No channel has the id 99999"),
        (["transcode", "--group", "Sport", "--profile", "Huge"], "No profile is called"),
        (["transcode", "--group", "Sport"], "Choose the profile"),
    ],
)
def test_the_command_says_what_is_wrong(capsys, words, said):
    GroupFactory(name="Sport")
    with pytest.raises(SystemExit) as ended:
        call_command("channel", "deliver", *words, "--json")
    assert ended.value.code == 1
    assert said in json.loads(capsys.readouterr().out)["error"]
