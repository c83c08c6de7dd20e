"""Whatever a channel is called, every output gives the name back through readers that are not ours (acceptance 5).

M3U has one line and no escape for a double quote, so there a name is its words on one line with single quotes; JSON and
XML give it back to the letter, but for what XML cannot hold.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from restreamer.lib import m3u
from restreamer.lib.m3u import PlaylistReader
from restreamer.lib.xmltv_write import element
from streaming.outputs.xmltv import XmltvChannel, xmltv
from tests.clients.programs import node_modules
from tests.factories import GroupFactory, LinkFactory, ViewerFactory

HARD = [
    'The "Late" Show', "Küche, Kochen & mehr", "A ]]> B", "two\nlines", "a\r\nb", "tab\there", "<b>bold</b>",
    "&amp;", "&#0;", "قناة الجزيرة", "ערוץ 12", "\u202eevil\u202c", "📺 👨\u200d👩\u200d👧 TV", "日本テレビ", "é",
    "100 % | 24/7; now", "it's", "\\n", "#EXTINF:-1,x", "http://evil.example/x", "${x} {{x}} %s", "<!--",
    "]]", "a,b,c", ",", "=", "tvg-id=x", "'", "7", "-", "\xa0nbsp\xa0x",
]  # fmt: skip
PIECES = [
    '"',
    ",",
    "\n",
    "]]>",
    "&",
    "<",
    ">",
    "'",
    "ع",
    "א",
    "\u202e",
    "📺",
    "a",
    "Z",
    " ",
    ";",
    "|",
    "\\",
    "%",
    "#",
    "é",
    "{",
    "=",
]
names = st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"], exclude_characters="\ufeff\u2028\u2029"),
    min_size=1, max_size=40,
)  # fmt: skip


def on_one_line(name: str) -> str:
    """What of a name a line of M3U can say."""
    return " ".join(name.split()).replace('"', "'")


@pytest.fixture
def house(client, db):
    viewer = ViewerFactory(name="kitchen")
    group = GroupFactory(name='News, "live" & <more>')
    rows = [
        LinkFactory(channel__name=name, channel__number=at, channel__group=group).channel
        for at, name in enumerate(HARD, 1)
    ]

    return viewer, rows, lambda path, **query: _text(client, viewer, path, query)


def _text(client, viewer, path, query):
    login = {"username": "kitchen", "password": viewer.token} if "php" in path else {"token": viewer.token}
    answer = client.get(path, {} if "hdhr" in path else {**login, **query})
    assert answer.status_code == 200
    return answer.getvalue()


def test_the_playlist_is_read_back_by_our_reader(house):
    _, rows, ask = house
    entries = list(PlaylistReader([ask("/playlist")], base_url="http://testserver/"))
    assert [one.name for one in entries] == [on_one_line(row.name) for row in rows]
    assert [one.attributes["tvg-id"] for one in entries] == [row.tvg_id for row in rows]
    assert {tuple(one.groups) for one in entries} == {("News, 'live' & <more>",)}


def test_the_playlist_is_read_back_by_a_players_library(house):
    modules = node_modules()
    if modules is None or not (modules / "iptv-playlist-parser").exists():
        pytest.skip("TEST_NODE_MODULES names no folder with iptv-playlist-parser")
    viewer, rows, ask = house
    script = (
        f"const text = require('fs').readFileSync(0, 'utf8');"
        f"const {{ parse }} = require({json.dumps(str(modules / 'iptv-playlist-parser'))});"
        "console.log(JSON.stringify(parse(text).items.map((one) => [one.name, one.tvg.id, one.url, one.group.title])))"
    )
    read = subprocess.run(["node", "-e", script], input=ask("/playlist"), capture_output=True, check=True, timeout=60)
    expected = [
        [
            on_one_line(row.name),
            row.tvg_id,
            f"http://testserver/stream/{row.pk}?token={viewer.token}",
            "News, 'live' & <more>",
        ]
        for row in rows
    ]
    assert json.loads(read.stdout) == expected


def test_the_xtream_lists_give_every_name_to_the_letter(house):
    _, rows, ask = house
    told = json.loads(ask("/player_api.php", action="get_live_streams"))
    assert [(one["stream_id"], one["name"]) for one in told] == [(row.pk, row.name) for row in rows]
    (category,) = json.loads(ask("/player_api.php", action="get_live_categories"))
    assert category["category_name"] == 'News, "live" & <more>'


def test_a_tuners_lists_give_every_name_without_control_characters(house):
    viewer, rows, ask = house
    expected = ["".join(" " if ord(letter) < 32 else letter for letter in row.name).strip() for row in rows]
    assert [one["GuideName"] for one in json.loads(ask(f"/hdhr/{viewer.token}/lineup.json"))] == expected
    document = etree.fromstring(ask(f"/hdhr/{viewer.token}/lineup.xml"))
    assert [one.text for one in document.iter("GuideName")] == expected
    entries = list(PlaylistReader([ask(f"/hdhr/{viewer.token}/lineup.m3u")], base_url="http://testserver/"))
    assert [one.name for one in entries] == [on_one_line(row.name) for row in rows]


def test_the_player_page_gives_every_name_to_the_letter(house):
    _, rows, ask = house
    document = etree.fromstring(ask("/player/"), etree.HTMLParser(encoding="utf-8"))
    (script,) = document.findall('.//script[@id="told"]')
    assert [one["name"] for one in json.loads(script.text or "")["channels"]] == [row.name for row in rows]


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(names, min_size=1, max_size=8))
def test_any_name_is_read_back_from_the_guide(found):
    shown = [XmltvChannel(f"{at}.restreamer", (name,)) for at, name in enumerate(found)]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    text = b"".join(xmltv(shown, now, now, with_empty=True))
    document = etree.fromstring(text, etree.XMLParser(load_dtd=False, no_network=True))
    for at, name in enumerate(found):
        (read,) = document.findall(f'channel[@id="{at}.restreamer"]')
        first = read.findtext("display-name") or ""
        assert first == (name.strip() or f"{at}.restreamer")
    assert len(ElementTree.fromstring(text)) == len(found)


@settings(max_examples=100, deadline=None)
@given(names)
def test_any_name_comes_back_from_a_title_and_from_a_line(name):
    written = element("title", name)
    assert (etree.fromstring(written).text if written else "") == name.strip()
    text = m3u.header() + m3u.render_entry(name, "http://h/1", {"tvg-id": "x"})
    (entry,) = PlaylistReader([text.encode()], base_url="http://h/")
    assert entry.name == (on_one_line(name) or "x")
    assert entry.url == "http://h/1"
