"""A guide goes live whole or not at all, and keeps XMLTV's rules on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from guide import generation, importer
from guide.errors import GuideEmpty, GuideIncomplete, GuideOvertaken, NotAGuide
from guide.importer import import_guide, remove_replaced, remove_unfinished
from guide.models import EpgSource, GuideChannel, Programme
from guide.reader import XmltvReader
from guide.records import GuideChannelRecord, GuideRecord
from guide.wanted import EVERYTHING, Wanted
from tests.guide.feeds import NOW, SAMPLES, at, channel, cut, programme, sample, tv

pytestmark = pytest.mark.django_db

EXPECTED = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def source() -> EpgSource:
    return EpgSource.objects.create(name="Guide", address="http://guide.example/", days_back=60, days_ahead=60)


def take(source, data: bytes, *, now=NOW, wants=EVERYTHING):
    return import_guide(source, XmltvReader(cut(data)), now=now, wants=wants)


def shown(source) -> list[tuple[str, str, str, str]]:
    """What readers see: (channel, start, stop, title)."""
    rows = Programme.objects.filter(channel__in=source.channels.live()).order_by("channel__xmltv_id", "start")
    return [
        (row.channel.xmltv_id, f"{row.start:%-d %H:%M}", f"{row.stop:%-d %H:%M}", row.title)
        for row in rows.select_related("channel")
    ]


# --- samples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_sample_imports_to_exactly_its_counts(source, name):
    facts = EXPECTED[name]
    first = facts.get("first_start_utc")
    now = datetime.fromisoformat(first) if first else NOW
    feed = XmltvReader(cut(sample(name), 4096))
    report = import_guide(source, feed, now=now, wants=EVERYTHING)
    counts = report.counts
    assert source.channels.live().count() == counts["channels"] == facts["distinct_channel_ids"]
    assert report.read == facts["programmes"] - facts["unparsable_start"]
    assert feed.counts.programmes == facts["programmes"]
    assert counts["kept"] == Programme.objects.count() == report.read - counts["duplicates"]
    assert sum(source.channels.live().values_list("programmes_seen", flat=True)) == report.read
    assert not source.incomplete
    # The one sample with broadcasts at the same time on one channel has five of them.
    assert counts["duplicates"] == (4 if name == "ektotv_example.xml" else 0)


# --- rules of section 4 ----------------------------------------------------------------------------------------------


def test_a_missing_stop_is_the_next_start_and_an_hour_at_the_end(source):
    take(source, tv(channel("a"), programme("a", "1 20:00"), programme("a", "1 20:30", title="Last")))
    assert shown(source) == [("a", "1 20:00", "1 20:30", "Film"), ("a", "1 20:30", "1 21:30", "Last")]


def test_an_overlap_is_cut_at_the_later_start(source):
    take(source, tv(programme("a", "1 20:00", "1 22:00"), programme("a", "1 21:00", "1 23:00", "Later")))
    assert shown(source) == [("a", "1 20:00", "1 21:00", "Film"), ("a", "1 21:00", "1 23:00", "Later")]


def test_a_gap_stays_a_gap(source):
    take(source, tv(programme("a", "1 20:00", "1 20:30"), programme("a", "1 21:00", "1 22:00", "Later")))
    assert shown(source)[0][2] == "1 20:30"


def test_nothing_is_longer_than_a_day(source):
    report = take(
        source, tv(programme("a", "1 20:00", "5 20:00"), programme("b", "1 20:00"), programme("b", "9 20:00"))
    )
    assert [row[1:3] for row in shown(source)] == [
        ("1 20:00", "2 20:00"),
        ("1 20:00", "2 20:00"),
        ("9 20:00", "9 21:00"),
    ]
    assert report.counts["cut_at_24h"] == 2


def test_a_stop_before_the_start_drops_the_programme(source):
    report = take(source, tv(programme("a", "1 20:00", "1 20:00"), programme("a", "1 21:00", "1 20:30")))
    assert shown(source) == []
    assert report.counts["ends_before_start"] == 2


def test_ids_that_differ_in_case_and_blanks_are_one_channel(source):
    take(
        source,
        tv(channel(" BBC1.uk ", "BBC One"), channel("bbc1.UK", "BBC 1"), programme("bbc1.uk ", "1 20:00", "1 21:00")),
    )
    (row,) = source.channels.live()
    assert (row.xmltv_id, row.names) == ("BBC1.uk", ["BBC One", "BBC 1"])
    assert len(shown(source)) == 1


def test_a_channel_announced_twice_keeps_all_names_and_the_first_icon(source):
    take(
        source,
        tv(
            channel("a", "One", inside='<icon src="http://h/1.png"/>'),
            channel("a", "Uno", "One", inside='<icon src="http://h/2.png"/>'),
        ),
    )
    (row,) = source.channels.live()
    assert (row.names, row.icon) == (["One", "Uno"], "http://h/1.png")


def test_channels_may_come_after_their_programmes(source):
    take(source, tv(programme("a", "1 20:00", "1 21:00"), channel("a", "Late Name")))
    assert source.channels.live().get().names == ["Late Name"]
    assert len(shown(source)) == 1


def test_programmes_may_have_no_channel_element(source):
    take(source, tv(programme("a", "1 20:00", "1 21:00")))
    row = source.channels.live().get()
    assert (row.xmltv_id, row.names, row.shown_name) == ("a", [], "a")


def test_a_programme_announced_twice_is_one_and_completed(source):
    report = take(
        source,
        tv(
            programme("a", "1 20:00", "1 21:00"),
            programme("a", "1 20:00", "1 21:00", inside="<desc>What it is about.</desc>"),
            programme("a", "1 20:00", "1 21:00", title="Another", inside="<sub-title>Not mine</sub-title>"),
        ),
    )
    row = Programme.objects.get()
    assert (row.title, row.subtitle, row.description) == ("Film", "", "What it is about.")
    assert report.counts["duplicates"] == 2


def test_a_programme_without_a_title_takes_its_episode_or_genre(source):
    report = take(
        source,
        tv(
            programme("a", "1 20:00", "1 21:00", title="", inside="<sub-title>Pilot</sub-title>"),
            programme("a", "1 21:00", "1 22:00", title=" ", inside="<category>News</category>"),
            programme("a", "1 22:00", "1 23:00", title=""),
        ),
    )
    assert [row[3] for row in shown(source)] == ["Pilot", "News"]
    assert report.counts["no_title"] == 1


@pytest.mark.parametrize("stops", [True, False])
def test_programmes_in_any_order_end_up_in_order(source, stops):
    times = [("1 22:00", "1 23:30"), ("1 20:00", "1 21:00"), ("1 23:00", "2 01:00"), ("1 21:00", "1 22:00"),
             ("1 20:30", "1 21:00"), ("1 20:30", "1 21:30")]  # fmt: skip
    report = take(source, tv(*(programme("a", start, stop if stops else "") for start, stop in times)))
    found = [row[1:3] for row in shown(source)]
    last = "2 01:00" if stops else "2 00:00"
    starts = ["1 20:00", "1 20:30", "1 21:00", "1 22:00", "1 23:00"]
    assert found == list(zip(starts, [*starts[1:], last], strict=True))
    assert report.counts["kept"] == 5
    assert report.counts["duplicates"] == 1
    row = source.channels.live().get()
    assert (row.programmes_kept, row.first_start, row.last_stop) == (5, at("1 20:00"), at(last))


def test_a_feed_that_fills_memory_with_waiting_programmes_is_written_early(source, monkeypatch):
    monkeypatch.setattr(generation, "_MAX_WAITING_CHARS", 2000)
    rows = [programme(f"c{n % 40}", f"1 {n // 40}:00", title=f"{n % 40} {n // 40}") for n in range(400)]
    take(source, tv(*rows))
    found = shown(source)
    assert len(found) == 400
    assert {row[2] for row in found if row[0] == "c7"} == {f"1 {hour:02}:00" for hour in range(1, 11)}


def test_a_feed_of_endless_channels_is_cut(source, monkeypatch):
    monkeypatch.setattr(generation, "MAX_CHANNELS", 10)
    report = take(source, tv(*(programme(f"c{n}", "1 20:00", "1 21:00") for n in range(15))))
    assert (source.channels.live().count(), report.counts["over_limit"]) == (10, 5)


# --- window and wishes -----------------------------------------------------------------------------------------------


def test_only_the_window_is_kept(source):
    source.days_back, source.days_ahead = 1, 2
    data = tv(
        programme("a", "10 10:00", "10 11:30", "too old"),
        programme("a", "10 11:30", "10 12:30", "reaches in"),
        programme("a", "13 11:00", "13 13:00", "reaches out"),
        programme("a", "13 13:00", "13 14:00", "too new"),
    )
    report = take(source, data, now=at("11 12:00"))
    assert [row[3] for row in shown(source)] == ["reaches in", "reaches out"]
    assert report.counts["outside_window"] == 2


def test_the_window_moves_with_the_sources_shift(source):
    source.days_back, source.days_ahead, source.shift_minutes = 0, 1, 120
    data = tv(programme("a", "11 10:30", "11 11:30", "is on at one"), programme("a", "12 11:00", "12 11:30", "x"))
    take(source, data, now=at("11 12:00"))
    assert [row[3] for row in shown(source)] == ["is on at one"]


def test_unwanted_channels_are_counted_only(source):
    data = tv(
        channel("a"),
        channel("B.x", "Bee"),
        programme("a", "1 20:00", "1 21:00"),
        programme("b.X", "1 20:00", "1 21:00"),
    )
    report = take(source, data, wants=Wanted.of(["A "]))
    assert [row[0] for row in shown(source)] == ["a"]
    unwanted = source.channels.live().get(key="b.x")
    assert (unwanted.names, unwanted.programmes_seen, unwanted.programmes_kept) == (["Bee"], 1, 0)
    assert report.counts["not_wanted"] == 1


def test_equal_wishes_have_equal_digests():
    assert Wanted.of(["b", "A"]).digest == Wanted.of(["a", "B", ""]).digest
    assert Wanted.of(["a"]).digest != Wanted.of([]).digest != EVERYTHING.digest


# --- the switch ------------------------------------------------------------------------------------------------------


def broken_after(records, error):
    yield from records
    raise error


def records(*titles: str) -> list[GuideChannelRecord | GuideRecord]:
    begin = [GuideChannelRecord("a", ("A",))]
    return begin + [
        GuideRecord("a", at("1 20:00") + timedelta(hours=n), at("1 21:00") + timedelta(hours=n), title)
        for n, title in enumerate(titles)
    ]


def test_readers_see_the_old_guide_until_all_of_the_new_one_is_there(source, monkeypatch):
    monkeypatch.setattr(generation, "BATCH_ROWS", 2)
    import_guide(source, records("old"), now=NOW)
    seen = []

    def watched():
        for record in records("n1", "n2", "n3", "n4", "n5"):
            seen.append([row[3] for row in shown(source)])
            yield record

    import_guide(source, watched(), now=NOW)
    assert seen == [["old"]] * 6
    assert [row[3] for row in shown(source)] == ["n1", "n2", "n3", "n4", "n5"]


@pytest.mark.parametrize("error", [NotAGuide("no"), KeyboardInterrupt()])
def test_a_failed_import_leaves_the_old_guide(source, monkeypatch, error):
    monkeypatch.setattr(generation, "BATCH_ROWS", 2)
    import_guide(source, records("old"), now=NOW)
    with pytest.raises(type(error)):
        import_guide(source, broken_after(records("n1", "n2", "n3", "n4", "n5"), error), now=NOW)
    source.refresh_from_db()
    assert [row[3] for row in shown(source)] == ["old"]
    assert Programme.objects.count() > 1


def test_leftovers_of_a_killed_import_go_at_the_next_start(source, monkeypatch):
    monkeypatch.setattr(generation, "BATCH_ROWS", 2)
    import_guide(source, records("old"), now=NOW)
    with pytest.raises(KeyboardInterrupt):
        import_guide(source, broken_after(records("n1", "n2", "n3", "n4"), KeyboardInterrupt()), now=NOW)
    assert remove_unfinished(source) == 2
    assert [row.title for row in Programme.objects.all()] == ["old"]
    assert GuideChannel.objects.count() == 1


def test_a_replaced_generation_stays_for_answers_under_way_and_then_goes(source):
    import_guide(source, records("old", "older"), now=NOW)
    import_guide(source, records("new"), now=NOW)
    assert remove_replaced(source, NOW + importer.GRACE / 2) == 0
    assert Programme.objects.count() == 3
    assert remove_replaced(source, NOW + importer.GRACE) == 2
    assert [row.title for row in Programme.objects.all()] == ["new"]


def test_removal_comes_in_small_steps(source, monkeypatch):
    monkeypatch.setattr(importer, "_REMOVE_ROWS", 3)
    import_guide(source, records(*"abcdefgh"), now=NOW)
    import_guide(source, records("new"), now=NOW)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert remove_replaced(source, NOW + importer.GRACE) == 8
    assert sum('DELETE FROM "guide_programme"' in query["sql"] for query in queries) >= 3


def test_an_empty_guide_does_not_replace_a_full_one(source):
    import_guide(source, records("old"), now=NOW)
    with pytest.raises(GuideEmpty, match="stays"):
        take(source, b"<tv></tv>")
    assert [row[3] for row in shown(source)] == ["old"]


def test_an_empty_guide_is_no_error_where_nothing_was(source):
    assert take(source, b"<tv></tv>").counts["channels"] == 0


def test_a_guide_that_ends_early_keeps_what_it_did_not_come_to(source):
    hours = [(c, h) for c in "abc" for h in (18, 19, 20)]
    old = (programme(c, f"1 {h}:00", f"1 {h + 1}:00", f"old {c}{h}") for c, h in hours)
    take(source, tv(channel("a"), channel("b"), channel("c"), *old))
    new = tv(channel("a"), channel("b"),
             *(programme("a", f"1 {h}:00", f"1 {h + 1}:00", f"new a{h}") for h in (18, 19, 20)),
             programme("b", "1 18:00", "1 19:00", "new b18"))  # fmt: skip
    report = take(source, new[: new.index(b"</tv>")])
    source.refresh_from_db()
    assert report.incomplete
    assert source.incomplete
    assert "ends early" in report.sentence
    assert [row[3] for row in shown(source)] == [
        "new a18", "new a19", "new a20", "new b18", "old b19", "old b20", "old c18", "old c19", "old c20",
    ]  # fmt: skip


def test_the_first_guide_may_end_early_too(source):
    with pytest.raises(GuideIncomplete):
        list(XmltvReader([b"<tv>"]))
    data = tv(channel("a"), programme("a", "1 20:00", "1 21:00"))
    assert take(source, data[:-10]).incomplete
    assert len(shown(source)) == 1
    assert not take(source, data).incomplete
    source.refresh_from_db()
    assert not source.incomplete


def test_statements_do_not_grow_with_programmes(source, django_assert_max_num_queries):
    few = records(*(str(n) for n in range(10)))
    many = records(*(str(n) for n in range(500)))
    with CaptureQueriesContext(connection) as for_few:
        import_guide(source, few, now=NOW)
    with CaptureQueriesContext(connection) as for_many:
        import_guide(source, many, now=NOW)
    assert len(for_many) <= len(for_few) + 12


def test_what_a_portals_json_may_hold_is_stored(source):
    record = GuideRecord(
        "a\x00", at("1 20:00"), None, "N\x00EW\ud800S", "\udfff", "x\x00", "e\x00n", ("\x00c",), "\x00"
    )
    import_guide(source, [GuideChannelRecord("a\x00", ("\x00A",), "\x00", "\x00"), record], now=NOW)
    row = Programme.objects.get()
    assert (row.title, row.description, row.subtitle, row.lang, row.categories) == ("NEWS", "x", "", "en", ["c"])
    assert source.channels.live().get().names == ["A"]


def test_season_and_episode_are_found(source):
    take(source, tv(programme("a", "1 20:00", "1 21:00", inside='<episode-num system="xmltv_ns">1.4.0/2</episode-num>'),
                    programme("a", "1 21:00", "1 22:00", inside="<desc>Kate leaves. S03E07</desc>")))  # fmt: skip
    assert list(Programme.objects.values_list("season", "episode")) == [(2, 5), (3, 7)]


def test_an_import_that_was_overtaken_does_not_go_live(source):
    import_guide(source, records("old"), now=NOW)

    def slow():
        yield from records("slow")
        import_guide(EpgSource.objects.get(pk=source.pk), records("fast"), now=NOW)

    with pytest.raises(GuideOvertaken):
        import_guide(source, slow(), now=NOW)
    source.refresh_from_db()
    assert [row[3] for row in shown(source)] == ["fast"]


def test_a_generation_number_is_never_given_twice(source):
    twin = EpgSource.objects.get(pk=source.pk)
    assert [source.take_generation(), twin.take_generation(), source.take_generation()] == [1, 2, 3]


def test_deleting_a_source_takes_its_guide_along(source):
    import_guide(source, records("x"), now=NOW)
    source.delete()
    assert (GuideChannel.objects.count(), Programme.objects.count()) == (0, 0)


def test_utc_is_what_is_stored(source):
    take(source, tv('<programme start="20260601200000 +0200" channel="a"><title>t</title></programme>'))
    assert Programme.objects.get().start == datetime(2026, 6, 1, 18, tzinfo=UTC)
