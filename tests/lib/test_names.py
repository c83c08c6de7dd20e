"""Names taken apart: decoration goes, what tells channels apart stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restreamer.lib.names import ChannelName, country_of_id, fold, parse


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UK: BBC One FHD", ChannelName(("bbc", "1"), "gb", "fhd")),
        ("|DE| Das Erste HD", ChannelName(("das", "erste"), "de", "hd")),
        ("[FR] TF1 ᴴᴰ", ChannelName(("tf", "1"), "fr", "hd")),
        ("(US) CNN", ChannelName(("cnn",), "us")),
        ("UK - ITV 2", ChannelName(("itv", "2"), "gb")),
        ("FR ▎CANAL+", ChannelName(("canal", "plus"), "fr")),
        ("UK: 4K | Sky Sports F1", ChannelName(("sky", "sports", "f", "1"), "gb", "uhd")),
        ("TF1 +1", ChannelName(("tf", "1"), shift_hours=1)),
        ("E4+1", ChannelName(("e", "4"), shift_hours=1)),
        ("UK: Channel 4 +1 HD", ChannelName(("channel", "4"), "gb", "hd", 1)),
        ("TV5 Monde Plus 1", ChannelName(("tv", "5", "monde"), shift_hours=1)),
        ("Channel 5 (1080p) [Not 24/7]", ChannelName(("channel", "5"), "", "fhd")),
        ("Zee TV UK HD (1080p)", ChannelName(("zee", "tv"), "gb", "fhd")),
        ("RTL II", ChannelName(("rtl", "2"))),
        ("IT: Rai Uno", ChannelName(("rai", "1"), "it")),
        ("L'Équipe 21", ChannelName(("lequipe", "21"))),
        ("NAT GEO WILD HD", ChannelName(("nationalgeographic", "wild"), "", "hd")),
        ("ITV1 H.265", ChannelName(("itv", "1"))),
        ("Sport 1 Full HD", ChannelName(("sport", "1"), "", "fhd")),
        ("Nick Jr.", ChannelName(("nick", "junior"))),
        ("BBC_One", ChannelName(("bbc", "1"))),
        ("5USA", ChannelName(("5", "usa"))),
        ("MTV Germany HD", ChannelName(("mtv",), "de", "hd")),
        ("France", ChannelName(("france",))),
        ("24", ChannelName(("24",))),
        ("", ChannelName(())),
        ("★★★", ChannelName(())),
    ],
)
def test_a_name_is_taken_apart(name, expected):
    assert parse(name) == expected


@pytest.mark.parametrize(
    "names",
    [
        ("BBC One", "BBC1", "bbc-one", "UK: BBC ONE HD", "BBC 1 (1080p)", "BBC_One"),
        ("Canal+", "CANAL PLUS", "FR | Canal + FHD"),
        ("n-tv", "ntv", "N TV"),
        ("Télé 7", "TELE 7", "tele7"),
        ("RTL II", "RTL 2", "RTL2 HD"),
        ("Nat Geo Wild", "National Geographic Wild", "NATGEO WILD"),
        ("Channel 05", "Channel 5"),
    ],
)
def test_spellings_of_one_channel_have_one_key(names):
    assert len({parse(name).key for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sky Sports 1", "Sky Sports 2"),
        ("BBC One", "BBC Two"),
        ("HBO East", "HBO West"),
        ("France 2", "France 24"),
        ("Canal", "Canal+"),
        ("BBC One London", "BBC One"),
        ("Film4", "Film 41"),
        ("ガンダム", "カンタム"),
    ],
)
def test_what_tells_channels_apart_stays_in_the_key(one, other):
    assert parse(one).key != parse(other).key


@pytest.mark.parametrize(("one", "other"), [("E4", "E4+1"), ("MTV Germany", "MTV Italy"), ("CNN (US)", "CNN (UK)")])
def test_what_is_not_in_the_key_stays_beside_it(one, other):
    assert parse(one) != parse(other)
    assert parse(one).key == parse(other).key


def test_numbers_and_regions_are_shown():
    name = parse("Fox Sports 2 East HD")
    assert name.numbers == ("2",)
    assert name.regions == {"east"}


def test_a_brand_that_is_a_number_word_keeps_its_word():
    assert parse("One").words == ("one",)
    assert parse("BBC One").words == ("bbc", "1")


def test_fillers_leave_the_core_but_never_an_empty_one():
    assert parse("The History Channel").core == "history"
    assert parse("The Channel").core == "thechannel"


@pytest.mark.parametrize(
    ("guide_id", "country"),
    [("BBC1.uk", "gb"), ("CNN.us@East", "us"), ("x", ""), ("a.b.de", "de"), ("news.example", ""), ("", "")],
)
def test_the_country_of_an_id(guide_id, country):
    assert country_of_id(guide_id) == country


def test_marks_that_are_letters_elsewhere_stay():
    assert fold("ÉCOLE") == "ecole"
    assert fold("Βουλή") == "βουλη"
    assert fold("がぎ") == "がぎ"
    assert fold("हिन्दी") == "हिन्दी"
    assert fold("Łódź") == "lodz"


@given(st.text(max_size=80))
def test_any_text_has_an_answer(name):
    found = parse(name)
    assert all(found.words)
    assert 0 <= found.shift_hours <= 24


@given(st.text(alphabet="abcXYZ 0123456789+-|:[]()é.", max_size=40))
def test_case_never_matters(name):
    assert parse(name.upper()) == parse(name.lower())
