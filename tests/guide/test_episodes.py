"""Season and episode, however they are written."""

from __future__ import annotations

import pytest

from guide.episodes import episode_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.4.", (1, 5)),
        ("0.4.0/1", (1, 5)),
        ("1 . 4 . 0/1", (2, 5)),
        ("0/5.3/10.", (1, 4)),
        (".4.", (None, 5)),
        ("2..", (3, None)),
        ("0.9.0/1", (1, 10)),
        ("..", (None, None)),
        ("", (None, None)),
        ("nonsense", (None, None)),
        ("20150603.1.", (None, 2)),
    ],
)
def test_xmltv_ns(text, found):
    assert episode_of({"xmltv_ns": text}) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("S01E05", (1, 5)),
        ("s1 e5", (1, 5)),
        ("S2 Ep3/10", (2, 3)),
        ("1x05", (1, 5)),
        ("Season 2, Episode 11", (2, 11)),
        ("Staffel 3 Folge 4", (3, 4)),
        ("Episode 7", (None, 7)),
        ("Folge 12", (None, 12)),
        ("E05", (None, 5)),
        ("5", (None, 5)),
        ("#12", (None, 12)),
        ("2026-06-01", (None, None)),
        ("EP01419807.0010", (None, None)),
    ],
)
def test_onscreen(text, found):
    assert episode_of({"onscreen": text}) == found


def test_xmltv_ns_counts_before_onscreen():
    assert episode_of({"onscreen": "S09E09", "xmltv_ns": "0.0."}) == (1, 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Kate leaves. (S3 Ep7)", (3, 7)),
        ("S03E07 - Kate leaves.", (3, 7)),
        ("Season 1 Episode 5: The Bridge", (1, 5)),
        ("Episode 5 of everything", (None, None)),
        ("The S Class meets 5 others in 1998", (None, None)),
        ("", (None, None)),
    ],
)
def test_prose_counts_only_when_it_is_unmistakable(text, found):
    assert episode_of({}, "", text) == found
