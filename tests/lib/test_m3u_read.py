"""Reading lists: the reference's table of what lists in the wild do, and what else may stand at their address."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma

import pytest

from restreamer.lib.decompress import TooLarge
from restreamer.lib.m3u import (
    BinaryFile,
    EmptyAnswer,
    Entry,
    JsonAnswer,
    PlainText,
    PlaylistReader,
    SingleStream,
    WebPage,
    XmlDocument,
)


def read(text: str | bytes, base_url: str = "http://list.example/get") -> list[Entry]:
    data = text.encode() if isinstance(text, str) else text
    return list(PlaylistReader([data], base_url=base_url))


def one(text: str | bytes) -> Entry:
    (entry,) = read(text)
    return entry


def extinf_of(line: str) -> Entry:
    """The entry of one #EXTINF line."""
    return one(f"#EXTM3U\n{line}\nhttp://h/path/last%20part.ts\n")


# --- the parser test table -----------------------------------------------------------------------------------------


def test_a_plain_entry():
    entry = one(
        '#EXTM3U\n#EXTINF:-1 tvg-id="news.example" tvg-logo="http://h/7.png" group-title="News",News HD\nhttp://h/1.ts\n'
    )

    assert entry == Entry(
        url="http://h/1.ts",
        name="News HD",
        duration_s=-1.0,
        attributes={"tvg-id": "news.example", "tvg-logo": "http://h/7.png", "group-title": "News"},
        groups=("News",),
        headers={},
        vlc_options={},
        kodi_properties={},
    )


@pytest.mark.parametrize(
    ("line", "name", "attributes"),
    [
        ("#EXTINF:-1 tvg-id=noq,Name", "Name", {"tvg-id": "noq"}),
        ("#EXTINF:-1 tvg-id=noq group-title=My own group tvg-chno=7,Name", "Name", {"group-title": "My own group"}),
        ("#EXTINF:-1 tvg-id='sq' tvg-name='a \"b\"',Name", "Name", {"tvg-id": "sq", "tvg-name": 'a "b"'}),
        ('#EXTINF:-1 tvg-name="a \\"b\\" c",Name', "Name", {"tvg-name": "a \\"}),
        ('#EXTINF:-1 tvg-name="a "b" c" group-title="G",Name', "Name", {"tvg-name": "a ", "group-title": "G"}),
        ('#EXTINF:-1 group-title="A, B",Name, with comma', "Name, with comma", {"group-title": "A, B"}),
        ('#EXTINF:-1 tvg-id="x",A "quoted", name', 'A "quoted", name', {"tvg-id": "x"}),
        ('#EXTINF:-1,A "quoted", name', 'A "quoted", name', {}),
        ('#EXTINF:-1 tvg-id="x=1;y|z" ,Name', "Name", {"tvg-id": "x=1;y|z"}),
        ('#EXTINF:-1 TVG-ID="Case.Id" Tvg-Name="N",Name', "Name", {"tvg-id": "Case.Id", "tvg-name": "N"}),
        ('#EXTINF:-1 tvg-id="first" tvg-id="second",Name', "Name", {"tvg-id": "first"}),
        ('#EXTINF:-1 tvg-id = "spaced" tvg-name= "n",Name', "Name", {"tvg-id": "spaced", "tvg-name": "n"}),
        ("#EXTINF:-1 tvg-id= tvg-name=n,Name", "Name", {"tvg-id": "", "tvg-name": "n"}),
        ('#EXTINF:-1 tvg-id="a"tvg-name="b",Name', "Name", {"tvg-id": "a", "tvg-name": "b"}),
        ('#EXTINF:-1 tvg-id="never closed,Name', "Name", {}),
        ('#EXTINF:-1 stray words tvg-id="a" more,Name', "Name", {"tvg-id": "a"}),
        ('#EXTINF:-1tvg-id="a",Name', "Name", {"tvg-id": "a"}),
        ('#EXTINF: -1 tvg-id="a",Name', "Name", {"tvg-id": "a"}),
        ('#EXTINF:tvg-id="a",Name', "Name", {"tvg-id": "a"}),
        ('#extinf:-1 tvg-id="a",Name', "Name", {"tvg-id": "a"}),
        ('  #EXTINF:-1 tvg-id="a",Name', "Name", {"tvg-id": "a"}),
        ("#EXTINF:-1 tvg-name='90s Hits,Name", "Name", {"tvg-name": "'90s Hits"}),
        ("#EXTINF:-1,   Name   ", "Name", {}),
        ('#EXTINF:-1 tvg-id="x",50,000 miles', "50,000 miles", {"tvg-id": "x"}),
        ('#EXTINF:-1,tvg-id="x",Name', 'tvg-id="x",Name', {}),
    ],
)
def test_an_extinf_line(line, name, attributes):
    entry = extinf_of(line)

    assert entry.name == name
    assert {key: entry.attributes[key] for key in attributes} == attributes


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('#EXTINF:-1 tvg-name="From tvg-name"', "From tvg-name"),
        ('#EXTINF:-1 tvg-id="x"', "last part.ts"),
        ("#EXTINF:-1", "last part.ts"),
        ("#EXTINF:", "last part.ts"),
        ('#EXTINF:-1 tvg-name="From tvg-name" tvg-id="x",', "From tvg-name"),
        ('#EXTINF:-1 tvg-id="From tvg-id",', "From tvg-id"),
        ("#EXTINF:-1,", "Channel 1"),
    ],
)
def test_a_missing_name_falls_back(line, name):
    assert extinf_of(line).name == name


@pytest.mark.parametrize(
    ("written", "duration_s"), [("-1", -1), ("0", 0), ("5400", 5400), ("+12.5", 12.5), ("1-2", -1), ("9" * 30, -1)]
)
def test_the_duration(written, duration_s):
    assert extinf_of(f"#EXTINF:{written},N").duration_s == duration_s


def test_every_group_title_counts_and_semicolons_part_groups():
    entry = extinf_of('#EXTINF:-1 group-title="News;UK" group-title="HD" group-title=" ",N')

    assert entry.groups == ("News", "UK", "HD")


def test_an_address_without_extinf_is_named_after_its_last_part():
    assert one("#EXTM3U\nhttp://h/a/News%20HD.ts?x=1\n").name == "News HD.ts"


def test_an_extgrp_before_the_address_is_its_group():
    assert one("#EXTM3U\n#EXTINF:-1,N\n#EXTGRP:News\nhttp://h/1\n").groups == ("News",)


def test_an_extgrp_holds_until_the_next_or_a_group_title():
    text = (
        "#EXTM3U\n#EXTGRP:News\n#EXTINF:-1,a\nhttp://h/a\n#EXTINF:-1,b\nhttp://h/b\n#EXTGRP:Sport\n#EXTINF:-1,c\n"
        'http://h/c\n#EXTINF:-1 group-title="Kids",d\nhttp://h/d\n#EXTINF:-1,e\nhttp://h/e\n'
    )

    assert [entry.groups for entry in read(text)] == [("News",), ("News",), ("Sport",), ("Kids",), ()]


def test_vlc_options_and_kodi_properties_belong_to_the_next_address_only():
    text = (
        "#EXTM3U\n#EXTVLCOPT:http-user-agent=Agent/1.0\n#EXTINF:-1,a\n#EXTVLCOPT:HTTP-Referrer=http://r/?a=b\n"
        "#KODIPROP:mimetype=video/mp2t\nhttp://h/a\n#EXTINF:-1,b\nhttp://h/b\n"
    )
    first, second = read(text)

    assert first.vlc_options == {"http-user-agent": "Agent/1.0", "http-referrer": "http://r/?a=b"}
    assert first.kodi_properties == {"mimetype": "video/mp2t"}
    assert not second.vlc_options
    assert not second.kodi_properties


def test_headers_behind_a_pipe_leave_the_address():
    entry = one("#EXTM3U\n#EXTINF:-1,a\nhttp://h/a|User-Agent=A%20B/1&!Referer=http://r/?x=1\n")

    assert entry.url == "http://h/a"
    assert entry.headers == {"User-Agent": "A B/1", "Referer": "http://r/?x=1"}


def test_a_pipe_that_begins_no_header_stays_in_the_address():
    assert one("#EXTM3U\nhttp://h/a|b/c\n").url == "http://h/a%7Cb/c"


def test_a_header_cannot_smuggle_a_second_one():
    assert one("#EXTM3U\nhttp://h/a|X=1%0D%0AHost:%20evil&Bad Name=2\n").headers == {"X": "1Host: evil"}


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("http://h/a b.ts", "http://h/a%20b.ts"),
        ("HTTPS://h/a", "https://h/a"),
        ("udp://@239.0.0.1:5000", "udp://@239.0.0.1:5000"),
        ("rtp://239.0.0.1:5000", "rtp://239.0.0.1:5000"),
        ("rtsp://h/a", "rtsp://h/a"),
        ("rtmp://h/a", "rtmp://h/a"),
        ("live/1.ts", "http://list.example/live/1.ts"),
        ("/live/1.ts", "http://list.example/live/1.ts"),
        ("//cdn.example/1.ts", "http://cdn.example/1.ts"),
        ("?id=1", "http://list.example/get?id=1"),
        ("   http://h/padded  ", "http://h/padded"),
        ("http://h/Ελλάδα.ts", "http://h/Ελλάδα.ts"),
    ],
)
def test_an_address_line(line, url):
    assert one(f"#EXTM3U\n#EXTINF:-1,N\n{line}\n").url == url


@pytest.mark.parametrize("line", ["file:///etc/passwd", "plugin://plugin.video.x/?a", "data:text/plain,x", "C:\\a.ts"])
def test_an_address_that_is_never_opened_takes_its_entry_along(line):
    reader = PlaylistReader([f"#EXTM3U\n#EXTINF:-1,bad\n{line}\nhttp://h/good.ts\n".encode()])

    assert [entry.name for entry in reader] == ["good.ts"]
    assert reader.refused_addresses == 1


def test_a_relative_address_in_a_list_from_nowhere_is_refused():
    reader = PlaylistReader([b"#EXTM3U\nlive/1.ts\n"])

    assert list(reader) == []
    assert reader.refused_addresses == 1


def test_comments_and_blanks_between_the_two_lines_do_not_matter():
    assert one("#EXTM3U\n#EXTINF:-1,N\n#123\n \n#EXTHTTP:{}\n\nhttp://h/a\n").name == "N"


def test_a_second_extinf_replaces_the_first():
    reader = PlaylistReader([b"#EXTM3U\n#EXTINF:-1,one\n#EXTINF:-1,two\nhttp://h/a\n"])

    assert [entry.name for entry in reader] == ["two"]
    assert reader.without_address == 1
    assert not reader.ends_open


def test_a_list_that_ends_with_an_extinf_ends_open():
    reader = PlaylistReader([b"#EXTM3U\nhttp://h/a\n#EXTINF:-1,cut"])

    assert len(list(reader)) == 1
    assert reader.ends_open


def test_the_header_is_known_before_the_first_entry():
    reader = PlaylistReader([b'#EXTM3U url-tvg="http://h/a.xml,http://h/b.xml" X-TVG-URL=http://h/c.xml\nhttp://h/1\n'])
    next(iter(reader))

    assert reader.header == {"url-tvg": "http://h/a.xml,http://h/b.xml", "x-tvg-url": "http://h/c.xml"}
    assert reader.says_extm3u


@pytest.mark.parametrize(
    "text", ["#EXTINF:-1,N\nhttp://h/a\n", "http://h/a\n", "\n\n  http://h/a", "# by me\nhttp://h/a\n"]
)
def test_a_list_without_extm3u_is_accepted_and_noticed(text):
    reader = PlaylistReader([text.encode()])

    assert len(list(reader)) == 1
    assert not reader.says_extm3u


def test_a_header_carries_ascii_only():
    assert one("#EXTM3U\nhttp://h/a|Referer=http://h/%C3%BC").headers == {"Referer": "http://h/%C3%BC"}


# --- bytes ---------------------------------------------------------------------------------------------------------

TWO = "#EXTM3U\n#EXTINF:-1,Ünï\nhttp://h/a\n#EXTINF:-1,Ελλάδα\nhttp://h/b\n"
ENCODINGS = {
    "utf-8": TWO.encode(),
    "utf-8 with a mark": codecs.BOM_UTF8 + TWO.encode(),
    "utf-16 little": codecs.BOM_UTF16_LE + TWO.encode("utf-16-le"),
    "utf-16 big": codecs.BOM_UTF16_BE + TWO.encode("utf-16-be"),
    "crlf": TWO.replace("\n", "\r\n").encode(),
    "lone cr": TWO.replace("\n", "\r").encode(),
    "nul bytes": TWO.replace("\n", "\n\0").encode(),
    "two lists joined": (codecs.BOM_UTF8 + TWO.encode()[: TWO.encode().index(b"#EXTINF:-1,\xce")])
    + codecs.BOM_UTF8
    + ("#EXTM3U\n" + TWO[TWO.index("#EXTINF:-1,Ε") :]).encode(),
    "no final line end": TWO.rstrip().encode(),
    "blank lines first": b"\r\n\n  \n" + TWO.encode(),
    "gzip": gzip.compress(TWO.encode()),
    "xz": lzma.compress(TWO.encode()),
    "bzip2": bz2.compress(TWO.encode()),
    "gzip of utf-16": gzip.compress(codecs.BOM_UTF16_LE + TWO.encode("utf-16-le")),
}


@pytest.mark.parametrize("size", [1, 2, 3, 17, 100000])
@pytest.mark.parametrize("form", ENCODINGS)
def test_every_form_reads_the_same_however_it_arrives(form, size):
    data = ENCODINGS[form]
    pieces = [data[i : i + size] for i in range(0, len(data), size)]

    assert [(entry.name, entry.url) for entry in PlaylistReader(pieces)] == [
        ("Ünï", "http://h/a"),
        ("Ελλάδα", "http://h/b"),
    ]


def test_a_line_in_an_old_code_page_does_not_spoil_the_others():
    data = "#EXTM3U\n#EXTINF:-1,Ελλάδα\nhttp://h/a\n".encode() + "#EXTINF:-1,Frühstück €\nhttp://h/b\n".encode("cp1252")

    assert [entry.name for entry in read(data)] == ["Ελλάδα", "Frühstück €"]


def test_bytes_of_no_code_page_still_make_a_name():
    assert one(b"#EXTM3U\n#EXTINF:-1,a\x81b\nhttp://h/a\n").name == "a\x81b"


def test_a_line_of_a_megabyte_is_dropped_and_counted():
    data = b"#EXTM3U\nhttp://h/a\n#" + b"x" * 2**20 + b"\nhttp://h/b\n"
    for size in (1000, len(data)):
        reader = PlaylistReader(data[i : i + size] for i in range(0, len(data), size))

        assert [entry.url for entry in reader] == ["http://h/a", "http://h/b"]
        assert reader.too_long_lines == 1


def test_a_list_larger_than_allowed_is_refused():
    reader = PlaylistReader([b"#EXTM3U\n"] + [b"http://h/a\n" * 1000] * 200, max_bytes=1024 * 1024)

    with pytest.raises(TooLarge):
        list(reader)


# --- what else can stand there -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error", "quote"),
    [
        (b"", EmptyAnswer, ""),
        (b"  \r\n\0 ", EmptyAnswer, ""),
        (codecs.BOM_UTF8, EmptyAnswer, ""),
        (b"<!DOCTYPE html><html><head><title> Log\n in &amp; pay </title></head>", WebPage, "Log in & pay"),
        (b"\n <html><body><h1>404 Not Found</h1><script>x()</script></body></html>", WebPage, "404 Not Found"),
        (b"<html><head><title></title></head><body></body></html>", WebPage, ""),
        (b"<center>nginx</center>", WebPage, "nginx"),
        (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x'><html><title>T</title>", WebPage, "T"),
        (b"<?xml version='1.0'?>\n<!-- c --><tv generator-info-name='x'><channel/></tv>", XmlDocument, "tv"),
        (b'{"user_info":{"auth":0,"message":"Bad login"}}', JsonAnswer, "Bad login"),
        (b'[{"a": 1}]', JsonAnswer, '[{"a": 1}]'),
        (b"[]", JsonAnswer, "[]"),
        (b"[playlist]\nFile1=x", PlainText, "[playlist]"),
        (b"INVALID CREDENTIALS\nbye", PlainText, "INVALID CREDENTIALS"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\na.ts\n", SingleStream, ""),
        (b"#EXTM3U\r\n#EXT-X-STREAM-INF:BANDWIDTH=1\r\na.m3u8\r\n", SingleStream, ""),
        (b"7z\xbc\xaf\x27\x1c\x00\x04" + b"\0" * 50, BinaryFile, "7-Zip archive"),
        ((b"\x47" + b"\x00" * 187) * 4, BinaryFile, "MPEG-TS stream"),
        (b"\x00\x00\x00\x20ftypisom" + b"\0" * 50, BinaryFile, "video file"),
        (gzip.compress(mtime=0, data=b"<html><title>packed page</title></html>"), WebPage, "packed page"),
        (b"<title>" + b"long " * 500 + b"</title>", WebPage, ("long " * 30)[:119].rstrip() + "…"),
    ],
    ids=str,
)
def test_what_is_no_list_is_refused_by_name(body, error, quote):
    with pytest.raises(error) as caught:
        read(body)

    assert caught.value.quote == quote


def test_a_panel_list_with_session_data_is_no_hls_stream():
    text = '#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID="com.xui.1_5_12"\n#EXTINF:-1 xui-id="{1}",N\nhttp://h/u/p/1\n'

    assert one(text).name == "N"
