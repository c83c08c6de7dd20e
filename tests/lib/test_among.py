"""Many values in one parameter find the rows that a parameter for each would."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from portals.models import Portal
from restreamer.lib.among import Among

pytestmark = pytest.mark.django_db

NAMES = ("plain", 'quo"te', "it's", "back\\slash", "comma,{brace}", "télé 📺", "line\nbreak", "")


@pytest.fixture
def portals() -> list[Portal]:
    address = "http://127.0.0.1/list.m3u"
    return [Portal.objects.create(name=name, slug=str(at), address=address) for at, name in enumerate(NAMES)]


def test_texts_of_every_kind_are_found(portals):
    for name in NAMES:
        assert [portal.name for portal in Portal.objects.filter(Among(F("name"), [name, "nobody"]))] == [name]
    assert Portal.objects.filter(Among(F("name"), list(NAMES))).count() == len(NAMES)
    assert Portal.objects.exclude(Among(F("name"), list(NAMES[1:]))).get().name == "plain"


def test_keys_are_found(portals):
    pks = [portal.pk for portal in portals]
    assert set(Portal.objects.filter(Among(F("pk"), [*pks[:3], 10**12]))) == set(portals[:3])


def test_nothing_is_among_nothing(portals):
    assert not Portal.objects.filter(Among(F("name"), [])).exists()
    assert Portal.objects.exclude(Among(F("pk"), [])).count() == len(NAMES)


def test_it_is_one_statement_however_many_there_are(portals):
    with CaptureQueriesContext(connection) as seen:
        # SQLite takes no more than 250,000 parameters, PostgreSQL 65,535.
        assert Portal.objects.filter(Among(F("name"), [*map(str, range(300_000)), "plain"])).count() == 1
    assert len(seen) == 1
