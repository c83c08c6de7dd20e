"""XMLTV from the wild becomes records; what is built to harm is refused."""

from __future__ import annotations

import contextlib
import json
import random
import tracemalloc
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guide import reader
from guide.errors import GuideError, GuideIncomplete, GuideRefused, GuideTooLarge, NotAGuide
from guide.reader import XmltvReader
from guide.records import GuideChannelRecord, GuideRecord
from guide.wanted import Wanted
from tests.guide.feeds import SAMPLES, at, channel, cut, programme, sample, tv

EXPECTED = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))


def read(data: bytes, size: int = 777, **options) -> list[GuideChannelRecord | GuideRecord]:
    return list(XmltvReader(cut(data, size), **options))


def programmes(data: bytes, **options) -> list[GuideRecord]:
    return [item for item in read(data, **options) if isinstance(item, GuideRecord)]


def channels(data: bytes, **options) -> list[GuideChannelRecord]:
    return [item for item in read(data, **options) if isinstance(item, GuideChannelRecord)]


# --- samples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_sample_is_read_to_exactly_its_counts(name):
    facts = EXPECTED[name]
    feed = XmltvReader(cut(sample(name), 4096))
    items = list(feed)
    found = [item for item in items if isinstance(item, GuideChannelRecord)]
    shown = [item for item in items if isinstance(item, GuideRecord)]
    assert feed.counts.channels == facts["channels"]
    assert len({item.id for item in found}) == facts["distinct_channel_ids"]
    assert feed.counts.programmes == facts["programmes"]
    assert feed.counts.bad_times == facts["unparsable_start"]
    assert len(shown) == facts["programmes"] - facts["unparsable_start"]
    assert sum(item.stop is None for item in shown) == facts["missing_stop"]
    if found:
        assert (found[0].id, found[0].names[0]) == tuple(facts["first_channel"].values())
        assert (found[-1].id, found[-1].names[0]) == tuple(facts["last_channel"].values())
    if shown:
        starts = [item.start for item in shown]
        assert min(starts) == datetime.fromisoformat(facts["first_start_utc"])
        assert max(starts) == datetime.fromisoformat(facts["last_start_utc"])
        assert len({item.channel_id for item in shown}) == facts["programme_channels"]
        assert [shown[0].title, shown[-1].title] == [
            facts["first_programme"]["title"],
            facts["last_programme"]["title"],
        ]
        assert sum(bool(item.description) for item in shown) == facts["with_desc"]
        assert sum(bool(item.categories) for item in shown) == facts["with_category"]
        assert sum(bool(item.icon) for item in shown) == facts["with_icon"]
        systems = [system for item in shown for system in item.episode_nums]
        assert {system: systems.count(system) for system in systems} == facts["episode_num_systems"]


def test_random_cuts_change_nothing():
    data = sample("ektotv_example.xml")
    whole = read(data, len(data))
    random_cuts = random.Random(7)
    for _ in range(30):
        pieces, rest = [], data
        while rest:
            size = random_cuts.randint(1, 400)
            pieces.append(rest[:size])
            rest = rest[size:]
        assert list(XmltvReader(pieces)) == whole


def test_a_full_programme_is_read_in_full():
    (record, *_rest) = programmes(sample("ektotv_example.xml"))
    assert record.title == "Programme One"
    assert record.subtitle == "Pilot"
    assert record.categories == ("Crime", "Drama")
    assert record.episode_nums == {"onscreen": "S01E01", "xmltv_ns": "1.1."}
    assert record.credits["actor"] == ("David Thompson|Walter Johnson", "Ryan Lee|Karl James")
    assert record.credits["guest"] == ("Lucas Martin", "Emily Parker", "Oliver Nelson")
    assert record.ratings == (("BBFC", "15"),)
    assert record.star_rating == "4/5"
    assert record.icon == "https://example.com/programme_one_icon.jpg"
    assert record.date == "20220401"
    assert record.country == "US"
    assert (record.is_new, record.is_repeat, record.is_premiere) == (True, True, True)


# --- languages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("languages", "title"),
    [
        ((), "first"),
        (("de",), "zwei"),
        (("fr", "de"), "zwei"),
        (("de", "fr"), "zwei"),
        (("nl",), "first"),
        (("pt",), "três"),
    ],
)
def test_the_preferred_language_is_chosen(languages, title):
    data = tv(
        '<programme start="20260601" channel="a"><title>first</title><title lang="de">zwei</title>'
        '<title lang="pt-BR">três</title><title lang="fr"> </title></programme>'
    )
    assert programmes(data, languages=languages)[0].title == title


def test_categories_come_in_the_preferred_language_or_all():
    data = tv(
        '<programme start="20260601" channel="a"><title>t</title><category lang="en">Film</category>'
        '<category lang="de">Spielfilm</category><category lang="en">Film</category></programme>'
    )
    assert programmes(data)[0].categories == ("Film", "Spielfilm")
    assert programmes(data, languages=("de",))[0].categories == ("Spielfilm",)
    assert programmes(data, languages=("nl",))[0].categories == ("Film", "Spielfilm")


def test_names_in_the_preferred_language_come_first():
    data = tv('<channel id="a"><display-name>A</display-name><display-name lang="de">Ah</display-name></channel>')
    assert channels(data, languages=("de",))[0].names == ("Ah", "A")


# --- bytes and markup ------------------------------------------------------------------------------------------------


NAMED = '<channel id="a"><display-name>Té</display-name></channel>'
ESCAPED = '<channel id="a"><display-name>T&eacute;</display-name></channel>'


def declared(encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?><tv>{NAMED}</tv>'


@pytest.mark.parametrize(
    "data",
    [
        f"<tv>{NAMED}</tv>".encode(),
        f"<tv>{NAMED}</tv>".encode("utf-8-sig"),
        f"<tv>{NAMED}</tv>".encode("utf-16"),
        declared("utf-16").encode("utf-16-le"),
        declared("ISO-8859-1").encode("latin-1"),
        declared("windows-1252").encode("cp1252"),
        # The mark wins over the declaration.
        declared("ISO-8859-1").encode("utf-8-sig"),
        f'  \n\n<?xml version="1.0"?><tv>{ESCAPED}</tv>'.encode(),
        b'<tv><channel id="a"><display-name>T&#233;</display-name></channel></tv>',
        b'<tv xmlns="urn:xmltv"><channel id="a"><display-name>T&#xe9;</display-name></channel></tv>',
        b'<TV><channel id="a"><display-name><![CDATA[T&eacute;]]></display-name></channel></TV>',
    ],
)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_every_encoding_and_spelling_is_read(data, size):
    assert channels(data, size=size)[0].names == ("Té",)


def test_bad_bytes_are_replaced():
    assert channels(b'<tv><channel id="a"><display-name>T\xff\xfeV</display-name></channel></tv>')[0].names == ("T��V",)


def test_an_unknown_or_treacherous_encoding_is_read_as_utf8():
    for name in ("klingon", "unicode_escape", "idna", "utf-7", "zlib"):
        data = f'<?xml version="1.0" encoding="{name}"?>'.encode() + tv(channel("a", "Té")).split(b"?>", 1)[1]
        assert channels(data)[0].names == ("Té",)


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        ("Tom & Jerry", "Tom & Jerry"),
        ("AT&T", "AT&T"),
        ("R&D;", "R&D;"),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        ("caf&amp;eacute;", "café"),
        ("&nosuchthing; stays", "&nosuchthing; stays"),
        ("<![CDATA[Tom & <b>Jerry</b>]]>", "Tom & Jerry"),
        ("a&#0;b&#x1F;c&#xD800;d&#xFFFE;e", "abcde"),
        ("a\x00b\x1fc\x0bd", "abcd"),
        ("<i>Slanted</i> news", "Slanted news"),
        ("I <3 you, 2 < 3", "I <3 you, 2 < 3"),
        ("one\n two", "one two"),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 4096])
def test_texts_are_repaired(sent, read_as, size):
    assert programmes(tv(programme("a", "1 20:00", title=sent)), size=size)[0].title == read_as


def test_a_broken_place_costs_only_itself():
    data = tv(
        channel("a"),
        '<channel id="b"><display-name>never closed</channel>',
        channel("c"),
        '<programme start=20260601 channel="c"><title>unquoted</title></programme>',
        programme("c", "1 20:00", title="whole"),
    )
    assert [item.id for item in channels(data)][:1] == ["a"]
    assert "c" in [item.id for item in channels(data)]
    assert [item.title for item in programmes(data)] == ["whole"]


def test_unwanted_broadcasts_come_with_their_times_only():
    data = tv(programme("A", "1 20:00", "1 21:00", "in"), programme("B", "1 20:00", "1 21:00", "out"))
    wanted, unwanted = programmes(data, wants=Wanted.of(["a"]))
    assert (wanted.title, unwanted.title) == ("in", "")
    assert wanted.start == unwanted.start


def test_times_are_in_the_sources_zone_when_they_name_none():
    data = tv('<programme start="20260601200000" stop="nonsense" channel="a"><title>t</title></programme>')
    (record,) = programmes(data, default_zone=ZoneInfo("Europe/Berlin"))
    assert record.start == datetime(2026, 6, 1, 18, tzinfo=UTC)
    assert record.stop is None


def test_a_programme_without_a_channel_or_a_time_is_counted_and_left_out():
    feed = XmltvReader([tv('<programme start="20260601"/>', '<programme channel="a" start="soon"/>')])
    assert list(feed) == []
    assert (feed.counts.programmes, feed.counts.without_channel, feed.counts.bad_times) == (2, 1, 1)


# --- what is no guide ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The guide is empty: not one byte of text came."),
        (b"   \n", "The guide is empty: not one byte of text came."),
        (b"<html><title>Please log in</title></html>", "A web page came in place of a guide: 'Please log in'."),
        (b"<!DOCTYPE html><p>Too many requests", "A web page came in place of a guide: 'Too many requests'."),
        (b'{"error": "no access"}', """An answer in JSON came in place of a guide: '{"error": "no access"}'."""),
        (b"#EXTM3U\n#EXTINF:-1,a\nhttp://h/1", "This is an M3U playlist, not an XMLTV guide."),
        (b"Access denied", "This is no XMLTV guide; it begins with 'Access denied'."),
        (b"<rss><channel id='a'/></rss>", "The file begins with <rss>, so it is no XMLTV guide."),
        (b"<a><tv/></a>", "The file begins with <a>, so it is no XMLTV guide."),
        (b"\x00\x01\x02", "The guide is empty: not one byte of text came."),
    ],
)  # fmt: skip
def test_what_is_no_guide_is_named(data, sentence):
    with pytest.raises(NotAGuide) as caught:
        read(data)
    assert caught.value.message == sentence


def test_secrets_of_a_page_are_not_shown():
    with pytest.raises(NotAGuide) as caught:
        read(b"<html><title>http://h/get.php?username=bob&password=hunter2</title></html>")
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_guide_that_ends_early_gives_what_it_has_and_says_so(keep):
    data = sample("de_eu_listings.xml")
    feed = XmltvReader(cut(data[: int(len(data) * keep)]))
    found: list[object] = []
    with pytest.raises(GuideIncomplete, match=r"ends early, after 2 channels and \d+ broadcasts"):
        found.extend(feed)
    assert 15 < len(found) < 89


@pytest.mark.parametrize(
    "end", ["</tv>", "</tv>\n\n", "</tv><!-- made by a grabber -->", "</TV>", "</tv  >", "</tv>\n<?end?>"]
)
def test_a_guide_that_closes_is_complete(end):
    opening = "<TV>" if end.isupper() else "<tv>"
    assert read(f"{opening}{channel('a')}{end}".encode())


# --- attacks ---------------------------------------------------------------------------------------------------------

LAUGHS = '<!ENTITY l0 "lol">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "data",
    [
        f'<!DOCTYPE tv [{LAUGHS}]><tv><channel id="a"><display-name>&l11;</display-name></channel></tv>',
        f'<?xml version="1.0"?><!DOCTYPE tv [{LAUGHS}]><tv generator-info-name="&l11;"><channel id="&l11;"/></tv>',
        '<!DOCTYPE tv [<!ENTITY x SYSTEM "file:///etc/passwd">]><tv><channel id="a"/>&x;</tv>',
        '<!DOCTYPE tv [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]><tv><channel id="a"/></tv>',
        '<!DOCTYPE tv [<!ENTITY x "harmless">]><tv><channel id="&x;"/></tv>',
    ],
)  # fmt: skip
def test_entities_are_refused(data):
    tracemalloc.start()
    with pytest.raises((GuideRefused, NotAGuide), match="declares entities"):
        read(data.encode())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_an_external_dtd_is_never_asked_for():
    data = b'<!DOCTYPE tv SYSTEM "http://127.0.0.1:9/xmltv.dtd"><tv><channel id="a"/></tv>'
    assert channels(data)[0].id == "a"


def test_a_file_without_end_is_stopped_at_its_cap():
    def forever():
        yield b"<tv>"
        while True:
            yield channel("a").encode() * 1000

    with pytest.raises(GuideTooLarge, match="larger than 5 MB"):
        list(XmltvReader(forever(), max_bytes=5 * 1024**2))


def test_one_element_without_end_is_stopped():
    def forever():
        yield b'<tv><programme start="20260601" channel="a"><title>t</title>'
        while True:
            yield b"<desc>x</desc>" * 5000

    with pytest.raises(GuideRefused, match="4 MB without a broadcast"):
        list(XmltvReader(forever()))


def test_a_feed_too_damaged_to_go_on_gives_what_it_had():
    broken = '<programme start="20260601" channel="c"><title>News <Live></title></programme>'
    feed = XmltvReader(cut(tv(programme("a", "1 20:00", "1 21:00"), *[broken] * 100_000), 65536))
    found: list[object] = []
    with pytest.raises(GuideIncomplete, match="too damaged"):
        found.extend(feed)
    assert len(found) >= 1


def test_a_file_that_never_comes_to_its_guide_is_stopped():
    def forever():
        yield b"<list>"
        while True:
            yield b"<item>x</item>" * 5000

    with pytest.raises(NotAGuide, match="first megabyte"):
        list(XmltvReader(forever()))


def test_deep_nesting_does_not_hurt():
    data = b"<tv>" + b"<x>" * 100_000 + b"</x>" * 100_000 + b"</tv>"
    with pytest.raises(GuideIncomplete):
        read(data, size=65536)


def test_junk_between_elements_costs_no_memory(monkeypatch):
    monkeypatch.setattr(reader, "MAX_ELEMENT_BYTES", 1024**4)
    junk = b"<junk a='b'>text</junk>" * 3000

    def chunks():
        yield b"<tv>"
        for _ in range(100):
            yield junk
        yield b"</tv>"

    feed = XmltvReader(chunks())
    assert list(feed) == []
    assert feed._root is not None
    assert len(feed._root) < 4000


def test_a_name_that_is_none_is_damage_like_any_other():
    with pytest.raises(NotAGuide):
        list(XmltvReader([b"<A:></A:>"]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_anywhere_is_survived(data):
    whole = bytearray(sample("jf_multilanguage.xml"))
    for _ in range(data.draw(st.integers(1, 6))):
        at_byte = data.draw(st.integers(0, len(whole) - 1))
        whole[at_byte : at_byte + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    with contextlib.suppress(GuideError):
        for item in XmltvReader(cut(bytes(whole), 500)):
            assert item.id if isinstance(item, GuideChannelRecord) else item.channel_id


def test_at_reads_as_it_says():
    assert at("1 20:30") == datetime(2026, 6, 1, 20, 30, tzinfo=UTC)
