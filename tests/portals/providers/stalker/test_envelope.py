"""Answers decoded: every anomaly of the reference's section 4, and what hostile servers send."""

from __future__ import annotations

import gzip

import pytest

from portals import errors
from portals.providers.stalker import envelope
from portals.providers.stalker.envelope import Envelope, Family
from portals.providers.stalker.values import clean, flag, ident, is_set, number, rows, words
from restreamer.lib.http import Answer

URL = "http://portal.example/server/load.php"


def read(body: bytes | str, *, status: int = 200, url: str = URL, redirected: bool = False, **headers: str) -> Envelope:
    data = body.encode() if isinstance(body, str) else body
    return envelope.read(
        Answer(status, url, {k.replace("_", "-"): v for k, v in headers.items()}, data, redirected), clock=lambda: 0.0
    )


@pytest.mark.parametrize(
    "body",
    [
        '{"js":[1],"text":"generated in 0.1s"}',
        '\ufeff {"js":[1]}',
        '\n\n  {"js": [1]} \n',
        '<br />\n<b>Warning</b>: mysql_connect() in {closure} on line 3<br />\n{"js":[1],"text":""}',
        'Notice: Undefined index: x in /a/b.php on line 1\n{"js":[1]}\n<br />Warning: after',
        'JsHttpRequest.dataReady({"js":[1]})',
        'dataReady({"js":[1]});',
        '{"js":[1]}<!-- page generated {in} 3 ms -->',
        gzip.compress(b'{"js":[1]}', mtime=0),
    ],
)
def test_the_envelope_is_found_in_whatever_surrounds_it(body):
    assert read(body).js == [1]


def test_raw_control_characters_in_strings_are_read():
    assert read('{"js":"a\nb\tc\x01"}').js == "a\nb\tc\x01"


def test_broken_utf8_is_replaced():
    assert read(b'{"js":"caf\xe9"}').js == "caf\ufffd"


def test_the_debug_dump_is_dropped_and_neighbours_kept():
    said = read('{"js":{},"text":"secret","error":"limit","link_id":3}')
    assert said.beside == {"error": "limit", "link_id": 3}


@pytest.mark.parametrize(
    ("body", "headers", "url", "family"),
    [
        ('{"js":1,"text":""}', {"Content_Type": "application/json"}, URL, Family.STOCK),
        ('{"js":1}', {"Content_Type": "text/javascript;charset=UTF-8"}, URL, Family.PANEL),
        ('{"js":1}', {"Content_Type": "application/json"}, URL, Family.STOCK),
        ('{"js":1}', {}, "http://p/portal.php", Family.PANEL),
        ('{"js":1,"text":""}', {}, "http://p/portal.php", Family.STOCK),
    ],
)
def test_the_family_shows_in_the_answer(body, headers, url, family):
    assert read(body, url=url, **headers).family is family


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("Authorization failed.", errors.TokenRefused),
        ("Authorization failed. 42", errors.TokenRefused),
        ("Identification failed", errors.TokenRefused),
        ("Access denied.", errors.AccessDenied),
        ("Unauthorized request.", errors.SubscriptionUnknown),
        ("<br />\n<b>Warning</b>: x in y on line 1<br />Access denied.", errors.AccessDenied),
        ("", envelope.EmptyAnswer),
        ("  \n", envelope.EmptyAnswer),
        ("<html><body>Welcome</body></html>", errors.AnswerUnreadable),
        ("<b>Fatal error</b>: Unknown or bad timezone (X) in z.php", errors.TimeZoneRefused),
        ("Fatal error: Uncaught DateTimeZone::__construct(): bad", errors.TimeZoneRefused),
        ("<b>Fatal error</b>: Allowed memory size of 1 bytes exhausted", errors.PortalOverloaded),
        ('{"js":', envelope.Gibberish),
        ('{"js":{"a":1}', envelope.Gibberish),
        ("{}", envelope.NoEnvelope),
        ("[1,2]", envelope.NoEnvelope),
        ('{"user_info":{"auth":0}}', envelope.NoEnvelope),
        ("nonsense", envelope.Gibberish),
        (b"\x00\xff\xfe\x01" * 50, envelope.Gibberish),
        (b"\x1f\x8bgarbage", envelope.Gibberish),
        (gzip.compress(b'{"js":[1]}', mtime=0)[:-9], envelope.Gibberish),
        (b"G@\x11\x10" * 500, envelope.Gibberish),
        ("[" * 200_000, envelope.Gibberish),
        ('{"js":' * 100_000, envelope.Gibberish),
        ('{"js":' + "9" * 10_000 + "}", envelope.Gibberish),
    ],
)
def test_what_is_no_answer_has_its_own_name(body, kind):
    with pytest.raises(kind):
        read(body)


def test_a_gzip_bomb_inside_the_body_is_capped(monkeypatch):
    monkeypatch.setattr(envelope, "_LARGEST_UNPACKED", 1000)
    with pytest.raises(errors.AnswerUnreadable, match="far larger"):
        read(gzip.compress(b" " * 100_000))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.TokenRefused),
        (403, envelope.Throttling),
        (404, errors.AnswerNotFound),
        (410, errors.AnswerNotFound),
        (429, envelope.Throttling),
        (458, errors.SubscriptionBusy),
        (456, errors.ItemNotSubscribed),
        (500, errors.PortalOverloaded),
        (502, errors.PortalOverloaded),
        (503, envelope.Throttling),
        (504, errors.PortalOverloaded),
        (520, errors.PortalOverloaded),
        (524, errors.PortalOverloaded),
        (418, errors.AnswerUnreadable),
        (304, errors.AnswerUnreadable),
    ],
)
def test_a_status_says_its_own(status, kind):
    with pytest.raises(kind):
        read("<html>x</html>", status=status)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("0.5", 0.5),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 60.0),
        ("Wed, 31 Dec 1969 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("99999999999", None),
        ("Thu, 99 Jan 1970", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header, seconds):
    assert envelope.retry_after_s(header, now=0.0) == seconds


@pytest.mark.parametrize(
    ("js", "kind"),
    [
        ({"error": "Access denied"}, errors.AccessDenied),
        ({"msg": "Authorization failed"}, errors.TokenRefused),
        ("invalid token", errors.TokenRefused),
        ({"error": "Trial over"}, errors.AnswerUnreadable),
    ],
)
def test_refusals_in_a_panels_own_words_are_heard(js, kind):
    assert isinstance(envelope.spoken_refusal(js), kind)


@pytest.mark.parametrize("js", [[], {}, "", None, True, {"error": ""}, {"data": []}, {"error": "limit", "cmd": ""}, 5])
def test_ordinary_answers_are_no_refusals(js):
    assert envelope.spoken_refusal(js) is None


# --- loosely typed values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"),
        ("12", "12"),
        ("12:3", "12:3"),
        ("*", "*"),
        (None, ""),
        ("null", ""),
        (True, ""),
        ([1], ""),
        (" 7 ", "7"),
    ],
)
def test_ids_stay_opaque_strings(value, text):
    assert ident(value) == text


@pytest.mark.parametrize(
    ("value", "whole"),
    [("12", 12), (12, 12), ("12.0", 12), ("", 0), (None, 0), ("x", 0), (True, 1), ("1e400", 0), ("nan", 0)],
)
def test_numbers_are_guessed_kindly(value, whole):
    assert number(value) == whole


@pytest.mark.parametrize("value", [1, "1", True, "true", " TRUE "])
def test_flags_are_set(value):
    assert flag(value)


@pytest.mark.parametrize("value", [0, "0", False, "false", None, "", "2", [], "yes"])
def test_flags_are_not_set(value):
    assert not flag(value)


@pytest.mark.parametrize("value", [None, "", "0", 0, "null", "undefined", "N/A", "0000-00-00 00:00:00", False])
def test_the_spellings_of_nothing(value):
    assert not is_set(value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([{"a": 1}], [{"a": 1}]),
        ({"data": [{"a": 1}]}, [{"a": 1}]),
        ({"data": {"0": {"a": 1}, "2": {"a": 2}}}, [{"a": 1}, {"a": 2}]),
        ({"0": {"a": 1}}, [{"a": 1}]),
        ([{"a": 1}, None, "x", 3, []], [{"a": 1}]),
        ([], []),
        ({}, []),
        (False, []),
        (None, []),
        ("", []),
        ({"data": False}, []),
        ({"error": "x"}, []),
    ],
)
def test_rows_come_out_of_every_box(value, found):
    assert rows(value) == found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("A<br>B<br/>C", "A B C"),
        ("&lt;b&gt;x&lt;/b&gt;", "x"),
        ("a\nb\r\n\tc", "a b c"),
        ("x\x00y", "x y"),
        ("\ud83d broken", "? broken"),
        ("  ", ""),
        (5, "5"),
        (None, ""),
        ([], ""),
        ("1 < 2", "1 < 2"),
        ("שלום 📺", "שלום 📺"),
    ],
)
def test_text_for_people_is_plain(value, text):
    assert words(value) == text


def test_a_hostile_text_is_bounded_quickly():
    assert len(clean(" \n" * 5_000_000 + "x", 100)) <= 100
    assert len(words("<" * 3_000_000, 100)) <= 100
