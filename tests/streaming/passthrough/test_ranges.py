"""Byte ranges, asked for and sent."""

from __future__ import annotations

import pytest

from streaming.passthrough.ranges import ByteRange, OutOfRange, Sent, asked, sent, unsatisfied


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-", (0, 99)),
        ("bytes=10-19", (10, 19)),
        ("bytes=10-10", (10, 10)),
        ("bytes=90-500", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-500", (0, 99)),
        ("Bytes = 5 - 6", (5, 6)),
    ],
)
def test_a_single_range_is_honoured(header: str, expected: tuple[int, int]) -> None:
    assert asked(header).within(100) == expected


@pytest.mark.parametrize(
    "header", ["", "bytes=", "bytes=-", "bytes=9-5", "bytes=0-1,5-6", "items=0-5", "bytes=a-b", "bytes=--5", "bytes=٣-"]
)
def test_what_cannot_be_honoured_is_ignored(header: str) -> None:
    assert asked(header) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_says_how_long_the_file_is(header: str) -> None:
    with pytest.raises(OutOfRange) as caught:
        asked(header).within(100)
    assert caught.value.length == 100


def test_an_empty_file_has_no_ranges() -> None:
    for header in ("bytes=0-", "bytes=-5"):
        with pytest.raises(OutOfRange):
            asked(header).within(0)


@pytest.mark.parametrize("given", [ByteRange(5, None), ByteRange(5, 9), ByteRange(None, 9)])
def test_a_range_is_asked_of_the_provider_as_it_came(given: ByteRange) -> None:
    assert asked(given.header) == given


def test_what_a_provider_says_it_sends() -> None:
    assert sent("bytes 5-9/100") == Sent(5, 9, 100)
    assert sent("bytes 5-9/*") == Sent(5, 9, None)
    assert unsatisfied("bytes */100") == 100


@pytest.mark.parametrize("header", ["", "bytes", "bytes 9-5/100", "bytes 5-100/100", "bytes */100", "5-9/100"])
def test_a_wrong_word_of_a_provider_is_none(header: str) -> None:
    assert sent(header) is None


def test_a_416_need_not_say_anything() -> None:
    assert unsatisfied("") is None
