"""Which guide channel is ours: what a person labelled, and the rules one by one."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from guide.matching import GuideEntry, GuideIndex
from guide.records import ChannelFacts
from guide.similarity import AUTO_ACCEPT, score
from restreamer.lib.names import parse

#: Each pair says whether the guide channel is the channel's. "sample": names and ids of public lists, equal ids are one
#: channel; "written": names as providers write them beside names as guides write them. The most alike of the false
#: ones were chosen: regions, +1, numbers, feeds, SD beside HD, brands that sound alike.
PAIRS = json.loads((Path(__file__).parent / "pairs.json").read_text(encoding="utf-8"))


def best(pair: dict[str, Any], index: GuideIndex):
    proposals = index.proposals(ChannelFacts(1, pair["channel"], country=pair["country"]))
    return proposals[0] if proposals else None


def entry(guide_id: str, *names: str, source: int = 1) -> GuideEntry:
    return GuideEntry(source, guide_id, names)


def ask(channel: ChannelFacts | str, *entries: GuideEntry):
    facts = ChannelFacts(1, channel) if isinstance(channel, str) else channel
    return GuideIndex(entries).proposals(facts)


def test_the_labelled_set_is_large_and_has_both_kinds():
    true = sum(pair["same"] for pair in PAIRS)
    assert true >= 200
    assert len(PAIRS) - true >= 300


def test_precision_pair_by_pair(capsys):
    right, wrong, missed = 0, [], 0
    for pair in PAIRS:
        found = best(pair, GuideIndex([entry(pair["guide_id"], *pair["guide_names"])]))
        if found is None or not found.certain:
            missed += pair["same"]
        elif pair["same"]:
            right += 1
        else:
            wrong.append((pair["channel"], pair["guide_id"], found.reason))
    with capsys.disabled():
        print(f"\nguide matching, pair by pair: {right} right, {wrong} wrong, recall {right / (right + missed):.1%}")
    assert right / (right + len(wrong)) >= 0.99
    assert right / (right + missed) >= 0.8


def test_precision_against_all_guides_at_once(capsys):
    guides: dict[str, dict[str, None]] = defaultdict(dict)
    true: dict[tuple[str, str], set[str]] = defaultdict(set)
    false: dict[tuple[str, str], set[str]] = defaultdict(set)
    for pair in PAIRS:
        guides[pair["guide_id"]].update(dict.fromkeys(pair["guide_names"]))
        (true if pair["same"] else false)[pair["channel"], pair["country"]].add(pair["guide_id"])
    index = GuideIndex(entry(guide_id, *names) for guide_id, names in guides.items())
    right, wrong, asked = 0, [], 0
    for name, country in true:
        asked += 1
        found = best({"channel": name, "country": country}, index)
        if found is not None and found.certain:
            # Another id may be as right as the labelled one (France5.fr and FRA5.kazer.org); only labelled ones count.
            right += found.entry.guide_id in true[name, country]
            if found.entry.guide_id in false[name, country]:
                wrong.append((name, found))
    for name, country in false:
        found = best({"channel": name, "country": country}, index)
        if found is not None and found.certain and found.entry.guide_id in false[name, country]:
            wrong.append((name, found))
    with capsys.disabled():
        print(f"\nguide matching, all at once: {right} of {asked} right, {len(wrong)} wrong")
    assert right / (right + len(wrong)) >= 0.99
    assert right / asked >= 0.7


# --- ids -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs", "confidence", "reason"),
    [
        ("BBC1.uk", "BBC1.uk", 1.0, "the same id"),
        ("bbc1.UK ", "BBC1.uk", 0.99, "the same id but for capital letters"),
        ("BBC1.uk@SD", "BBC1.uk", 0.97, "the same id, in another quality"),
        ("France24.fr@Arabic", "France24.fr@English", 0.8, "the same id, but another feed"),
    ],
)
def test_ids_come_first(ours, theirs, confidence, reason):
    (found,) = ask(ChannelFacts(1, "Something", guide_id=ours), entry(theirs, "Else"))
    assert (found.confidence, found.reason) == (confidence, reason)


def test_equal_numbers_as_ids_prove_nothing():
    (found,) = ask(ChannelFacts(1, "BBC One", guide_id="17"), entry("17", "Kanal 4"))
    assert not found.certain
    (found,) = ask(ChannelFacts(1, "BBC One", guide_id="17"), entry("17", "BBC 1"))
    assert found.certain


# --- names -----------------------------------------------------------------------------------------------------------


def test_every_display_name_counts():
    (found,) = ask("US: KTVT", entry("I10759.labs.zap2it.com", "11 KTVT", "KTVT", "11"))
    assert (found.certain, found.reason) == (True, "same name")


def test_every_name_of_ours_counts():
    (found,) = ask(ChannelFacts(1, "My favourite", other_names=("UK: ITV 1 HD",)), entry("itv1.uk", "ITV1"))
    assert found.certain


def test_a_guide_channel_without_names_is_known_by_its_id():
    (found,) = ask("ITV 1", entry("ITV1.uk"))
    assert found.certain


def test_a_display_name_that_is_a_number_is_no_name():
    assert ask("11", entry("a", "KTVT", "11")) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        ("ITV2 +1", "ITV2", "one is +1"),
        ("DE: MTV", "MTV Italy", "same name, but another country"),
        ("CNN SD", "CNN HD", "same name, but one is SD"),
        ("RTL UHD", "RTL", "same name, but one is UHD"),
        ("HBO East", "HBO West", "different regions"),
        ("Sky Sports 1", "Sky Sports 2", "different numbers"),
        ("NFL Channel", "NFL Network", "same name but for channel, network"),
        ("News Sky", "Sky News", "the same words in another order"),
        ("BBC One London", "BBC One", "only one says london"),
        ("Discovry Science", "Discovery Scince", "nearly the same spelling"),
    ],
)
def test_the_reason_is_said(ours, theirs, reason):
    found = score(parse(ours), parse(theirs))
    assert found.reason == reason
    assert found.confidence < AUTO_ACCEPT


def test_the_better_quality_wins_among_equals():
    found = ask("BBC One HD", entry("a", "BBC One"), entry("b", "BBC One HD"))
    assert [(p.entry.guide_id, p.certain) for p in found] == [("b", True), ("a", False)]


def test_two_equals_of_one_source_are_left_to_a_person():
    found = ask("Movies 24", entry("a", "Movies 24"), entry("b", "Movies24"))
    assert [p.certain for p in found] == [False, False]
    assert "another guide channel fits as well" in found[0].reason


def test_equals_of_two_sources_are_both_certain_the_first_source_first():
    found = ask("Movies 24", entry("a", "Movies 24", source=1), entry("b", "Movies24", source=2))
    assert [(p.entry.source_id, p.certain) for p in found] == [(1, True), (2, True)]


def test_a_misspelt_name_is_proposed():
    (found,) = ask("Discoverry", entry("a", "Discovery"))
    assert found.confidence >= 0.8
    assert not found.certain


@pytest.mark.parametrize("name", ["", "★", "UK:", "+1", "HD", "   "])
def test_a_name_without_words_matches_nothing(name):
    assert ask(name, entry("a", ""), entry("", "BBC One")) == []


def test_no_guides_no_proposals():
    assert ask("BBC One") == []


def test_a_large_guide_is_searched_quickly():
    entries = [entry(f"Channel{n}.de", f"Station {n} Regional", f"S{n}") for n in range(20_000)]
    index = GuideIndex(entries)
    for n in range(0, 20_000, 200):
        (found, *_rest) = index.proposals(ChannelFacts(n, f"DE: STATION {n} REGIONAL HD"))
        assert (found.entry.guide_id, found.certain) == (f"Channel{n}.de", True)
