"""Reading and writing agree, and no bytes whatever break, slow or swell the reader."""

from __future__ import annotations

import contextlib
import time
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from restreamer.lib.decompress import UnpackError
from restreamer.lib.m3u import Entry, NotAPlaylist, PlaylistReader, extinf, header, render_entry
from restreamer.lib.m3u.scan import _scan_any, _scan_tidy

#: Machines that run tests are busy; how long one example takes says nothing.
unhurried = settings(deadline=None)


def read(data: str | bytes) -> list[Entry]:
    return list(PlaylistReader([data.encode() if isinstance(data, str) else data], base_url="http://list.example/get"))


line_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs", "Cf"]) | st.just(" "))
clean_text = line_text.map(lambda text: " ".join(text.replace('"', "").replace("=", "").split()))
keys = st.sampled_from(["tvg-id", "tvg-name", "tvg-chno", "x-own", "catchup-days"])
urls = st.integers(0, 10**6).map("http://h/live/u/p/{}.ts".format)


@unhurried
@given(
    st.lists(
        st.tuples(
            clean_text.filter(bool),
            urls,
            st.dictionaries(keys, clean_text.filter(bool)),
            st.lists(clean_text.filter(lambda text: text and not {";", "|"} & set(text)), unique=True),
            st.integers(-1, 10**6),
        )
    )
)
def test_what_we_write_we_read(items):
    text = header() + "".join(
        render_entry(name, url, attributes, groups=groups, duration_s=duration)
        for name, url, attributes, groups, duration in items
    )
    entries = [
        (
            entry.name,
            entry.url,
            {key: value for key, value in entry.attributes.items() if key != "group-title"},
            list(entry.groups),
            entry.duration_s,
        )
        for entry in read(text)
    ]

    assert entries == [tuple(item) for item in items]


@unhurried
@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_is_written_stays_one_entry_with_one_address(name, tvg_id, group, url):
    text = header() + render_entry(name, "http://h/" + url, {"tvg-id": tvg_id}, groups=[group]) + "http://h/next\n"
    first, second = read(text)

    assert second.url == "http://h/next"
    assert second.name == "next"
    assert not first.headers
    assert extinf(name, {"tvg-id": tvg_id}).count("\n") == 0


PARTS = "#EXTM3U #EXTINF: -1 tvg-id = , | A=1 \\ #EXTGRP:g #EXTVLCOPT:a=b #KODIPROP:a=b ; group-title é file:///x"
pieces_of_lines = st.sampled_from([*PARTS.split(), " ", "  ", '"', "'", "\n", "\r", "\0", "\ufeff", "http://h/a"])


@unhurried
@given(st.lists(pieces_of_lines, max_size=60))
def test_no_arrangement_of_a_lists_own_parts_breaks_the_reader(parts):
    for entry in read("#EXTM3U\n" + "".join(parts)):
        assert entry.name
        assert entry.url.partition(":")[0] in ("http", "https")
        assert "\n" not in entry.name


@unhurried
@given(st.binary(max_size=3000))
@example(b"#EXTM3U\n\xff\xfe\n")
@example(b"\xff\xfe#")
@example(b"http://[::1\n")
def test_arbitrary_bytes_are_read_or_refused_by_name(data):
    with contextlib.suppress(NotAPlaylist, UnpackError):
        read(data)


@unhurried
@given(st.lists(pieces_of_lines, max_size=40))
def test_the_short_way_through_a_line_agrees_with_the_long_one(parts):
    line = "#EXTINF:-1 " + "".join(parts).replace("\n", "").replace("\r", "")
    tidy = _scan_tidy(line)

    assert tidy is None or tidy == _scan_any(line)


@pytest.mark.parametrize(
    "line",
    [
        "#EXTINF:" + " " * 60000,
        "#EXTINF:-1 " + "a " * 30000,
        "#EXTINF:-1 a=" + " " * 60000,
        "#EXTINF:-1 a=" + "b " * 30000,
        "#EXTINF:-1 " + "a=b " * 15000,
        "#EXTINF:-1 " + 'a="' * 20000,
        "#EXTINF:-1 " + 'a="b" ' * 10000 + '"',
        "#EXTINF:-1 " + "a" * 60000 + '"',
        "#EXTINF:-1 a='" + "'" * 60000,
        "#EXTINF:-1 a" + " " * 60000 + "x",
        "#EXTINF:-1 a=x" + (" " * 100 + "b") * 600,
        "http://h/" + "|a" * 30000,
        "http://h/" + "|" * 60000,
    ],
)
def test_no_line_is_slow(line):
    started = time.thread_time()
    read("#EXTM3U\n" + f"{line}\nhttp://h/a\n" * 5)

    # A few milliseconds are normal; what grows with the square of the length takes a minute.
    assert time.thread_time() - started < 5


def test_three_hundred_thousand_entries_need_little_memory():
    block = header() + "".join(
        render_entry(f"Channel @/{i}", f"http://h/live/u/p/@{i}.ts", {"tvg-id": f"{i}.@"}) for i in range(1000)
    )

    tracemalloc.start()
    try:
        count = sum(1 for _ in PlaylistReader(block.replace("@", str(number)).encode() for number in range(300)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 300_000
    assert peak < 8 * 1024 * 1024
