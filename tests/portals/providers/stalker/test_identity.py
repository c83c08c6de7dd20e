"""The box each MAC is: constant, consistent, and nothing invented that a portal would pin."""

from __future__ import annotations

import json

import pytest

from portals.providers.stalker import identity
from tests.factories import PortalFactory, SubscriptionFactory

MAC = "00:1A:79:12:34:56"


def box(portal: dict[str, str] | None = None, **fields):
    return identity.identity_of(PortalFactory.build(**(portal or {})), SubscriptionFactory.build(mac=MAC, **fields))


def profile(made) -> dict[str, str]:
    return made.profile(rand="R", not_valid=False, second_step=False, timestamp=5)


def test_without_ids_from_the_owner_only_a_constant_serial_is_sent():
    made = profile(box())
    assert (made["device_id"], made["device_id2"], made["signature"]) == ("", "", "")
    assert made["sn"] == identity.constant_serial(MAC) == identity.constant_serial(MAC.lower())
    assert len(made["sn"]) == 13


def test_the_owners_ids_are_sent_as_they_are():
    made = profile(box(serial=" S1 ", device_id="D1", device_id2="D2", signature="X"))
    assert (made["sn"], made["device_id"], made["device_id2"], made["signature"]) == ("S1", "D1", "D2", "X")


@pytest.mark.parametrize("model", ["MAG250", "MAG254", "MAG322"])
def test_everything_names_the_same_model(model):
    made = box(model=model)
    told = profile(made)
    assert told["stb_type"] == json.loads(told["metrics"])["model"] == model
    assert made.headers(referer="", zone="")["X-User-Agent"] == f"Model: {model}; Link: WiFi"
    assert f"pub-{model[3:]};" in told["ver"]
    assert "Player Engine version: 0x566" in told["ver"]


def test_a_row_without_a_model_is_a_mag250():
    assert profile(box(model=""))["stb_type"] == "MAG250"


def test_the_cookie_is_a_boxs():
    assert box().cookie("Europe/Kyiv") == "mac=00%3A1A%3A79%3A12%3A34%3A56; stb_lang=en; timezone=Europe%2FKiev"
    assert box({"language": "de"}).cookie("") == "mac=00%3A1A%3A79%3A12%3A34%3A56; stb_lang=de"


def test_the_token_is_sent_in_the_header_once_there_is_one():
    assert "Authorization" not in box().headers(referer="", zone="")
    assert box().headers(referer="", zone="", token="T")["Authorization"] == "Bearer T"


def test_the_portals_user_agent_goes_before_ours():
    assert box({"user_agent": "Own"}).headers(referer="", zone="")["User-Agent"] == "Own"


def test_the_fingerprint_changes_with_what_a_portal_would_notice():
    prints = {
        box().fingerprint,
        box(serial="1").fingerprint,
        box(password="x").fingerprint,
        box(model="MAG254").fingerprint,
    }
    assert len(prints) == 4
    assert box().fingerprint == box(label="other", streams=3).fingerprint


@pytest.mark.parametrize("scheme", ["stbemu", "tools"])
def test_ids_of_known_apps_are_offered_not_sent(scheme):
    offered = identity.suggested_ids(MAC, scheme)
    assert len(offered["device_id"]) == len(offered["device_id2"]) == 64
    assert offered["device_id"] != offered["device_id2"]
    assert offered == identity.suggested_ids(MAC.lower(), scheme)


def test_an_unknown_scheme_is_a_mistake():
    with pytest.raises(ValueError, match="no scheme"):
        identity.suggested_ids(MAC, "x")


def test_signature_of_the_tools_scheme_depends_on_the_mac():
    assert (
        identity.suggested_ids(MAC, "tools")["signature"]
        != identity.suggested_ids(MAC[:-1] + "7", "tools")["signature"]
    )
