"""What may be deleted on its page can be, however much hangs on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import CASCADE, Model
from django.test import RequestFactory
from django.urls import reverse

from channels.models import Channel, Merge
from guide.models import EpgSource, GuideChannel, Programme
from portals.models import Portal, Run, RunKind
from tests.factories import (
    ChannelFactory,
    LinkFactory,
    PortalFactory,
    SubscriptionFactory,
)

pytestmark = pytest.mark.django_db


def page(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_delete", args=[row.pk])


def deleted(client, row: Model, **fields: str) -> None:
    asked = client.get(page(row))
    assert b"permission" not in asked.content
    client.post(page(row), {"post": "yes", **fields})
    assert not type(row).objects.filter(pk=row.pk).exists()  # type: ignore[attr-defined]


@pytest.fixture
def portal():
    """One that was refreshed: with runs, genres and streams, one of them not alone in its channel."""
    portal = PortalFactory(name="Mine")
    SubscriptionFactory(portal=portal)
    Run.objects.create(portal=portal, kind=RunKind.LIVE)
    LinkFactory(stream__portal=portal, channel__name="Alone")
    shared = ChannelFactory(name="Shared")
    LinkFactory(stream__portal=portal, channel=shared)
    LinkFactory(channel=shared)
    return portal


def names() -> list[str]:
    return sorted(Channel.objects.values_list("name", flat=True))


def test_a_refreshed_portal_goes_with_what_nothing_else_feeds(admin_client, portal):
    asked = admin_client.get(page(portal)).content.decode()
    assert "Mine: 1 channels that nothing else feeds" in asked
    deleted(admin_client, portal)
    assert names() == ["Shared"]


def test_a_portals_channels_can_be_kept(admin_client, portal):
    deleted(admin_client, portal, keep_fed="on")
    assert names() == ["Alone", "Shared"]


def test_portals_chosen_in_the_list_go_too(admin_client, portal):
    chosen = {"action": "delete_selected", "_selected_action": [portal.pk], "post": "yes"}
    admin_client.post(reverse("admin:portals_portal_changelist"), chosen)
    assert not Portal.objects.filter(pk=portal.pk).exists()
    assert names() == ["Shared"]


def test_a_guide_that_was_read_is_counted_and_goes(admin_client):
    source = EpgSource.objects.create(name="Guide", kind="url", address="http://h/g.xml")
    channel = GuideChannel.objects.create(source=source, generation=1, key="a", xmltv_id="a")
    for hour in range(3):
        start = datetime(2026, 1, 1, hour, tzinfo=UTC)
        Programme.objects.create(channel=channel, start=start, stop=start + timedelta(hours=1), title="x")
    asked = admin_client.get(page(source)).content.decode()
    assert "Broadcasts: 3" in asked
    deleted(admin_client, source)
    assert not EpgSource.objects.exists()


def test_a_channel_others_were_merged_into_goes(admin_client):
    channel = ChannelFactory()
    Merge.objects.create(stays=channel, stays_id_kept=channel.pk, goes_id=1, goes_name="x", confidence=1.0)
    deleted(admin_client, channel)


def falls_with(model: type[Model], found: set[type[Model]]) -> set[type[Model]]:
    """All models whose rows the database takes along, level by level."""
    for field in model._meta.get_fields(include_hidden=True):
        below = field.related_model
        if field.auto_created and getattr(field, "on_delete", None) is CASCADE and below not in found:
            found.add(below)
            falls_with(below, found)
    return found


def test_no_page_refuses_for_the_sake_of_what_hangs_on_it(rf: RequestFactory):
    """Django refuses where a page of what falls along forbids deleting; each such model must answer for itself."""
    request = rf.get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    pages = admin.site._registry
    never = {model for model, one in pages.items() if not one.has_delete_permission(request)}
    refusing = {
        model.__name__
        for model, one in pages.items()
        if model not in never and never & falls_with(model, set()) and "get_deleted_objects" not in vars(type(one))
    }
    assert refusing == set()
