"""Ids of playlist entries: steady through what providers change, never one for two streams."""

from __future__ import annotations

import pytest

from portals.providers.m3u.identity import Panel, PanelCount, panel_address, provider_id

MAIN = Panel("panel.example:8080", "user", "pass")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://panel.example:8080/live/user/pass/1001.ts", "live:1001"),
        ("https://panel.example:8080/live/user/pass/1001.m3u8?token=x", "live:1001"),
        ("http://panel.example:8080/user/pass/1001", "live:1001"),
        ("http://panel.example:8080/movie/user/pass/1001.mkv", "movie:1001"),
        ("http://panel.example:8080/series/user/pass/1001.mp4", "series:1001"),
    ],
)
def test_a_panels_streams_are_named_by_their_number(url, found):
    assert provider_id(url, MAIN) == found


def test_host_login_scheme_and_ending_of_the_panel_change_nothing():
    moved = Panel("new.example", "other", "word")

    before = provider_id("http://panel.example:8080/live/user/pass/7.ts", MAIN)
    after = provider_id("https://new.example/live/other/word/7.m3u8", moved)

    assert before == after


def test_another_panels_numbers_are_not_the_main_panels():
    url = "http://other.example/live/user/pass/1001.ts"

    assert provider_id(url, MAIN) != provider_id(url.replace("other", "third"), MAIN)
    assert provider_id(url, MAIN).startswith("url:")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://h/ch/index.m3u8?token=a", "http://h/ch/index.m3u8?token=b"),
        ("http://h/ch/index.m3u8", "https://h/ch/index.m3u8"),
        ("http://h/ch?id=7&expires=1&sig=x", "http://h/ch?id=7&expires=2&sig=y"),
        ("http://u:p@h/ch", "http://h/ch"),
        ("http://h/play?username=a&password=b&ch=1", "http://h/play?username=c&password=d&ch=1"),
    ],
)
def test_what_changes_from_download_to_download_is_no_part_of_the_id(one, other):
    assert provider_id(one, None) == provider_id(other, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a/index.m3u8", "http://b/index.m3u8"),
        ("http://h:8001/", "http://h:8002/"),
        ("http://h/?id=1", "http://h/?id=2"),
        ("http://h/?key=1", "http://h/?key=2"),
        ("udp://@239.0.0.1:5000", "udp://@239.0.0.1:5001"),
        ("http://h/ch/1", "http://h/ch/2"),
        ("http://panel.example:8080/live/user/pass/1.ts", "http://panel.example:8080/movie/user/pass/1.ts"),
    ],
)
def test_two_streams_never_share_an_id(one, other):
    assert provider_id(one, MAIN) != provider_id(other, MAIN)


def test_the_panel_most_addresses_name_is_the_main_one_in_any_order():
    urls = [f"http://big.example/live/u/p/{i}.ts" for i in range(5)] + ["http://small.example/live/u/p/1.ts"] * 2
    for order in (urls, urls[::-1]):
        panels = PanelCount()
        for url in order:
            panels.see(url)

        assert panels.main() == ("big.example", "u", "p")


def test_a_list_without_panels_has_no_main_one():
    panels = PanelCount()
    panels.see("http://cdn.example/channel.m3u8")

    assert panels.main() is None


def test_a_hostile_list_names_no_endless_number_of_panels():
    panels = PanelCount()
    for i in range(5000):
        panels.see(f"http://h{i}/live/u/p/1.ts")

    assert len(panels._seen) == 1000


@pytest.mark.parametrize(
    "url",
    ["http://h/live/u/p/name.ts", "http://h/a/b/c/1.ts", "http://h/1.ts", "udp://h/u/p/1", "http://h/u/p/1.ts/x", ""],
)
def test_what_is_no_panels_address(url):
    assert panel_address(url) is None


@pytest.mark.parametrize("url", ["http://[::1", "http://h/?%", "x", "", "http://\ud800/"])
def test_odd_addresses_still_get_an_id(url):
    assert provider_id(url, MAIN).startswith("url:")
