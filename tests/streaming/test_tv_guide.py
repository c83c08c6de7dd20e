"""The guide page: whose channels, which time, what stands in a row, and what a broadcast offers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from accounts.models import AdultView
from channels.models import Channel, Lineup
from guide.importer import import_guide
from guide.models import Decision, EpgSource, GuideMatch, Programme
from guide.querysets import Showing
from guide.records import GuideChannelRecord, GuideRecord
from streaming import tv_guide
from streaming.views import tv_guide as views
from tests.factories import GroupFactory, LinkFactory, ViewerFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def viewer():
    return ViewerFactory(name="kitchen")


@pytest.fixture
def now():
    return timezone.now().replace(microsecond=0)


def told(channel: Channel, *broadcasts: GuideRecord) -> None:
    """A guide that tells these broadcasts of the channel."""
    key = f"c{channel.pk}"
    for record in broadcasts:
        record.channel_id = key
    source = EpgSource.objects.create(name=key, address="http://g/", days_back=60, days_ahead=60)
    import_guide(source, [GuideChannelRecord(key), *broadcasts], now=timezone.now())
    GuideMatch.objects.create(channel_id=channel.pk, guide_id=key, source=source, decision=Decision.ACCEPTED)


def text(answer) -> str:
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


def ask(client, viewer, path="/guide/", **query):
    return client.get(path, {"token": viewer.token, **query})


def spans(page: str) -> list[list[int]]:
    """Of each row of channels, the spans of its cells."""
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    return [[int(span) for span in re.findall(r'<td colspan="(\d+)"', row)] for row in body.split("<tr>")[1:]]


def test_what_is_on_stands_in_a_row_and_leads_to_its_details(client, viewer, now):
    channel = LinkFactory(channel__name="News 1", channel__number=5).channel
    told(
        channel,
        GuideRecord("", now - HOUR, now + HOUR, "Evening news"),
        GuideRecord("", now + HOUR, now + 2 * HOUR, "Football"),
    )
    page = text(ask(client, viewer))
    assert "Evening news" in page
    assert "Football" in page
    assert f"/player/{channel.pk}?token=" in page
    assert [sum(row) for row in spans(page)] == [tv_guide.SLOTS]
    details = text(ask(client, viewer, f"/guide/{channel.pk}/{int((now - HOUR).timestamp())}/"))
    assert "on now" in details
    assert "utc=" not in details, "it has no archive"


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([(0, 180)], [36]),
        ([(-600, 600)], [36]),
        ([(30, 60), (60, 90)], [6, 6, 6, 18]),
        ([(0, 1), (1, 3), (3, 60)], [1, 1, 10, 24]),
        ([(10, 11), (11, 12), (12, 13), (13, 60)], [2, 1, 1, 1, 7, 24]),
        ([(0, 60), (30, 90)], [12, 6, 18]),
        ([(-60, 0), (180, 240)], [36]),
        ([(179, 181)], [35, 1]),
        ([], [36]),
    ],
)
def test_a_row_fills_the_window_exactly(minutes, expected):
    start = datetime(2026, 6, 1, 20, tzinfo=UTC)
    shows = [
        Showing(start + timedelta(minutes=begin), start + timedelta(minutes=end), Programme(title="x"))
        for begin, end in minutes
    ]
    cells = tv_guide.cells_of(shows, start, start, 0)
    assert [cell.span for cell in cells] == expected
    assert sum(expected) == tv_guide.SLOTS


def test_only_the_viewers_channels_are_told_of_and_adult_ones_for_the_pin_alone(client, now):
    viewer = ViewerFactory(adult=AdultView.PIN)
    viewer.set_pin("1234")
    viewer.save()
    late = LinkFactory(channel__name="Late", channel__adult=True).channel
    off = LinkFactory(channel__name="Switched off", channel__enabled=False).channel
    for channel in (late, off):
        told(channel, GuideRecord("", now - HOUR, now + HOUR, f"Secret {channel.pk}"))
    epoch = int((now - HOUR).timestamp())
    assert "Secret" not in text(ask(client, viewer))
    assert "Secret" not in text(ask(client, viewer, "/guide/search/", text="secret"))
    assert ask(client, viewer, f"/guide/{late.pk}/{epoch}/").status_code == 404
    assert f"Secret {late.pk}" in text(ask(client, viewer, pin="1234"))
    found = text(ask(client, viewer, "/guide/search/", text="secret", pin="1234"))
    assert f"Secret {late.pk}" in found
    assert f"Secret {off.pk}" not in found
    assert ask(client, viewer, f"/guide/{late.pk}/{epoch}/", pin="1234").status_code == 200
    assert ask(client, viewer, f"/guide/{off.pk}/{epoch}/", pin="1234").status_code == 404
    viewer.with_live = False
    viewer.save()
    assert "Late" not in text(ask(client, viewer, pin="1234"))


def test_the_time_is_chosen_and_held_to_two_weeks(client, viewer, now):
    channel = LinkFactory().channel
    tomorrow = now + timedelta(days=1)
    told(
        channel,
        GuideRecord("", now - HOUR, now + HOUR, "Today"),
        GuideRecord("", tomorrow, tomorrow + HOUR, "Tomorrow’s"),
    )
    assert "Tomorrow’s" not in text(ask(client, viewer))
    page = text(ask(client, viewer, at=int(tomorrow.timestamp())))
    assert "Tomorrow’s" in page
    assert ">Tomorrow</option>" in page
    for odd in ("x", "-1", "9" * 40, "9999999999", "\0", "1e5"):
        assert ask(client, viewer, at=odd).status_code == 200


def test_times_are_those_of_the_browser(client, viewer):
    channel = LinkFactory(stream__archive_hours=72).channel
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    told(channel, GuideRecord("", noon, noon + HOUR, "Noon"))
    for zone, shown in (("Asia/Kolkata", "17:30"), ("", "12:00"), ("../etc", "12:00"), ("UTC", "12:00")):
        client.cookies["tz"] = zone
        assert f">{shown}</time>" in text(ask(client, viewer, at=int(noon.timestamp()))), zone


def test_channels_are_chosen_by_group_name_and_guide_and_come_in_pages(client, viewer, now, monkeypatch):
    monkeypatch.setattr(views, "CHANNELS_A_PAGE", 2)
    news, sport = GroupFactory(name="News"), GroupFactory(name="Sport")
    GroupFactory(name="Empty")
    *_, three = (
        LinkFactory(channel__name=f"Channel {n}", channel__number=n, channel__group=group).channel
        for n, group in ((1, news), (2, sport), (3, sport))
    )
    told(three, GuideRecord("", now - HOUR, now + HOUR, "Football"))

    def names(**query):
        return re.findall(r'title="Watch (.*?)"', text(ask(client, viewer, **query)))

    assert names() == ["Channel 1", "Channel 2"]
    assert names(page=2) == ["Channel 3"]
    assert names(page=3) == []
    assert names(group=sport.pk) == ["Channel 2", "Channel 3"]
    assert names(q="NEL 1") == ["Channel 1"]
    assert names(guide=1) == ["Channel 3"]
    assert "Empty" not in text(ask(client, viewer))
    for odd in ("x", "0", "9" * 30, "-1"):
        assert ask(client, viewer, page=odd, group=odd).status_code == 200


def test_a_search_does_not_change_a_channels_number(client, viewer):
    for name in ("First", "Second"):
        LinkFactory(channel__name=name)
    viewer.lineups.add(
        Lineup.objects.create(name="Mine", slug="mine", numbering=Lineup.Numbering.FROM_FIRST, first_number=100)
    )
    page = text(ask(client, viewer, q="second"))
    assert re.findall(r'<span class="number">(\d*)</span>', page) == ["101"]


def test_what_is_over_plays_from_the_archive_while_it_is_kept(client, viewer, now):
    channel = LinkFactory(stream__archive_hours=48).channel
    kept, gone, coming = now - 5 * HOUR, now - 60 * HOUR, now + 5 * HOUR
    told(channel, *(GuideRecord("", start, start + HOUR, "News") for start in (gone, kept, coming)))
    paths = {start: f"/guide/{channel.pk}/{int(start.timestamp())}/" for start in (kept, gone, coming)}
    begin, end = int(kept.timestamp()), int((kept + HOUR).timestamp())
    assert f"/player/{channel.pk}?utc={begin}&amp;utcend={end}&amp;token=" in text(ask(client, viewer, paths[kept]))
    for start in (gone, coming):
        assert "utc=" not in text(ask(client, viewer, paths[start]))
    assert "in the archive" in text(ask(client, viewer, at=begin))


def test_a_search_finds_words_in_its_time_and_group(client, viewer, now):
    group = GroupFactory(name="Sport")
    channel = LinkFactory(channel__name="Sport 1", channel__group=group).channel
    next_day = now + timedelta(days=2)
    told(
        channel,
        GuideRecord("", now - HOUR, now + HOUR, "Fußball heute", description="Élan"),
        GuideRecord("", next_day, next_day + HOUR, "Fußball übermorgen"),
    )

    def titles(**query):
        return re.findall(r"<span><b>(.*?)</b>", text(ask(client, viewer, "/guide/search/", **query)))

    assert titles(text="FUSSBALL heute") == titles(text="elan") == ["Fußball heute"] or titles(text="elan") == [
        "Fußball heute"
    ]
    assert titles(text="fußball") == ["Fußball heute", "Fußball übermorgen"]
    assert titles(text="fußball", when="now") == titles(text="fußball", when="today") == ["Fußball heute"]
    assert titles(text="fußball", group=group.pk) == ["Fußball heute", "Fußball übermorgen"]
    assert titles(text="fußball", group=group.pk + 1) == titles(text="") == titles(text="%") == []
    assert "fewer words find more" in text(ask(client, viewer, "/guide/search/", text="nowhere"))


def test_texts_stay_text_and_no_provider_is_named(client, viewer, now):
    evil = '"><script>alert(1)</script>'
    channel = LinkFactory(channel__name=evil, channel__logo="http://provider.example/secret.png").channel
    told(
        channel,
        GuideRecord(
            "",
            now - HOUR,
            now + HOUR,
            evil,
            subtitle=evil,
            description=evil,
            categories=(evil,),
            icon="http://provider.example/i.png",
            credits={"actor": (evil,)},
        ),
    )
    details = f"/guide/{channel.pk}/{int((now - HOUR).timestamp())}/"
    for path, query in (("/guide/", {"q": ">"}), (details, {}), ("/guide/search/", {"text": "alert"})):
        answer = ask(client, viewer, path, **query)
        page = text(answer)
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert "provider.example" not in page
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert "no-store" in answer["Cache-Control"]


def test_who_has_no_guide_is_told_what_to_do(client, admin_client, viewer):
    channel = LinkFactory().channel
    page = text(ask(client, viewer))
    assert "an administrator adds one" in page
    assert f"/player/{channel.pk}" in page
    viewer.owner = get_user_model().objects.get(username="admin")
    viewer.save()
    assert "/admin/guide/epgsource/" in text(admin_client.get("/guide/"))
    Channel.objects.update(enabled=False)
    assert "no channel to show yet" in text(ask(client, viewer))


@pytest.mark.parametrize("path", ["/guide/", "/guide/search/", "/guide/1/1/"])
def test_a_person_logs_in_and_a_wrong_token_is_refused(client, redis, path):
    browser = {"Accept": "text/html,application/xhtml+xml"}
    answer = client.get(path, {"q": "x"}, headers=browser)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/login/")
    assert client.get(path).status_code == 401
    assert client.get(path, {"token": "wrong"}, headers=browser).status_code == 401
    client.force_login(get_user_model().objects.create_user("anna"))
    assert client.get(path, headers=browser).status_code == 403
    assert client.post(path).status_code == 405


def test_a_viewer_who_logged_in_comes_back_to_the_guide(client):
    get_user_model().objects.create_user("kim", password="a long pass phrase")
    answer = client.post("/login/", {"username": "kim", "password": "a long pass phrase", "next": "/guide/?q=x"})
    assert answer["Location"] == "/guide/?q=x"


def test_a_page_costs_the_same_for_many_channels(client, viewer, now, django_assert_max_num_queries):
    for n in range(40):
        channel = LinkFactory(channel__number=n).channel
        told(channel, GuideRecord("", now - HOUR, now + HOUR, f"Show {n}"))
    with django_assert_max_num_queries(14):
        page = text(ask(client, viewer))
    assert len(spans(page)) == 40


@pytest.mark.parametrize("path", ["/guide/1/99999999999999999999/", "/guide/99999999999/1/", "/guide/1/0/"])
def test_what_is_not_told_is_404(client, viewer, path):
    assert ask(client, viewer, path).status_code == 404


def test_who_guesses_too_often_is_told_when_to_come_back(client, redis):
    answers = [client.get("/guide/", {"token": f"wrong{n}"}) for n in range(31)]
    assert (answers[0].status_code, answers[-1].status_code) == (401, 429)
    assert int(answers[-1]["Retry-After"]) > 0
