"""The fake portal is strict: a fake that accepts everything proves nothing."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from portals.providers.stalker.identity import Identity
from portals.providers.stalker.wire import query
from tests.fakes.portal import FakePortal
from tests.fakes.portal_wire import Reply, hang
from tests.fakes.web import FakeWeb

MAC = "00:1A:79:00:00:01"
BOX = Identity(MAC, "SN1", "", "", "", "MAG250", "", "", "en", "Mozilla/5.0 MAG200 stbapp")


class Box:
    """A box that does exactly what the test says."""

    def __init__(self, fake: FakePortal) -> None:
        self.fake = fake
        self.token = ""

    def ask(self, parameters: dict[str, str], *, token: str | None = None, **headers: str | None) -> Any:
        sent = BOX.headers(referer=self.fake.address, zone="UTC", token=self.token if token is None else token)
        for name, value in headers.items():
            sent.pop(name.replace("_", "-"), None)
            if value is not None:
                sent[name.replace("_", "-")] = value
        request = urllib.request.Request(f"{self.fake.endpoint}?{query(parameters)}", headers=sent)
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read().decode()
        return json.loads(body)["js"] if body.startswith("{") else body

    def handshake(self) -> str:
        js = self.ask({"type": "stb", "action": "handshake", "token": self.token, "prehash": "0"}, token="")
        self.token = js["token"]
        return str(self.token)

    def profile(self, **changes: Any) -> Any:
        given = BOX.profile(rand="R", not_valid=False, second_step=False, timestamp=_now())
        return self.ask({**given, **changes})

    def genres(self) -> Any:
        return self.ask({"type": "itv", "action": "get_genres"})

    def link(self, cmd: str) -> Any:
        rest = {"series": "", "forced_storage": "0", "disable_ad": "1", "download": "0", "force_ch_link_check": "0"}
        return self.ask({"type": "itv", "action": "create_link", "cmd": cmd, **rest})


@pytest.fixture(params=["stock", "panel"])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    fake = FakePortal(request.param).start()
    yield Box(fake)
    fake.stop()


def signed_in(fake: FakePortal) -> Box:
    made = Box(fake)
    made.handshake()
    made.profile()
    return made


def opened(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            answer.read(188)
            return int(answer.status)
    except urllib.error.HTTPError as err:
        return err.code


def test_a_well_behaved_box_is_served(box):
    signed_in(box.fake)
    box.fake.assert_well_treated()


def test_a_wrong_token_is_refused(box):
    other = signed_in(box.fake)
    other.token = "WRONG"
    assert other.genres() in ("Authorization failed.", "")


def test_a_second_sign_in_logs_the_first_out(box):
    first, second = signed_in(box.fake), signed_in(box.fake)
    assert isinstance(second.genres(), list)
    assert first.genres() in ("Authorization failed.", "")


def test_a_current_token_offered_again_is_kept(box):
    made = signed_in(box.fake)
    before = made.token
    assert made.handshake() == before


@pytest.mark.parametrize(
    "change",
    [{"sn": ""}, {"ver": "none"}, {"metrics": "{}"}, {"metrics": "x"}, {"timestamp": "5"}, {"stb_type": "MAG322"}],
)
def test_a_profile_no_box_would_send_is_a_violation(change):
    fake = FakePortal("stock").start()
    made = Box(fake)
    made.handshake()
    made.profile(**change)
    fake.stop()
    with pytest.raises(AssertionError):
        fake.assert_well_treated()


@pytest.mark.parametrize(
    "headers",
    [
        {"User_Agent": "curl"},
        {"X_User_Agent": None},
        {"Referer": "http://x/"},
        {"Cookie": f"mac={MAC}"},
        {"Cookie": f"mac={MAC}; stb_lang=en; mac_emu=1"},
        {"Authorization": None},
    ],
)
def test_a_request_no_box_would_send_is_a_violation(headers):
    fake = FakePortal("stock").start()
    made = Box(fake)
    made.handshake()
    given = BOX.profile(rand="R", not_valid=False, second_step=False, timestamp=_now())
    made.ask(given, **headers)
    fake.stop()
    with pytest.raises(AssertionError):
        fake.assert_well_treated()


def test_leaving_the_block_fails_on_a_violation():
    with pytest.raises(AssertionError, match="handshake with Authorization"), FakePortal() as fake:
        Box(fake).ask({"type": "stb", "action": "handshake", "token": "", "prehash": "0"}, token="T")


def test_three_requests_at_once_fail_the_test():
    fake = FakePortal().start()
    fake.fault("itv.get_genres", hang(0.5))
    made = signed_in(fake)
    threads = [threading.Thread(target=_quietly, args=(made.genres,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fake.stop()
    with pytest.raises(AssertionError, match="3 requests at once"):
        fake.assert_well_treated()


def test_an_unknown_action_is_js_false():
    with FakePortal() as fake:
        assert signed_in(fake).ask({"type": "itv", "action": "no_such"}) is False


def test_a_panel_puts_a_stranger_on_its_block_list():
    with FakePortal("panel", strict=False) as fake:
        made = Box(fake)
        made.handshake()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            made.profile(sn="")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            made.handshake()


def test_a_profile_without_bearer_opens_the_account_to_everybody():
    with FakePortal("stock", strict=False) as fake:
        made = signed_in(fake)
        given = BOX.profile(rand="R", not_valid=False, second_step=False, timestamp=_now())
        made.ask(given, Authorization=None)
        made.token = "ANY"
        assert isinstance(made.genres(), list)


def test_a_panel_link_works_once():
    with FakePortal("panel") as fake:
        cmd = signed_in(fake).link("ffmpeg http://localhost/ch/5_")["cmd"]
        url = cmd.split(" ")[1]
        assert [opened(url), opened(url)] == [200, 404]


def test_a_stock_link_works_for_its_seconds():
    with FakePortal("stock") as fake:
        url = signed_in(fake).link("ffrt http://localhost/ch/50005")["cmd"].split(" ")[1]
        assert [opened(url), opened(url)] == [200, 200]
        fake.link_lifetime_s = 0
        assert opened(url) == 404


def test_a_finished_address_sent_back_gives_what_it_gives():
    with FakePortal("stock") as stock, FakePortal("panel") as panel:
        cmd = "ffmpeg http://edge/live.php?stream=5"
        assert signed_in(stock).link(cmd)["error"] == "link_fault"
        assert "stream=&" in signed_in(panel).link(cmd)["cmd"]


@pytest.mark.parametrize(("media", "family"), [("redirect", "panel"), ("proxy", "stock"), ("proxy", "panel")])
def test_links_lead_to_the_media_origin(media, family):
    with FakeWeb({"/live/5": Reply(b"G" * 188)}) as origin:
        fake = FakePortal(
            family, media_url=lambda mac, channel, token: f"{origin.origin}/live/{channel}?m={mac}", media=media
        )
        with fake:
            order = "x http://localhost/ch/5_" if family == "panel" else "x http://localhost/ch/50005"
            url = signed_in(fake).link(order)["cmd"].split(" ")[1]
            assert opened(url) == 200
        assert origin.requests[0].path == f"/live/5?m={MAC}"


def test_one_stream_too_many_fails_the_test_and_is_counted():
    with FakeWeb({"/live": hang(5)}) as origin:
        fake = FakePortal(
            "stock", limit=1, media_url=lambda mac, channel, token: f"{origin.origin}/live", media="proxy"
        )
        fake.start()
        made = signed_in(fake)
        url = made.link("x http://localhost/ch/50005")["cmd"].split(" ")[1]
        threading.Thread(target=_quietly, args=(lambda: opened(url),), daemon=True).start()
        while not fake.doings().open_now:
            time.sleep(0.005)
        assert opened(url) == 458
        assert fake.doings().open_peak == 1
        fake.stop()
        with pytest.raises(AssertionError, match="more than 1 streams"):
            fake.assert_well_treated()


def test_it_is_steered_and_read_over_http():
    with FakePortal(macs=(MAC, "00:1A:79:00:00:02")) as fake:
        with urllib.request.urlopen(f"{fake.origin}/__control?block={MAC}", timeout=5) as answer:
            state = json.load(answer)
        assert state["accounts"][MAC]["state"] == "blocked"
        assert state["accounts"]["00:1A:79:00:00:02"]["state"] == "ok"
        assert opened(f"{fake.origin}/__control?nonsense=1") == 400
        assert opened(f"{fake.origin}/__state") == 200


def _now() -> int:
    return int(time.time())


def _quietly(work: Any) -> None:
    with contextlib.suppress(OSError):
        work()
