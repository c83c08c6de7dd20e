"""Catalogues: whole and paged, merged over MACs, and every way a list can lie."""

from __future__ import annotations

import json

import pytest

from portals import errors
from portals.models import Subscription
from portals.pacing import Pace
from portals.providers.stalker import live, merging
from tests.fakes.portal_catalogue import FakeChannel, catalogue
from tests.fakes.portal_wire import Reply, js, page, panel_js, raw, text

MACS = ("00:1A:79:00:00:01", "00:1A:79:00:00:02")


def refused(home, kind=errors.CatalogueIncomplete) -> str:
    """The sentence a refresh ends with."""
    with pytest.raises(kind) as caught:
        home.streams()
    return caught.value.message


# --- one list


def test_names_arrive_whole_and_clean(house):
    names = {record.name for record in house(channels=60).streams().values()}
    wanted = {"Line Break 6", "Emoji 📺🔥 9", "Tom & Jerry 'HD' 18", "Tag inside 21", "Tab here 24", 'Say "Hello" 39'}
    assert wanted <= names
    assert not any("\n" in name or "\r" in name or "\x00" in name for name in names)


def test_five_thousand_channels_come_in_one_question(house):
    home = house(channels=5054)
    streams = home.streams()
    assert len(streams) == 5054 + 2
    assert home.fake.count("itv.get_all_channels") == 1
    assert home.fake.count("itv.get_ordered_list") == 2  # the adult genre, and the end of it


def test_the_same_portal_gives_the_same_records_twice(house):
    home = house("panel")
    home.fake.secure = False
    first = home.streams()
    home.fake.account().token = None
    assert home.streams() == first


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_adult_genres_stay_out_when_the_owner_wants_that(house, family):
    home = house(family, channels=40, portal={"with_censored": False})
    streams = home.streams()
    assert len(streams) == 38 + 2
    assert not any(record.censored for record in streams.values())


def test_progress_is_told_and_may_stop_the_work(house):
    home = house(channels=60)
    home.fake.fault("itv.get_all_channels", js(False))
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        if done > 20:
            raise errors.RunCancelled("stopped")

    with pytest.raises(errors.RunCancelled):
        list(home.provider().live_streams(progress))
    assert told[-1][0] > 20


@pytest.mark.parametrize(
    "missing",
    [
        js(False),
        js([]),
        js(None),
        js({"data": [], "total_items": 0}),
        page(404),
        page(500),
        text("<b>Fatal error</b>: Allowed memory size of 134217728 bytes exhausted"),
        Reply(content_type="text/javascript"),
    ],
)
@pytest.mark.parametrize("family", ["stock", "panel"])
def test_without_the_whole_list_the_pages_are_read(house, missing, family):
    home = house(family, channels=60)
    home.fake.fault("itv.get_all_channels", missing)
    assert len(home.streams()) == 60 + 2
    assert home.fake.doings().handshakes == 1


def test_a_list_with_holes_is_a_list(house):
    home = house(channels=4)
    channels = home.fake.catalogue.channels
    account = home.fake.account()
    numbered = {str(n * 2): home.fake.dialect.channel_row(account, channel) for n, channel in enumerate(channels)}
    home.fake.fault("itv.get_all_channels", js({"total_items": 4, "data": numbered}))
    assert len(home.streams()) == 4 + 2


def test_a_portal_without_radio_loses_nothing(house):
    for family, answer in (("stock", js(False)), ("panel", Reply(content_type="text/javascript"))):
        home = house(family)
        home.fake.fault("radio.get_ordered_list", answer)
        assert len(home.streams()) == 20
        assert home.fake.doings().handshakes == 1


def test_an_empty_page_in_the_middle_is_asked_again(house):
    home = house(channels=60)
    home.fake.fault("itv.get_all_channels", js(False))
    home.fake.fault("itv.get_ordered_list", js({"total_items": 60, "max_page_items": 14, "data": []}), skip=2, times=1)
    assert len(home.streams()) == 60 + 2


def test_damaged_json_is_asked_for_once_more(house):
    home = house()
    home.fake.fault("itv.get_all_channels", raw('{"js":{"data":[{"id":'), times=1)
    assert len(home.streams()) == 22


def test_an_overloaded_portal_is_asked_three_times_more(house):
    home = house()
    waits: list[float] = []
    home.fake.fault("itv.get_all_channels", page(502), times=3)
    provider = home.provider(sleep=waits.append)
    assert len(list(provider.live_streams(lambda done, total: None))) == 22
    assert waits == [1.0, 2.0, 4.0]


def test_rows_without_an_id_are_left_out_and_doubles_counted_once(house):
    home = house(channels=4)
    account = home.fake.account()
    rows = [home.fake.dialect.channel_row(account, channel) for channel in home.fake.catalogue.channels[:2]]
    data = [*rows, {**rows[0], "name": "again"}, {"name": "no id"}, None, "x", 5]
    home.fake.fault("itv.get_all_channels", js({"total_items": 2, "data": data}))
    streams = home.streams()
    assert streams["1"].name == "Channel 1"
    assert {"1", "2"} <= set(streams)


def test_every_field_of_a_row_may_be_anything(house):
    home = house(channels=2)
    nonsense: list[object] = [None, "", 0, [], {}, True, -1, "0000-00-00 00:00:00", "x" * 5000, 1e300, "\x00\ud800"]
    fields = "name number tv_genre_id cmd cmds logo xmltv_id open censored lock enable_tv_archive tv_archive_duration"
    names = [*fields.split(), "use_http_tmp_link", "archive", "cmd_1"]
    account = home.fake.account()
    row = home.fake.dialect.channel_row(account, home.fake.catalogue.channels[0])
    data = [{**row, "id": f"{name}-{n}", name: value} for name in names for n, value in enumerate(nonsense)]
    home.fake.fault("itv.get_all_channels", js({"total_items": len(data), "data": data}))
    streams = home.streams()
    assert len(streams) >= len(data)
    for record in streams.values():
        assert len(record.name) <= 500
        assert len(record.number) <= 20
        assert len(record.guide_id) <= 300
        assert len(record.logo) <= 2000
        assert record.archive_hours >= 0
        json.dumps([record.name, record.cmd, dict(record.provider_data)]).encode()


# --- lists that lie: nothing is ever returned as if it were whole


def test_an_empty_list_is_never_a_catalogue(house):
    home = house(channels=0)
    assert refused(home) == (
        "The portal lists no channel at all for this MAC. What is stored stays as it is. Ask your provider whether "
        "channels belong to the subscription."
    )


def test_half_a_list_is_completed_from_the_pages(house):
    home = house(channels=60)
    home.fake.fault("itv.get_all_channels", _half(home))
    assert len(home.streams()) == 60 + 2


def test_half_a_list_everywhere_is_refused(house):
    home = house(channels=60)
    home.fake.fault("itv.get_all_channels", _half(home))
    home.fake.fault("itv.get_ordered_list", js({"total_items": 60, "max_page_items": 14, "data": []}), skip=4)
    assert refused(home) == (
        "The portal announced 60 channels but listed only 32. What is stored stays as it is; try again later."
    )


def test_a_portal_that_dies_at_page_30_is_refused(house):
    home = house(channels=600)
    home.fake.fault("itv.get_all_channels", js(False))
    home.fake.fault("itv.get_ordered_list", page(502), skip=30)
    assert refused(home, errors.PortalOverloaded) == "The portal is overloaded or down (status 502). Try again later."


def test_pages_that_end_early_are_refused(house):
    home = house(channels=600, portal={"with_censored": False})
    home.fake.fault("itv.get_all_channels", js(False))
    home.fake.fault("itv.get_ordered_list", js({"total_items": 600, "max_page_items": 14, "data": []}), skip=30)
    assert refused(home) == (
        "The portal announced 600 channels but listed only 420. What is stored stays as it is; try again later."
    )


def test_a_portal_that_ignores_the_genre_hides_no_half_list(house):
    home = house(channels=60, portal={"with_censored": False})
    home.fake.fault("itv.get_all_channels", _half(home))
    home.fake.fault("itv.get_ordered_list", _half(home))
    assert refused(home) == (
        "The portal sends the same page again and again: 30 of 60 channels came. What is stored stays as it is; tell "
        "your provider."
    )


def test_half_an_adult_genre_is_refused(house):
    home = house(channels=600)
    home.fake.catalogue = catalogue(600, censored=100)
    home.fake.fault("itv.get_ordered_list", js({"total_items": "100", "max_page_items": 14, "data": []}), skip=3)
    assert refused(home) == (
        "The portal announced 100 channels but listed only 42. What is stored stays as it is; try again later."
    )


def test_a_portal_that_ignores_page_numbers_is_named(house):
    home = house(channels=60, portal={"with_censored": False})
    home.fake.fault("itv.get_all_channels", js(False))
    rows = [home.fake.dialect.channel_row(home.fake.account(), c) for c in home.fake.catalogue.channels[:14]]
    home.fake.fault("itv.get_ordered_list", js({"total_items": 60, "max_page_items": 14, "data": rows}))
    assert refused(home) == (
        "The portal sends the same page again and again: 14 of 60 channels came. What is stored stays as it is; tell "
        "your provider."
    )
    assert home.fake.count("itv.get_ordered_list") <= 4


def test_a_small_portal_that_ignores_page_numbers_is_fine(house):
    home = house(channels=12, portal={"with_censored": False})
    home.fake.fault("itv.get_all_channels", js(False))
    rows = [home.fake.dialect.channel_row(home.fake.account(), c) for c in home.fake.catalogue.channels]
    home.fake.fault("itv.get_ordered_list", js({"total_items": 0, "max_page_items": 14, "data": rows}))
    assert len(home.streams()) == 10 + 2


def test_a_list_without_end_is_refused(house, monkeypatch):
    monkeypatch.setattr(live, "_MOST_PAGES", 5)
    home = house(channels=600, portal={"with_censored": False})
    home.fake.fault("itv.get_all_channels", js(False))
    assert refused(home) == ("The portal's list does not end. What is stored stays as it is; tell your provider.")


def test_a_429_storm_ends_with_a_sentence_and_few_requests(house):
    home = house()
    home.pace = Pace(spacing_s=0, first_wait_s=100)
    home.provider().check(home.subscription)
    before = len(home.fake.requests)
    home.fake.fault("*", Reply(status=429))
    assert refused(home, errors.PortalThrottled) == "The portal says it is asked too often. It is left alone for 100 s."
    assert len(home.fake.requests) - before == 1
    with pytest.raises(errors.PortalThrottled, match="asked us to wait"):
        home.provider().play_url(home.subscription, "1", "ffrt http://localhost/ch/1", {})
    assert len(home.fake.requests) - before == 1


def test_a_short_429_is_waited_out(house):
    home = house()
    home.provider().check(home.subscription)
    home.fake.fault("itv.get_all_channels", Reply(status=429, headers={"Retry-After": "1"}), times=1)
    assert len(home.streams()) == 22


def test_a_page_instead_of_every_list_is_refused(house):
    home = house()
    home.provider().check(home.subscription)
    home.fake.fault("itv.get_all_channels", page(title="Maintenance"))
    home.fake.fault("itv.get_ordered_list", page(title="Maintenance"))
    assert refused(home, errors.AnswerUnreadable).startswith("The portal answered with a web page instead of data.")


@pytest.mark.parametrize("action", ["itv.get_genres", "itv.get_ordered_list"])
def test_an_exception_inside_the_portal_is_no_empty_list(house, action):
    home = house(channels=60)
    home.fake.fault("itv.get_all_channels", js(None))
    home.fake.fault(action, js(None))
    assert refused(home, errors.PortalOverloaded) == (
        "The portal failed inside while answering. Try again later; if it stays so, tell your provider."
    )


def test_a_list_in_an_unknown_wording_is_refused(house):
    home = house("panel")
    home.fake.fault("itv.get_genres", panel_js("Your trial is over"))
    assert refused(home, errors.AnswerUnreadable) == (
        "The portal does not answer the question. Ask your provider if you do not understand its words. "
        "The portal's words: “Your trial is over”"
    )


# --- several MACs


def test_what_all_macs_see_is_offered_to_all(house):
    home = house(macs=MACS)
    assert {record.offered_to for record in home.streams().values()} == {()}


def test_what_one_mac_sees_is_offered_to_it_alone(house):
    home = house(macs=MACS)
    first, second = home.subscriptions
    home.fake.account(MACS[0]).hidden = {3}
    home.fake.account(MACS[1]).hidden = {4}
    streams = home.streams()
    assert streams["3"].offered_to == (second.pk,)
    assert streams["4"].offered_to == (first.pk,)
    assert streams["5"].offered_to == ()


def test_an_item_one_mac_has_not_subscribed_goes_to_the_other(house):
    home = house(macs=MACS)
    home.fake.account(MACS[0]).locked = {3, 4}
    home.fake.account(MACS[1]).locked = {4}
    streams = home.streams()
    assert (streams["3"].subscribed, streams["3"].offered_to) == (True, (home.subscriptions[1].pk,))
    assert streams["4"].subscribed is False


def test_a_refused_mac_is_passed_over_and_noted(house):
    home = house(macs=MACS)
    home.fake.block(MACS[0])
    streams = home.streams()
    assert len(streams) == 22
    first = Subscription.objects.get(pk=home.subscriptions[0].pk)
    assert (first.state, first.last_error[:34]) == ("blocked", "The portal has blocked this MAC. A")


def test_a_mac_that_could_not_be_asked_may_still_offer_everything(house):
    home = house(macs=MACS)
    home.fake.account(MACS[1]).hidden = {3}
    home.fake.block(MACS[0])
    assert home.streams()["5"].offered_to == ()


def test_a_portal_that_fails_for_one_mac_keeps_the_catalogue_as_it_is(house):
    home = house(macs=MACS)
    home.provider().check(home.subscriptions[1])
    home.fake.fault("itv.get_all_channels", page(500), skip=1)
    home.fake.fault("itv.get_ordered_list", page(500), skip=2)
    assert refused(home) == (
        "00:1A:79:**:**:02 could not be asked for its channels, so what is stored stays as it is. "
        "The portal is overloaded or down (status 500). Try again later."
    )


def test_when_every_mac_is_refused_the_first_refusal_is_told(house):
    home = house(macs=MACS)
    home.fake.block(MACS[0], "billing_no")
    home.fake.block(MACS[1])
    assert "Your balance is negative" in refused(home, errors.SubscriptionBlocked)


def test_a_portal_without_a_usable_mac_says_so(house):
    home = house(rows=[{"mac": MACS[0], "state": "conflict"}])
    for ask in (home.streams, home.provider().live_genres):
        with pytest.raises(errors.NoUsableSubscription) as caught:
            ask()
        assert caught.value.message == "This portal has no MAC that works. Add one, or test the ones it has."
    assert home.fake.requests == []


def test_orders_that_differ_by_mac_are_kept_apart(house):
    home = house("panel", macs=MACS)
    for mac in MACS:
        home.fake.account(mac)
    home.fake.catalogue.channels[0].cmd = ""
    answers = {MACS[0]: "aaa", MACS[1]: "bbb"}

    def listed(handler):
        mac = next(mac for mac in MACS if mac[-2:] in handler.headers["Cookie"].split("%3A")[5][:2])
        row = {"id": 1, "name": "One", "cmd": f"ffmpeg http://edge.example/play/{answers[mac]}", "use_http_tmp_link": 0}
        panel_js({"total_items": 1, "data": [row]}).send(handler)

    home.fake.fault("itv.get_all_channels", listed)
    record = home.streams()["1"]
    assert record.cmd.endswith("aaa")
    assert record.provider_data["orders"] == {str(home.subscriptions[1].pk): "ffmpeg http://edge.example/play/bbb"}
    second = home.provider().play_url(home.subscriptions[1], "1", record.cmd, record.provider_data)
    assert second.url == "http://edge.example/play/bbb"


# --- fields


@pytest.mark.parametrize(
    ("logo", "address"),
    [
        ("5.png", "http://h/stalker_portal/misc/logos/320/5.png"),
        ("http://cdn.example/5.png", "http://cdn.example/5.png"),
        ("https://cdn.example/a b.png?x=http://y", "https://cdn.example/a b.png?x=http://y"),
        ("/logos/5.png", "http://h/logos/5.png"),
        ("misc/5.png", "http://h/stalker_portal/misc/5.png"),
        ("//cdn.example/5.png", "http://cdn.example/5.png"),
        ("", ""),
        (None, ""),
        ("null", ""),
        (0, ""),
        ("data:image/png;base64,AAAA", ""),
        ("ftp://x/5.png", ""),
        ("javascript:alert(1)", ""),
        ("http://[bad/5.png", "http://[bad/5.png"),
    ],
)
def test_a_logo_has_a_whole_address_or_none(logo, address):
    found = merging.logo_address(logo, "http://h/stalker_portal")
    assert found == address or (not found and "[bad" in address) or "javascript" in str(logo)
    assert not found or found.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        ({"enable_tv_archive": "1", "tv_archive_duration": "168"}, 168),
        ({"archive": 1, "tv_archive_duration": 72}, 72),
        ({"enable_tv_archive": 1, "tv_archive_duration": ""}, 24),
        ({"enable_tv_archive": 0, "tv_archive_duration": 168}, 0),
        ({"enable_tv_archive": "1", "tv_archive_duration": "-5"}, 24),
        ({}, 0),
    ],
)
def test_archive_hours(house, fields, hours):
    home = house(channels=1, portal={"with_censored": False})
    home.fake.catalogue.channels[0] = FakeChannel(1, "One", 1, "1", extra={**_NO_ARCHIVE, **fields})
    assert home.streams()["1"].archive_hours == hours


_NO_ARCHIVE = {"enable_tv_archive": None, "archive": None, "tv_archive_duration": None}


def test_an_account_that_turns_out_unknown_midway_is_no_catalogue(house):
    home = house()
    home.provider().check(home.subscription)
    home.fake.fault("itv.get_all_channels", text("Access denied."))
    with pytest.raises(errors.AccessDenied):
        home.streams()


def _half(home) -> Reply:
    seen = home.fake.catalogue.channels[:30]
    rows = [home.fake.dialect.channel_row(home.fake.account(), channel) for channel in seen]
    return js({"total_items": 60, "max_page_items": 30, "data": rows})


# --- how long it is paid for


@pytest.mark.parametrize(
    ("family", "place", "value"),
    [("stock", "end_date", "2031-02-03 00:00:00"), ("stock", "phone", "03.02.2031"),
     ("panel", "phone", "February 3, 2031, 12:00 am")],
)  # fmt: skip
def test_a_refresh_learns_the_end_of_each_mac_with_one_question(house, family, place, value):
    home = house(family, channels=20)
    setattr(home.fake.account(), place, value)
    home.streams()
    assert f"{Subscription.objects.get().expires_at:%Y-%m-%d}" == "2031-02-03"

    asked_before = len(home.fake.requests)
    setattr(home.fake.account(), place, value.replace("2031", "2032"))
    home.streams()
    assert f"{Subscription.objects.get().expires_at:%Y-%m-%d}" == "2032-02-03"
    asked = [name for _at, name in home.fake.requests[asked_before:]]
    assert sum(name in ("account_info.get_main_info", "stb.get_profile") for name in asked) == 1


def test_a_list_needs_no_account_page(house):
    home = house(channels=20)
    home.fake.fault("account_info.get_main_info", page())
    assert home.streams()
    assert Subscription.objects.get().expires_at is None
