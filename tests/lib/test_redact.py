"""Nothing that opens a door is readable in a log."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restreamer.lib import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mac 00:1A:79:AB:CD:EF refused", "mac 00:1A:79:**:**:** refused"),
        ("/c/?x=1&mac=00%3A1A%3A79%3AAB%3ACD%3AEF", "/c/?x=1&mac=***"),
        ("cookie mac%3D00%3A1a%3A79%3Aab%3Acd%3Aef", "cookie mac%3D00%3A1a%3A79%3A**%3A**%3A**"),
        ("http://user:pass@host/path", "http://***@host/path"),
        ("http://host:8080/live/name/secret/12.ts", "http://host:8080/live/***/***/12.ts"),
        ("http://host/name/secret/12.ts failed", "http://host/***/***/12.ts failed"),
        (
            "http://host/get.php?username=me&password=pw&type=m3u",
            "http://host/get.php?username=***&password=***&type=m3u",
        ),
        ("play_token=abc&stream=5", "play_token=***&stream=5"),
        ("Authorization: Bearer 0A1B2C", "Authorization: Bearer ***"),
        ("/hdhr/abcdefghijklmnopqrst/lineup.json", "/hdhr/***/lineup.json"),
        ("/live/name/secret/12.ts refused: no", "/live/***/***/12.ts refused: no"),
        ("Internal Server Error: /name/secret/12", "Internal Server Error: /***/***/12"),
        ("GET /timeshift/name/secret/60/17/5.ts", "GET /timeshift/***/***/60/17/5.ts"),
        ("/player_api/name/secret", "/player_api/***/***"),
        ("/play/home/42 and /portal/7/channels", "/play/home/42 and /portal/7/channels"),
        ("an ordinary sentence, 12:30:45 o'clock", "an ordinary sentence, 12:30:45 o'clock"),
    ],
)
def test_texts(text, shown):
    assert redact.text(text) == shown


def test_a_mac_shows_its_maker_and_its_last_byte():
    assert redact.mac("00:1A:79:AB:CD:5F") == "00:1A:79:**:**:5F"


@pytest.mark.parametrize("value", ["", "00:1A", "nonsense"])
def test_what_is_no_mac_shows_nothing(value):
    assert redact.mac(value) == "***"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://me:pw@host:8080/c/?token=1", "http://host:8080/c/?***"),
        ("http://host/c/", "http://host/c/"),
        ("http://host:notaport/", "***"),
        ("http://[broken", "***"),
    ],
)
def test_addresses(address, shown):
    assert redact.url(address) == shown


def test_a_log_line_is_hidden_with_its_arguments_and_traceback(caplog):
    log = logging.getLogger("test.redact")
    caplog.handler.addFilter(redact.RedactingFilter())
    try:
        raise ValueError("http://user:pass@host/")
    except ValueError:
        log.exception("asked %s", "http://h/?token=abc")
    record = caplog.records[-1]
    assert record.getMessage() == "asked http://h/?token=***"
    assert "user:pass" not in caplog.text


@given(st.text())
def test_any_text_is_taken_and_hiding_twice_changes_nothing(text):
    once = redact.text(text)
    assert redact.text(once) == once


@given(st.text(alphabet="abcdef0123456789", min_size=6, max_size=20))
def test_no_password_in_an_address_survives(password):
    hidden = redact.text(f"http://host/live/somebody/{password}/1.ts http://me:{password}@h/ ?password={password}")
    assert password not in hidden
