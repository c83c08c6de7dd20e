"""The guide players fetch: complete, in the DTD's order, unbreakable by any name."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from guide.importer import import_guide
from guide.models import EpgSource
from guide.reader import XmltvReader
from guide.records import GuideChannelRecord, GuideRecord, GuideRef
from restreamer.lib.xmltv import legal
from streaming.outputs.xmltv import XmltvChannel, xmltv
from tests.guide.feeds import NOW, SAMPLES, at, cut, programme, sample, tv

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DTD = next(
    (p for p in map(Path, ("/usr/share/xmltv/xmltv.dtd", "/usr/local/share/xmltv/xmltv.dtd")) if p.exists()), None
)


def guide(data: bytes | list[GuideChannelRecord | GuideRecord], name: str = "Guide", **options) -> EpgSource:
    source = EpgSource.objects.create(name=name, address="http://g/", days_back=60, days_ahead=60, **options)
    items = XmltvReader(cut(data)) if isinstance(data, bytes) else data
    import_guide(source, items, now=options.pop("now", NOW))
    return source


def ours(tvg_id: str, *names: str, guide_id: str | None = None, shift: int = 0, **options) -> XmltvChannel:
    return XmltvChannel(tvg_id, names or (tvg_id,), guide=GuideRef(guide_id or tvg_id, shift), **options)


def written(*channels: XmltvChannel, start=NOW - 5 * DAY, stop=NOW + 10 * DAY, **options) -> bytes:
    return b"".join(xmltv(channels, start, stop, **options))


def tree(*channels: XmltvChannel, **options) -> etree._Element:
    return etree.fromstring(written(*channels, **options), etree.XMLParser(resolve_entities=False))


def shown(root: etree._Element) -> list[tuple[str, str, str, str]]:
    found = []
    for row in root.iter("programme"):
        channel, start, stop = (str(row.attrib[name]) for name in ("channel", "start", "stop"))
        found.append((channel, start[6:12], stop[6:12], row.findtext("title", "")))
    return found


def test_channels_come_first_then_broadcasts_by_channel_and_start():
    guide(tv(programme("b", "1 21:00", "1 22:00", "b2"), programme("a", "1 20:00", "1 21:00", "a1"),
             programme("b", "1 20:00", "1 21:00", "b1")))  # fmt: skip
    root = tree(ours("a"), ours("b"))
    assert [child.tag for child in root] == ["channel"] * 2 + ["programme"] * 3
    assert {(row[0], row[3]) for row in shown(root)} == {("a", "a1"), ("b", "b1"), ("b", "b2")}
    titles = [row[3] for row in shown(root)]
    assert titles.index("b1") < titles.index("b2")


def test_a_channel_has_names_number_and_icon():
    named = ours("a", "News HD", "News", number="7", icon="http://h/7.png")
    root = tree(named, XmltvChannel("own.1", ()), with_empty=True)
    assert [e.text for e in root.findall("channel[1]/display-name")] == ["News HD", "News", "7"]
    assert root.find("channel[1]/icon").get("src") == "http://h/7.png"
    assert [e.text for e in root.findall("channel[2]/display-name")] == ["own.1"]


def test_times_are_utc_and_both_are_there():
    guide(tv('<programme start="20260601200000 +0200" channel="a"><title>t</title></programme>'))
    (row,) = tree(ours("a")).iter("programme")
    assert (row.get("start"), row.get("stop")) == ("20260601180000 +0000", "20260601190000 +0000")


def test_shifts_of_source_and_channel_add_up():
    guide(tv(programme("a", "1 23:30", "2 00:30", "t")), shift_minutes=60)
    root = tree(ours("a"), ours("late", guide_id="a", shift=60), ours("early", guide_id="a", shift=-120))
    assert sorted(shown(root)) == [
        ("a", "020030", "020130", "t"),
        ("early", "012230", "012330", "t"),
        ("late", "020130", "020230", "t"),
    ]


def test_a_guide_that_counts_fractions_of_seconds_ends(monkeypatch):
    monkeypatch.setattr("guide.querysets.PAGE_ROWS", 2)
    start = at("1 20:00") + timedelta(microseconds=500_000)
    rows = [GuideRecord("a", start + n * HOUR, start + (n + 1) * HOUR, str(n)) for n in range(5)]
    guide([GuideChannelRecord("a", ("A",)), *rows])
    assert [row[3] for row in shown(tree(ours("a")))] == ["0", "1", "2", "3", "4"]


def test_times_are_right_when_no_more_of_them_are_remembered(monkeypatch):
    monkeypatch.setattr("streaming.outputs.xmltv._TIMES_KEPT", 2)
    guide(tv(*(programme("a", f"1 {hour}:00", f"1 {hour + 1}:00", str(hour)) for hour in range(10, 15))))
    assert [row[1:3] for row in shown(tree(ours("a")))] == [
        (f"01{hour}0000"[:6], f"01{hour + 1}0000"[:6]) for hour in range(10, 15)
    ]


def test_the_window_is_kept_with_shifts_in_mind():
    guide(tv(*(programme("a", f"{day} 12:00", f"{day} 13:00", str(day)) for day in range(1, 10))))
    root = tree(ours("a"), start=at("3 12:30"), stop=at("5 12:00"))
    assert [row[3] for row in shown(root)] == ["3", "4"]
    root = tree(ours("a", shift=60), start=at("3 12:30"), stop=at("5 12:00"))
    assert [row[3] for row in shown(root)] == ["3", "4"]
    root = tree(ours("a", shift=-60), start=at("3 12:30"), stop=at("5 12:00"))
    assert [row[3] for row in shown(root)] == ["4", "5"]


def test_one_guide_channel_may_serve_many_channels():
    guide(tv(*(programme("a", f"1 {hour}:00", f"1 {hour + 1}:00", str(hour)) for hour in range(10, 15))))
    rows = shown(tree(*(ours(f"ch{n}", guide_id="a", shift=n) for n in range(5))))
    assert len(rows) == 25
    assert len({row[:2] for row in rows}) == 25


def test_channels_with_one_id_are_one():
    guide(tv(programme("a", "1 20:00", "1 21:00")))
    root = tree(
        ours("a", "One"), ours("a", "Uno", number="3"), XmltvChannel("b", ("B",)), ours("b", "Bee", guide_id="a")
    )
    assert [c.get("id") for c in root.iter("channel")] == ["a", "b"]
    assert [e.text for e in root.findall("channel[1]/display-name")] == ["One", "Uno", "3"]
    assert sorted(row[0] for row in shown(root)) == ["a", "b"]


def test_the_first_source_that_knows_anything_answers():
    guide(tv(programme("a", "1 20:00", "1 21:00", "first")), "First", priority=1)
    second = guide(
        tv(programme("a", "1 20:00", "1 21:00", "second"), programme("b", "1 20:00", "1 21:00", "b")), "Second"
    )
    guide(tv('<channel id="b"><display-name>b</display-name></channel>'), "Empty for b", priority=0)
    assert sorted(row[3] for row in shown(tree(ours("A"), ours("b")))) == ["b", "first"]
    only_second = XmltvChannel("a", ("a",), guide=GuideRef("a", source_id=second.pk))
    assert [row[3] for row in shown(tree(only_second))] == ["second"]


def test_a_channel_with_nothing_to_show_is_announced_when_asked_for():
    guide(tv(programme("a", "1 20:00", "1 21:00"), programme("old", "1 00:30", "1 01:00")))
    channels = (XmltvChannel("none", ("None",)), ours("unknown"), ours("a"), ours("old"))
    root = tree(*channels, start=at("1 12:00"))
    assert [c.get("id") for c in root.iter("channel")] == ["a"]
    root = tree(*channels, start=at("1 12:00"), with_empty=True)
    assert [c.get("id") for c in root.iter("channel")] == ["none", "unknown", "a", "old"]
    assert len(shown(root)) == 1


def test_nothing_at_all_is_a_valid_guide():
    assert list(etree.fromstring(written())) == []


def test_pages_and_rounds_lose_nothing(monkeypatch):
    monkeypatch.setattr("streaming.outputs.xmltv._CHANNELS_AT_ONCE", 3)
    monkeypatch.setattr("guide.querysets.PAGE_ROWS", 4)
    monkeypatch.setattr("streaming.outputs.xmltv.PAGE_ROWS", 12)
    guide(tv(*(programme(f"c{c}", f"1 {h:02}:00", f"1 {h + 1:02}:00", f"{c} {h}") for c in range(8) for h in range(9))))
    rows = shown(tree(*(ours(f"c{c}") for c in range(8))))
    assert sorted(row[3] for row in rows) == sorted(f"{c} {h}" for c in range(8) for h in range(9))


def test_it_comes_in_large_pieces():
    guide(tv(*(programme("a", f"1 {n // 60:02}:{n % 60:02}", "", "x" * 300) for n in range(900))))
    pieces = list(xmltv([ours("a")], NOW - DAY, NOW + DAY, chunk_chars=64 * 1024))
    assert len(pieces) >= 4
    assert all(64 * 1024 <= len(piece) <= 66 * 1024 for piece in pieces[1:-1]), "all but the head, which comes at once"


def test_statements_grow_with_pages_only(django_assert_max_num_queries):
    guide(tv(*(programme(f"c{c}", "1 20:00", "1 21:00") for c in range(150))))
    with django_assert_max_num_queries(5):
        assert len(shown(tree(*(ours(f"c{c}") for c in range(150))))) == 150


def test_a_guide_replaced_while_it_is_read_is_read_whole(monkeypatch):
    monkeypatch.setattr("streaming.outputs.xmltv._CHANNELS_AT_ONCE", 1)
    source = guide(tv(*(programme(f"c{c}", "1 20:00", "1 21:00", "old") for c in range(3))))
    pieces = xmltv([ours(f"c{c}") for c in range(3)], NOW - DAY, NOW + DAY, chunk_chars=1)
    begun = [next(pieces) for _ in range(5)]
    data = tv(*(programme(f"c{c}", "1 20:00", "1 21:00", "new") for c in range(3)))
    import_guide(source, XmltvReader([data]), now=NOW)
    rows = shown(etree.fromstring(b"".join([*begun, *pieces])))
    assert [row[3] for row in rows] == ["old", "new", "new"]


# --- texts -----------------------------------------------------------------------------------------------------------

NASTY = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ['a "b" & <c> ]]> d', "x\x00y\x1fz", "‮RTL‬", "👨‍👩‍👧", "line\nbreak\ttab", "&amp;&#0;", "￾"]
)


def one_space(text: str) -> str:
    return " ".join(legal(text).split())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NASTY, min_size=1, max_size=3), title=NASTY, description=NASTY, number=NASTY)
def test_any_text_is_read_back_equal(names, title, description, number):
    EpgSource.objects.all().delete()
    record = GuideRecord("a", at("1 20:00"), None, title, subtitle=title, description=description, categories=(title,))
    guide([GuideChannelRecord("a", ("A",)), record])
    root = tree(ours("a", *names, number=number, icon=f"http://h/{title}"), with_empty=True)
    kept = [one_space(name) for name in dict.fromkeys((*names, number)) if legal(name).strip()]
    assert [one_space(e.text) for e in root.findall("channel/display-name")] == (kept or ["a"])
    for row in root.iter("programme"):
        assert one_space(row.findtext("title")) == one_space(title)
        assert one_space(row.findtext("desc", "")) == one_space(description)


def test_broken_rows_never_break_the_file():
    guide([GuideRecord('a"<', at("1 20:00"), None, "t", lang='e"<', icon="http://h/\"'<>", country="<",
                       ratings=(('"', "<"),), credits={"actor": ('A|"<>&',)}, episode_nums={'"': "<"})])  # fmt: skip
    root = tree(ours('a"<'))
    assert [row[0] for row in shown(root)] == ['a"<']
    assert root.find("programme/credits/actor").get("role") == '"<>&'


# --- validators ------------------------------------------------------------------------------------------------------


def validated(data: bytes, folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    path = folder / "guide.xml"
    path.write_bytes(data)
    return subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def full_guide() -> bytes:
    """Every sample through our import and out again, with what prose and shifts add."""
    names = [path.name.removesuffix(".gz") for path in SAMPLES.glob("*.xml*") if "jaylinski" not in path.name]
    channels = {}
    for name in names:
        feed = XmltvReader(cut(sample(name), 65536))
        items = list(feed)
        starts = [item.start for item in items if isinstance(item, GuideRecord)]
        source = EpgSource.objects.create(name=name, address="http://g/", days_back=60, days_ahead=60)
        import_guide(source, items, now=min(starts, default=NOW))
        for row in source.channels.live():
            # The validator wants ids like names of hosts.
            tvg_id = f"{row.xmltv_id}.example".replace("_", "-")
            channels[row.xmltv_id] = ours(tvg_id, *row.names, guide_id=row.xmltv_id, number="5")
    record = GuideRecord("x", at("1 20:00"), None, "Tom & Jerry <1>", description="(S2 Ep3)", categories=("Spielfilm",))
    guide([record])
    channels["x"] = ours("x.example", "X", guide_id="x", shift=90, icon="http://h/a&b.png")
    return written(*channels.values(), start=at("1 00:00") - 9000 * DAY, stop=at("1 00:00") + DAY)


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("tv_validate_file") is None, reason="tv_validate_file (xmltv-util) is not installed")
def test_the_projects_own_validator_finds_nothing(full_guide, tmp_path):
    assert full_guide.count(b"<programme ") > 3400
    command = ["tv_validate_file", *(["--dtd-file", str(DTD)] if DTD.exists() else [])]
    result = validated(full_guide, tmp_path, command)
    assert (result.stdout + result.stderr).strip() == "Validated ok."
    assert result.returncode == 0


@pytest.mark.clients
@pytest.mark.skipif(
    shutil.which("xmllint") is None or not DTD.exists(), reason="xmllint or the XMLTV DTD is not installed"
)
def test_it_is_valid_by_the_dtd(full_guide, tmp_path):
    shutil.copy(DTD, tmp_path / "xmltv.dtd")
    result = validated(full_guide, tmp_path, ["xmllint", "--noout", "--nonet", "--valid"])
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("tv_validate_file") is None, reason="tv_validate_file (xmltv-util) is not installed")
def test_the_validator_would_have_found_something(tmp_path):
    broken = written(ours("a.example")).replace(b"<display-name>", b"<desc/><display-name>")
    command = ["tv_validate_file", *(["--dtd-file", str(DTD)] if DTD.exists() else [])]
    assert validated(broken, tmp_path, command).returncode != 0
