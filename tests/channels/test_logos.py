"""Logos of an owner: uploads judged and kept, given to channels and groups, counted, removed; and served."""

from __future__ import annotations

import struct
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from channels import logos
from channels.models import Channel, Group, Logo
from restreamer.lib.errors import InvalidInput
from restreamer.lib.pictures import digest, size_of
from streaming import pictures
from streaming.errors import PictureMissing
from streaming.outputs.addresses import Pictures
from tests.factories import ChannelFactory, GroupFactory, LinkFactory, ViewerFactory

pytestmark = pytest.mark.django_db
LISTING = "admin:channels_logo_changelist"


def png(width=72, height=40, more=b""):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + more


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 10 + b"\xff\xc0\x00\x11\x08\x00\x28\x00\x48" + b"\0" * 12
GIF = b"GIF89a" + struct.pack("<HH", 72, 40) + b"\0" * 20
WEBP = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (71).to_bytes(3, "little") + (39).to_bytes(3, "little")
LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 71 | 39 << 14)
LOSSY = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 72, 40)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, settings):
    settings.RESTREAMER_DATA = tmp_path


def file(data, name="logo.png"):
    return SimpleUploadedFile(name, data)


def channel_form(channel, **fields):
    form = {
        "name": channel.name, "number": "", "group": "", "enabled": "on", "logo": channel.logo, "logo_from": "",
        "guide_id": "", "links-TOTAL_FORMS": "0", "links-INITIAL_FORMS": "0",
        "delivery-TOTAL_FORMS": "0", "delivery-INITIAL_FORMS": "0",
    }  # fmt: skip
    return form | fields


def saved(client, channel, **fields):
    page = reverse("admin:channels_channel_change", args=[channel.pk])
    answer = client.post(page, channel_form(channel, **fields))
    channel.refresh_from_db()
    return answer


@pytest.mark.parametrize("data", [png(), JPEG, GIF, WEBP, LOSSLESS, LOSSY], ids=["png", "jpeg", "gif", "x", "l", "y"])
def test_every_kind_of_picture_tells_its_size(data):
    assert size_of(data) == (72, 40)
    for end in range(len(data)):
        size_of(data[:end])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no picture"), (b"<svg onload=alert(1)>", "no picture"), (b"MZ\x90", "no picture"),
        (png()[:15], "no picture"), (b"\xff\xd8\xff\xe0", "no picture"), (png(0, 40), "pixels"),
        (png(5000, 40), "pixels"), (png(more=b"\0" * 600_000), "larger than 512 KB"),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_too_large_is_refused_in_words(data, why):
    with pytest.raises(InvalidInput, match=why):
        logos.keep(data, "x")
    assert not Logo.objects.exists()


def test_a_channel_gets_an_uploaded_logo_and_players_get_it_from_us(admin_client, client, settings):
    channel = LinkFactory(channel__logo="http://provider/l.png").channel
    assert saved(admin_client, channel, logo_file=file(png())).status_code == 302
    assert channel.logo.startswith("upload:")
    viewer = ViewerFactory()
    for kept in (True, False):
        where = Pictures("", viewer.token, kept=kept).channel(channel.pk, channel.logo)
        answer = client.get(where)
        assert (answer.status_code, answer["Content-Type"], answer.getvalue()) == (200, "image/png", png())
    assert "max-age=604800" in answer["Cache-Control"]
    assert client.get(where, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert admin_client.get(reverse("logo", args=["channel", channel.pk, digest(channel.logo)])).status_code == 200
    page = admin_client.get(reverse("admin:channels_channel_change", args=[channel.pk])).content.decode()
    assert f"/logo/channel/{channel.pk}/" in page


def test_the_same_picture_is_kept_once_and_given_from_the_page_of_logos(admin_client):
    first, second, third = (ChannelFactory() for _ in range(3))
    for channel in (first, second):
        saved(admin_client, channel, logo_file=file(GIF, "a.gif"))
    row = Logo.objects.get()
    assert (row.width, row.height, row.media_type, row.size_bytes) == (72, 40, "image/gif", len(GIF))
    saved(admin_client, third, logo_from=row.pk)
    assert first.logo == second.logo == third.logo == row.reference
    listed = admin_client.get(reverse(LISTING)).context["cl"].result_list
    assert [one.uses_total for one in listed] == [3]


def test_an_upload_that_is_no_picture_is_refused_on_the_page(admin_client):
    channel = ChannelFactory(logo="http://h/l.png")
    answer = saved(admin_client, channel, logo_file=file(b"<svg>", "x.svg"))
    assert "This is no picture" in answer.content.decode()
    assert "larger than 512 KB" in saved(admin_client, channel, logo_file=file(b"x" * 600_000)).content.decode()
    assert channel.logo == "http://h/l.png"


@pytest.mark.parametrize("address", ["file:///etc/passwd", "javascript:alert(1)", "upload:nothing", "upload:", "l.png"])
def test_an_address_that_cannot_be_a_logo_is_refused(admin_client, address):
    channel = ChannelFactory()
    assert "begins with http" in saved(admin_client, channel, logo=address).content.decode()
    assert channel.logo == ""
    Channel.objects.filter(pk=channel.pk).update(logo="odd/of/the/provider.png")
    channel.refresh_from_db()
    assert saved(admin_client, channel).status_code == 302
    assert channel.logo == "odd/of/the/provider.png"


def test_a_groups_logo_is_in_the_playlist_of_groups_for_who_sees_the_group(admin_client, client):
    group = GroupFactory(name="News")
    form = {
        "name": "News", "position": "0", "logo": "", "logo_from": "", "logo_file": file(png()),
        "delivery-TOTAL_FORMS": "0", "delivery-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert admin_client.post(reverse("admin:channels_group_change", args=[group.pk]), form).status_code == 302
    group.refresh_from_db()
    LinkFactory(channel__group=group)
    GroupFactory(name="bare")
    viewer = ViewerFactory()
    text = client.get("/groups_playlist", {"token": viewer.token}).getvalue().decode()
    address = Pictures("http://testserver", viewer.token).group(group.pk, group.logo)
    assert f'tvg-logo="{address}"' in text
    assert client.get(address).getvalue() == png()
    viewer.with_live = False
    viewer.save()
    assert client.get(address).status_code == 404


def test_the_page_of_logos_takes_an_upload_or_an_address(admin_client):
    add = reverse("admin:channels_logo_add")
    assert admin_client.post(add, {"name": "Up", "file": file(png()), "address": ""}).status_code == 302
    assert admin_client.post(add, {"name": "There", "address": "http://h/l.png"}).status_code == 302
    assert "one of the two" in admin_client.post(add, {"name": "x", "address": ""}).content.decode()
    both = {"name": "x", "address": "http://h/2.png", "file": file(GIF)}
    assert "one of the two" in admin_client.post(add, both).content.decode()
    assert "An address begins" in admin_client.post(add, {"name": "x", "address": "ftp://h"}).content.decode()
    assert admin_client.post(add, {"name": "Again", "file": file(png()), "address": ""}).status_code == 302
    assert set(Logo.objects.values_list("name", flat=True)) == {"Up", "There"}, "the same picture is one"
    row = Logo.objects.get(address="")
    shown = admin_client.get(reverse("logo", args=["library", row.pk, digest(row.reference)]))
    assert shown.getvalue() == png()
    change = reverse("admin:channels_logo_change", args=[row.pk])
    assert admin_client.post(change, {"name": "Renamed"}).status_code == 302
    assert Logo.objects.get(pk=row.pk).blob == png()


def test_a_viewer_cannot_read_the_page_of_logos(client):
    row = logos.keep(png(), "x")
    where = f"{reverse('logo', args=['library', row.pk, digest(row.reference)])}?token={ViewerFactory().token}"
    assert client.get(where).status_code == 404


def test_unused_logos_are_shown_and_removed_together(admin_client):
    used, idle = logos.keep(png(), "used"), logos.keep(GIF, "idle")
    named = Logo.objects.create(name="address", address="http://h/l.png")
    Group.objects.create(name="g", logo=used.reference)
    ChannelFactory(logo=named.address)
    page = reverse("admin:channels_logo_unused")
    text = admin_client.get(page).content.decode()
    assert "idle" in text
    assert "Remove 1<" in text
    assert Logo.objects.count() == 3, "asking removes nothing"
    found = admin_client.get(reverse(LISTING), {"used": "no"}).context["cl"].result_list
    assert [one.pk for one in found] == [idle.pk]
    admin_client.post(page, {"logo": [idle.pk, used.pk]})
    assert set(Logo.objects.values_list("name", flat=True)) == {"used", "address"}, "what is used stays"
    assert "Every logo is used" in admin_client.get(page).content.decode()


def test_a_logo_that_is_deleted_is_taken_from_who_has_it(admin_client):
    row = logos.keep(png(), "x")
    channel, group = ChannelFactory(logo=row.reference), GroupFactory(logo=row.reference)
    other = ChannelFactory(logo="http://h/l.png")
    form = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    page = admin_client.post(reverse(LISTING), form, follow=True).content.decode()
    assert "2 channel(s) and group(s) have no logo any more" in page
    for one in (channel, group, other):
        one.refresh_from_db()
    assert (channel.logo, group.logo, other.logo) == ("", "", "http://h/l.png")


def test_a_removed_upload_is_no_picture_and_asks_nobody(settings):
    row = logos.keep(png(), "x")
    reference = row.reference
    row.delete()
    with pytest.raises(PictureMissing):
        pictures.picture(reference, pictures.Way(fence=None))
