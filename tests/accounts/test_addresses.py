"""The ready addresses of a viewer work as they stand, and hold no password."""

from __future__ import annotations

import pytest

from accounts.addresses import ready_addresses
from tests.factories import ViewerFactory

pytestmark = pytest.mark.django_db


def test_every_address_with_a_token_answers(client):
    viewer = ViewerFactory()
    found = {one.name: one.value for one in ready_addresses(viewer, "http://testserver")}
    assert found["xtream_name"] == viewer.name
    assert found["xtream_server"] == "http://testserver"
    for name in ("playlist", "guide"):
        assert client.get(found[name]).status_code == 200, name
    viewer.rotate_token()
    viewer.save()
    assert client.get(found["playlist"]).status_code == 401


def test_the_tuner_address_is_what_a_client_puts_before_discover(client):
    viewer = ViewerFactory()
    tuner = next(one.value for one in ready_addresses(viewer, "") if one.name == "tuner")
    assert client.get(f"{tuner}/discover.json").status_code in {200, 404}
    assert client.get("/hdhr/nobody-has-this-token/discover.json").status_code == 401
