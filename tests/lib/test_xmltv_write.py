"""XMLTV elements as the DTD and the strictest readers want them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from restreamer.lib import xmltv, xmltv_write
from restreamer.lib.broadcasts import GuideRecord
from restreamer.lib.genres import with_english_first
from tests.guide.feeds import NOW


def behind(**fields) -> str:
    season, episode = fields.pop("season", None), fields.pop("episode", None)
    return xmltv_write.behind_description(GuideRecord("a", NOW, None, "t", **fields), season, episode)


@given(st.text())
def test_any_text_survives_being_written(text):
    written = f'<a b="{xmltv_write.escape_attribute(text)}">{xmltv_write.escape(text)}</a>'
    read = etree.fromstring(written.encode())
    # Parsers make one line end of three kinds; nothing else may change.
    assert (read.text or "") == xmltv.legal(text).replace("\r\n", "\n").replace("\r", "\n")
    assert read.get("b").split() == xmltv.legal(text).split()


def test_an_empty_element_is_not_written():
    assert xmltv_write.element("desc", " \x00 ") == ""
    assert xmltv_write.element("title", 'a<"b">', lang="") == '<title>a&lt;"b"&gt;</title>'
    assert xmltv_write.empty_element("icon", src='http://h/"a"&b') == '<icon src="http://h/&quot;a&quot;&amp;b"/>'


def test_everything_stands_in_the_order_of_the_dtd():
    text = behind(
        credits={"guest": ("G",), "actor": ("A|Role", "B"), "director": ("D",)},
        date="2024", categories=("Drama",), icon="http://h/i.png", country="DE",
        episode_nums={"onscreen": "S01E05"}, ratings=(("FSK", "12"), ("", "PG")), star_rating="4/5",
        is_new=True, is_repeat=True, is_premiere=True, season=1, episode=5,
    )  # fmt: skip
    assert text == (
        '<credits><director>D</director><actor role="Role">A</actor><actor>B</actor><guest>G</guest></credits>'
        '<date>2024</date><category>Drama</category><icon src="http://h/i.png"/><country>DE</country>'
        '<episode-num system="xmltv_ns">0.4.</episode-num><episode-num system="onscreen">S01E05</episode-num>'
        "<previously-shown/><premiere/><new/>"
        '<rating system="FSK"><value>12</value></rating><rating><value>PG</value></rating>'
        "<star-rating><value>8/10</value></star-rating>"
    )


@pytest.mark.parametrize(
    ("nums", "season", "episode", "written"),
    [
        ({"xmltv_ns": "0.4."}, 1, 5, ["xmltv_ns 0.4.", "onscreen S01E05"]),
        ({"xmltv_ns": "1 . 4 . 0/2"}, 2, 5, ["xmltv_ns 1 . 4 . 0/2", "onscreen S02E05"]),
        ({"xmltv_ns": "0.4"}, 1, 5, ["xmltv_ns 0.4.", "onscreen S01E05"]),
        ({"onscreen": "Folge 7"}, None, 7, ["xmltv_ns .6.", "onscreen Folge 7"]),
        ({"dd_progid": "EP01"}, None, None, ["dd_progid EP01"]),
        ({"xmltv_ns": "nonsense"}, None, None, []),
        ({}, None, None, []),
    ],
)
def test_episode_numbers_are_written_in_both_systems(nums, season, episode, written):
    tree = etree.fromstring(f"<p>{behind(episode_nums=nums, season=season, episode=episode)}</p>")
    assert [f"{child.get('system')} {child.text}" for child in tree] == written


@pytest.mark.parametrize(
    ("given_text", "written"),
    [("4/5", "8/10"), ("7.5/10", "7.5/10"), ("1/3", "3.33/10"), ("5", ""), ("6/5", ""), ("1/0", ""), ("stars", "")],
)
def test_stars_are_out_of_ten(given_text, written):
    tree = etree.fromstring(f"<p>{behind(star_rating=given_text)}</p>")
    assert tree.findtext("star-rating/value", "") == written


def test_what_players_cannot_fetch_is_no_picture():
    assert behind(icon="p123.jpg") == behind(icon="file:///c/x.png") == ""


def test_a_date_that_is_none_is_left_out():
    assert behind(date="20xx") == ""


@pytest.mark.parametrize(
    ("given_genres", "written"),
    [
        (("Spielfilm", "Krimi"), ("Movie", "Spielfilm", "Krimi")),
        (("Krimi", "Serie"), ("Series", "Krimi", "Serie")),
        (("Movie",), ("Movie",)),
        (("Drama",), ("Drama",)),
        ((), ()),
    ],
)
def test_the_english_word_for_a_genre_comes_first(given_genres, written):
    assert with_english_first(given_genres) == written
    assert with_english_first(written) == written


def test_a_channel_always_has_a_name():
    assert xmltv_write.channel_element("a", []) == '<channel id="a"><display-name>a</display-name></channel>\n'
