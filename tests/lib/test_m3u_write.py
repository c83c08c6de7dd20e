"""The M3U we write: each writing rule."""

from __future__ import annotations

import pytest

from restreamer.lib.m3u import extinf, header, render_entry


def test_an_entry_is_two_lines_with_every_value_in_double_quotes():
    entry = render_entry("News HD", "http://h/live/1.ts", {"tvg-id": "news.example", "tvg-chno": "7"}, groups=["News"])

    assert entry == '#EXTINF:-1 tvg-id="news.example" tvg-chno="7" group-title="News",News HD\nhttp://h/live/1.ts\n'


def test_the_header_names_the_guide_twice():
    assert header(["http://h/epg.xml"]) == '#EXTM3U url-tvg="http://h/epg.xml" x-tvg-url="http://h/epg.xml"\n'


def test_a_header_without_a_guide_is_bare():
    assert header() == "#EXTM3U\n"


def test_the_first_bytes_are_never_a_byte_order_mark():
    assert header(["\ufeffhttp://h/epg.xml"]).startswith("#EXTM3U url-tvg=")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ('A "quoted" name', "A 'quoted' name"),
        ("Two\nlines\r\nand\ta tab", "Two lines and a tab"),
        ("  spaces   everywhere ", "spaces everywhere"),
        ("bell\x07 and nul\x00", "bell and nul"),
        ("line\u2028separator", "line separator"),
        ("half a pair \ud800", "half a pair"),
        ("News, Weather", "News, Weather"),
        ("Ελλάδα ТВ 🎬", "Ελλάδα ТВ 🎬"),
        ('x\n#EXTINF:-1 tvg-id="evil",evil\nhttp://evil/', "x #EXTINF:-1 tvg-id='evil',evil http://evil/"),
    ],
)
def test_a_name_is_one_clean_line(name, written):
    assert extinf(name, {}) == f"#EXTINF:-1,{written}"


def test_no_control_character_odd_space_or_half_pair_stays_in_a_name():
    spaces = [0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
    others = [*range(0x20), *range(0x7F, 0xA0), 0xFEFF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF]

    for code in spaces + others:
        assert extinf(f"a{chr(code)}b", {}) in ("#EXTINF:-1,a b", "#EXTINF:-1,ab"), hex(code)
    for code in spaces:
        assert extinf(f"a{chr(code)}b", {}) == "#EXTINF:-1,a b", hex(code)


def test_an_emoji_of_several_keeps_what_joins_it():
    assert extinf("\U0001f468\u200d\U0001f469\u200d\U0001f467 TV", {}) == (
        "#EXTINF:-1,\U0001f468\u200d\U0001f469\u200d\U0001f467 TV"
    )


def test_commas_in_names_can_be_replaced_for_servers_that_split_at_the_last_one():
    assert extinf("News, Weather,Sport", {}, commas_in_name=False) == "#EXTINF:-1,News - Weather - Sport"


def test_a_nameless_entry_falls_back_to_what_is_known():
    assert extinf(" ", {"tvg-id": "a.b"}).endswith(",a.b")
    assert extinf("", {}).endswith(",Channel")


def test_a_value_without_content_is_left_out():
    assert extinf("N", {"tvg-id": "a", "tvg-logo": "", "tvg-name": " "}) == '#EXTINF:-1 tvg-id="a",N'


def test_separators_inside_one_group_do_not_make_two():
    assert extinf("N", {}, groups=["UK; News | HD"]) == '#EXTINF:-1 group-title="UK, News / HD",N'


def test_several_groups_are_joined_by_semicolons():
    assert extinf("N", {}, groups=["News", "", "UK"]) == '#EXTINF:-1 group-title="News;UK",N'


def test_a_value_cannot_look_like_another_attribute():
    assert extinf("N", {"tvg-name": 'tvg-id="x" tvg-chno=5'}) == "#EXTINF:-1 tvg-name=\"tvg-id ='x' tvg-chno =5\",N"


def test_an_address_that_looks_like_an_attribute_keeps_its_meaning():
    line = extinf("N", {"tvg-logo": "http://h/logo?tvg-id=5&x=1"})

    assert line == '#EXTINF:-1 tvg-logo="http://h/logo?tvg-i%64=5&x=1",N'


def test_a_logo_is_percent_encoded_once():
    assert 'tvg-logo="http://h/a%20b/%C3%BC%20c.png"' in extinf("N", {"tvg-logo": "http://h/a%20b/ü c.png"})


@pytest.mark.parametrize("odd", [*map(chr, range(0x21)), '"', "\x7f", "\x85", "\u2028", "ü"])
def test_an_address_is_printable_ascii(odd):
    address = extinf("N", {"tvg-logo": f"http://h/a{odd}b"}).partition('tvg-logo="')[2].removesuffix('",N')

    assert address.startswith("http://h/a")
    assert all("!" <= character <= "~" and character != '"' for character in address)


def test_a_catchup_template_keeps_its_placeholders():
    template = "http://h/timeshift/U/P/{duration:60}/{utc}/1001.ts?a=${start}"

    assert f'catchup-source="{template}"' in extinf("N", {"catchup-source": template})


def test_an_address_line_has_no_pipe_no_space_and_no_second_line():
    assert render_entry("N", "http://h/a b|User-Agent=x\n#EXTM3U", {}).split("\n")[1:] == [
        "http://h/a%20b%7CUser-Agent=x%0A#EXTM3U",
        "",
    ]


def test_a_movie_says_its_length():
    assert extinf("M", {}, duration_s=5400) == "#EXTINF:5400,M"
