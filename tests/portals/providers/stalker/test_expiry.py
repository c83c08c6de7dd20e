"""When an account ends, in every place and spelling."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portals.providers.stalker.expiry import account_end, parse_date

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def day(text: object) -> str | None:
    found = parse_date(text, NOW)
    return f"{found:%Y-%m-%d %H:%M}" if found else None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2027-01-05 23:59:00", "2027-01-05 23:59"),
        ("2027-01-05", "2027-01-05 23:59"),
        ("2027/01/05", "2027-01-05 23:59"),
        ("1798761600", "2027-01-01 00:00"),
        (1798761600, "2027-01-01 00:00"),
        ("January 5, 2027, 11:59 pm", "2027-01-05 23:59"),
        ("January 5, 2027, 12:00 am", "2027-01-05 00:00"),
        ("Jan 5, 2027", "2027-01-05 00:00"),
        ("5 January 2027", "2027-01-05 00:00"),
        ("25/12/2026", "2026-12-25 23:59"),
        ("12/25/2026", "2026-12-25 23:59"),
        ("25.12.2026", "2026-12-25 23:59"),
        ("05.04.2027", "2027-04-05 23:59"),
    ],
)
def test_a_date_is_read_in_every_spelling(text, wanted):
    assert day(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # As stock prints it in English and in Russian (section 13 item 8).
        ("12.24.2026 (34 days)", "2026-12-24 23:59"),
        ("24.12.2026 (34 дня)", "2026-12-24 23:59"),
        # Both readings are dates: the count decides.
        ("12.02.2026 (12 days)", "2026-12-02 23:59"),
        ("02.12.2026 (12 days)", "2026-12-02 23:59"),
        ("03.04.2027 (104 days)", "2027-03-04 23:59"),
        ("03.04.2027 (134 days)", "2027-04-03 23:59"),
    ],
)
def test_an_ambiguous_date_is_settled_by_its_count_of_days(text, wanted):
    assert day(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", None, [], {}, "0000-00-00 00:00:00", "1970-01-01", "9999-12-31"),
        *("+44 20 7946 0018", "555-12-34", "soon", "2027"),
        *("2027-13-45", "99.99.2027", "January 45, 2027", "5" * 5000),
    ],
)
def test_what_is_no_date_is_none_and_no_error(text):
    assert parse_date(text, NOW) is None


def test_the_places_are_asked_in_the_references_order():
    profile = {"account_info": {"expire_date": "1798761600"}, "expire_billing_date": "2028-01-01"}
    assert account_end(profile, {"phone": "January 1, 2029"}, NOW) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_place_with_nothing_leads_to_the_next():
    profile = {"account_info": "x", "expire_billing_date": "0000-00-00 00:00:00", "tariff_expired_date": None}
    found = account_end(profile, {"end_date": "", "phone": "January 5, 2027, 11:59 pm"}, NOW)
    assert found == datetime(2027, 1, 5, 23, 59, tzinfo=UTC)


def test_a_real_phone_number_is_no_expiry():
    assert account_end({}, {"phone": "+49 30 1234567"}, NOW) is None


@pytest.mark.parametrize("word", ["Unlimited", "unlimited", "Never", "Безлимитный"])
def test_an_account_without_end_has_none(word):
    assert account_end({}, {"phone": word}, NOW) is None
