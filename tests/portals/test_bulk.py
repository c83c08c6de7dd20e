"""Many rows in one go are the same rows on every database, whatever stands in them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from channels.models import Channel, Group, Stream
from portals import bulk
from restreamer.lib import versions
from tests.factories import GroupFactory, PortalFactory
from tests.settings import WITH_POSTGRES

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
FIELDS = (
    "portal", "provider_id", "name", "cmd", "provider_data", "offered_to", "position", "is_radio", "stale_since",
    "first_seen_at", "number", "logo", "guide_id", "censored", "subscribed", "archive_hours", "fingerprint", "id",
)  # fmt: skip
REST = {
    "number": "", "logo": "", "guide_id": "", "censored": False, "subscribed": True, "archive_hours": 0,
    "fingerprint": "",
}  # fmt: skip
CHANNEL = ("id", "name", "number", "created_at", "logo", "guide_id", "enabled", "is_radio", "adult")

HARD_TEXTS = [
    """'; DROP TABLE "channels_stream"; --""",
    "100 %s %(name)s %%",
    r"back\slash \n \u0000 \\",
    '"quoted" {braces} [brackets]',
    "tab\tand\nline\r\n",
    "Größe 中文 عربى 🎬 \u202e\ufeff",
    "\\N",
    "",
]


@pytest.fixture
def portal():
    return PortalFactory()


def row(portal, pk, name="Name", **given):
    values = {
        **REST,
        "portal": portal.pk,
        "provider_id": f"id {pk}",
        "name": name,
        "cmd": "",
        "provider_data": bulk.prepared({}),
        "offered_to": bulk.prepared([]),
        "position": pk,
        "is_radio": False,
        "stale_since": None,
        "first_seen_at": bulk.prepared(NOW),
        "id": pk,
    }
    return tuple({**values, **given}[name] for name in FIELDS)


def channel(pk, name, number=None):
    return (pk, name, number, bulk.prepared(NOW), "", "", True, False, False)


def insert(portal, count, **given):
    with transaction.atomic():
        keys = bulk.fresh_keys(Stream, count)
        bulk.insert(Stream, FIELDS, [row(portal, pk, **given) for pk in keys])
    return keys


def test_every_kind_of_value_comes_back_as_it_was(portal):
    data = {"headers": {"User-Agent": HARD_TEXTS[0]}, "n": [1, 2.5, None, True], "text": HARD_TEXTS[2]}
    given = {"provider_data": bulk.prepared(data), "offered_to": bulk.prepared([7, 9]), "is_radio": True}
    [pk] = insert(portal, 1, stale_since=bulk.prepared(NOW), **given)
    stored = Stream.objects.get(pk=pk)
    assert (stored.provider_data, stored.offered_to, stored.is_radio) == (data, [7, 9], True)
    assert stored.stale_since == stored.first_seen_at == NOW
    bulk.insert(Channel, CHANNEL, [channel(5, "A", bulk.prepared(Decimal("7.10"))), channel(6, "B")])
    assert list(Channel.objects.order_by("id").values_list("number", flat=True)) == [Decimal("7.10"), None]


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_texts_mean_nothing_to_the_database(portal, text):
    [pk] = insert(portal, 1, name=text, cmd=text, provider_data=bulk.prepared({text: text}))
    stored = Stream.objects.get(pk=pk)
    assert (stored.name, stored.cmd, stored.provider_data) == (text, text, {text: text})
    bulk.assign(Stream, ("name", "provider_data"), [(text + "!", bulk.prepared([text]), pk)])
    stored.refresh_from_db()
    assert (stored.name, stored.provider_data) == (text + "!", [text])


def test_fresh_keys_are_nobody_elses(portal):
    first = insert(portal, 3)
    Stream.objects.filter(pk=first[-1]).delete()
    second = insert(portal, 2)
    by_itself = Stream.objects.create(portal=portal, provider_id="x", name="X", first_seen_at=NOW)
    assert len({*first, *second, by_itself.pk}) == 6
    assert min(second) > max(first)
    assert by_itself.pk > max(second)


def test_an_upsert_overwrites_what_it_names_and_nothing_else(portal):
    keys = insert(portal, 2)
    fresh = row(portal, keys[1] + 1, name="Third")
    rows = [row(portal, keys[0], name="Other", cmd="other"), fresh]
    bulk.upsert(Stream, FIELDS, rows, update=("name",))
    assert list(Stream.objects.order_by("id").values_list("name", "cmd")) == [
        ("Other", ""),
        ("Name", ""),
        ("Third", ""),
    ]


def test_of_rows_that_are_kept_apart_the_first_stays(portal):
    [pk] = insert(portal, 1)
    twins = [row(portal, n, name=f"Twin {n}", provider_id="twin") for n in (pk + 1, pk + 2)]
    again = row(portal, pk + 3, name="Again", provider_id=f"id {pk}")
    bulk.insert(Stream, FIELDS, [*twins, again], ignore_conflicts=True)
    assert list(Stream.objects.order_by("id").values_list("name", flat=True)) == ["Name", f"Twin {pk + 1}"]


@pytest.mark.parametrize(
    ("wrong", "only_postgres"),
    [
        ({"provider_id": "twin"}, False),
        ({"name": None}, False),
        ({"position": -1}, False),
        ({"name": "x" * 501}, True),
        ({"name": "NUL \x00"}, True),
        ({"provider_data": '{"a": "\\u0000"}'}, True),
    ],
)
def test_one_row_that_cannot_be_stored_leaves_none(portal, wrong, only_postgres):
    """SQLite takes texts of any length and NUL; `storable` keeps both away from it too."""
    if only_postgres and not WITH_POSTGRES:
        pytest.skip("SQLite takes it")
    insert(portal, 1, provider_id="twin")
    pks = [100, 101, 102]
    rows = [row(portal, pk) for pk in pks]
    rows[1] = row(portal, 101, **wrong)
    with pytest.raises(DatabaseError), transaction.atomic():
        bulk.insert(Stream, FIELDS, rows)
    assert Stream.objects.count() == 1


def test_statements_do_not_grow_with_the_rows(portal):
    def statements(count):
        with CaptureQueriesContext(connection) as queries:
            keys = insert(portal, count)
            bulk.upsert(Stream, FIELDS, [row(portal, pk, name="B") for pk in keys], update=("name",))
            bulk.assign(Stream, "name", [("C", pk) for pk in keys])
        return len(queries)

    assert statements(2) == statements(300)
    assert set(Stream.objects.values_list("name", flat=True)) == {"C"}


@pytest.mark.django_db(transaction=True)
def test_each_way_is_heard_by_those_who_wait_for_a_new_version():
    versions.listen()
    connection.close()
    connection.ensure_connection()
    group = GroupFactory()
    seen = {versions.current(["live"])}
    for write in (
        lambda: bulk.insert(Channel, CHANNEL, [channel(9, "A")]),
        lambda: bulk.upsert(Channel, CHANNEL, [channel(9, "B")], update=("name",)),
        lambda: bulk.assign(Group, "name", [("C", group.pk)]),
    ):
        write()
        seen.add(versions.current(["live"]))
    assert len(seen) == 4


def test_nothing_is_written_for_no_rows(portal):
    bulk.insert(Stream, FIELDS, [])
    bulk.upsert(Stream, FIELDS, [], update=("name",))
    bulk.assign(Stream, "name", [])
    assert bulk.fresh_keys(Stream, 0) == []
    assert not Stream.objects.exists()
