"""HLS as a source, against a strict provider: one connection, clean transport stream, a fault for every end."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from portals.providers.records import PlayUrl
from streaming.faults import Fault, UpstreamError
from streaming.hls import segments as reading
from streaming.hls.keys import KEY_BYTES
from streaming.sources.hls import HlsSource
from tests.fakes.hls_origin import Answer, HlsOrigin, playlist
from tests.fakes.leftovers import none_expected
from tests.mpegts.material import AAC, H264, ffmpeg, picture, tone
from tests.streaming.hls import material
from tests.streaming.hls.material import verdict

pytestmark = pytest.mark.ffmpeg

SAMPLES = Path(__file__).parents[2] / "samples" / "hls"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())


@pytest.fixture
def origin():
    with none_expected(), HlsOrigin() as origin:
        yield origin
        assert origin.violations == []
        assert origin.unannounced == []


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(reading, "STALL_LEAST_S", 1.0)
    monkeypatch.setattr(reading, "_RETRY_S", 0.1)


def source_of(origin, path="/live.m3u8", **kwargs) -> HlsSource:
    return HlsSource(PlayUrl(origin.url(path)), binary=ffmpeg, **kwargs)


def drained(source: HlsSource) -> tuple[bytes, UpstreamError]:
    """Everything until the source ends by itself, and why."""
    data = b""
    try:
        if not source.head:
            source.open()
        data = source.head
        while True:
            data += source.read()
    except UpstreamError as err:
        return data, err


def played(origin, path="/live.m3u8", **kwargs) -> tuple[bytes, UpstreamError]:
    """Open, read to the end, close."""
    source = source_of(origin, path, **kwargs)
    found = drained(source)
    source.close()
    assert origin.open_connections() == 0
    return found


def serve_all(origin, segments, prefix="/") -> list[str]:
    names = [f"{n}.ts" for n in range(len(segments))]
    for name, segment in zip(names, segments, strict=True):
        origin.serve(prefix + name, segment)
    return names


TV = material.television().segments[:8]
NAMES = [f"{n}.ts" for n in range(8)]


class Window:
    """A live list that moves on by one segment at every load, and ends when all were listed."""

    def __init__(self, names, *, size=3, ends=True, target=0.5, **kwargs):
        self.names, self.size, self.ends, self.target, self.kwargs = names, size, ends, target, kwargs
        self.loads = 0

    def __call__(self, target, headers) -> Answer:
        first = min(self.loads, len(self.names) - self.size)
        self.loads += 1
        over = first == len(self.names) - self.size
        entries = [(name, self.target) for name in self.names[first : first + self.size]]
        text = playlist(entries, first=first, target=self.target, ended=over and self.ends, **self.kwargs)
        return Answer(text.encode())


# Playing ----------------------------------------------------------------------------------------------------------


def test_a_finished_list_is_played_whole_and_ends(origin):
    origin.serve("/live.m3u8", playlist(serve_all(origin, TV), ended=True))

    data, err = played(origin)

    assert data == b"".join(TV)
    assert err.fault is Fault.ENDED
    assert origin.opened == 1


def test_a_live_window_is_followed_without_a_hole(origin):
    origin.serve("/live.m3u8", Window(serve_all(origin, TV)))

    data, err = played(origin)

    assert data == b"".join(TV)
    assert err.fault is Fault.ENDED
    assert verdict(data).complaints == ""
    assert verdict(data).frames == 8 * 25


def test_each_read_gives_whole_packets(origin):
    origin.serve("/live.m3u8", playlist(serve_all(origin, TV), ended=True))
    source = source_of(origin)
    source.open()

    pieces = [source.head, source.read(), source.read()]
    source.close()

    assert all(len(piece) % 188 == 0 and piece[::188] == b"\x47" * (len(piece) // 188) for piece in pieces)


def test_a_live_list_is_entered_three_targets_before_its_end(origin):
    origin.serve("/live.m3u8", playlist(serve_all(origin, TV)))
    source = source_of(origin)

    source.open()
    source.close()

    assert origin.paths()[:2] == ["/live.m3u8", "/5.ts"]


def test_addresses_behind_a_redirect_belong_to_the_final_host_and_reloads_go_there(origin):
    final = origin.url("/edge/a/live.m3u8?token=7", "localhost")
    origin.serve("/live.m3u8", Answer(status=302, headers={"Location": final}))
    origin.serve("/edge/a/live.m3u8", Window([f"../{name}" for name in serve_all(origin, TV[:5], "/edge/")]))

    data, _ = played(origin)

    assert data == b"".join(TV[:5])
    assert origin.paths().count("/live.m3u8") == 1
    assert {target for target, _ in origin.requests if "live" in target[1:]} >= {"/edge/a/live.m3u8?token=7"}
    assert all(headers["host"].startswith("localhost") for _, headers in origin.requests[1:])


def test_segments_on_another_host_still_use_one_connection_at_a_time(origin):
    serve_all(origin, TV)
    names = [origin.url(f"/{name}", "localhost") for name in NAMES]
    origin.serve("/live.m3u8", Window(names))

    data, _ = played(origin)

    assert data == b"".join(TV)
    assert origin.opened > 3


def test_the_session_a_list_puts_into_addresses_is_sent(origin):
    serve_all(origin, TV[:3])
    origin.serve("/live.m3u8", playlist([f"{n}.ts?session={n}" for n in range(3)], ended=True))

    played(origin)

    assert [target for target, _ in origin.requests[1:]] == [f"/{n}.ts?session={n}" for n in range(3)]


def test_an_advert_counter_in_front_of_a_segment_is_not_asked(origin):
    serve_all(origin, TV[:3])
    quoted = origin.url("/1.ts").replace(":", "%3A").replace("/", "%2F")
    origin.serve("/live.m3u8", playlist(["0.ts", f"/beacon?id=1&redirect={quoted}", "2.ts"], ended=True))

    data, _ = played(origin)

    assert data == b"".join(TV[:3])
    assert "/beacon" not in origin.paths()


def test_byte_ranges_of_one_file_are_played_in_order(origin):
    origin.serve("/all.ts", b"".join(TV))
    ranges = {n: (f"#EXT-X-BYTERANGE:{len(segment)}",) for n, segment in enumerate(TV)}
    ranges[0] = (f"#EXT-X-BYTERANGE:{len(TV[0])}@0",)
    origin.serve("/live.m3u8", playlist(["all.ts"] * 8, ended=True, before=ranges))

    data, _ = played(origin)

    assert data == b"".join(TV)
    assert origin.opened == 1


def test_a_discontinuity_passes_with_all_its_packets(origin):
    other = material.television("320x180").segments[:3]
    serve_all(origin, [*TV[:3], *other])
    origin.serve("/live.m3u8", playlist(NAMES[:6], ended=True, before={3: ("#EXT-X-DISCONTINUITY",)}))

    data, _ = played(origin)

    assert data == b"".join([*TV[:3], *other])


def test_a_gap_is_not_asked_for(origin):
    serve_all(origin, TV)
    origin.serve("/live.m3u8", playlist(NAMES, ended=True, before={4: ("#EXT-X-GAP",)}))

    data, _ = played(origin)

    assert data == b"".join([*TV[:4], *TV[5:]])
    assert "/4.ts" not in origin.paths()


def test_a_segment_cut_in_mid_packet_does_not_misalign_the_next(origin):
    serve_all(origin, [TV[0][:-100], *TV[1:3]])
    origin.serve("/live.m3u8", playlist(NAMES[:3], ended=True))

    data, _ = played(origin)

    assert data == TV[0][: len(TV[0]) - 188] + TV[1] + TV[2]


def test_a_finished_list_is_paced_by_the_clock(origin, monkeypatch):
    monkeypatch.setattr(reading.SegmentReader, "FINISHED_LEAD_S", 1.0)
    origin.serve("/live.m3u8", playlist([(name, 0.3) for name in serve_all(origin, TV)], ended=True))
    began = time.monotonic()

    played(origin)

    # 8 × 0.3 s less one of lead, and the last segment begins before its end
    assert 1.0 < time.monotonic() - began < 2.5


def test_live_media_can_be_smoothed(origin):
    origin.serve("/live.m3u8", playlist([(name, 0.4) for name in serve_all(origin, TV[:3])], target=0.4, first=7))
    source = source_of(origin, live_lead_s=0.1)
    source.open()
    arrived = [time.monotonic()]
    while len(arrived) < 3:
        source.read()
        arrived.append(time.monotonic())
    source.close()

    # The third piece begins the second segment: 0.4 s of media less 0.1 s of lead
    assert arrived[2] - arrived[0] > 0.25


# Keys -------------------------------------------------------------------------------------------------------------

KEYS = [bytes([n]) * 16 for n in range(1, 4)]


def encrypt(clear: bytes, key: bytes, iv: bytes) -> bytes:
    padding = KEY_BYTES - len(clear) % KEY_BYTES
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return cipher.update(clear + bytes([padding]) * padding) + cipher.finalize()


def serve_encrypted(origin) -> str:
    """Two segments by number, two by a written vector and another key, two in the clear."""
    written = bytes(range(16))
    for n in range(2):
        origin.serve(f"/{n}.ts", encrypt(TV[n], KEYS[0], (100 + n).to_bytes(16, "big")))
        origin.serve(f"/{n + 2}.ts", encrypt(TV[n + 2], KEYS[1], written))
        origin.serve(f"/{n + 4}.ts", TV[n + 4])
    origin.serve("/k0", KEYS[0])
    origin.serve("/k1", KEYS[1])
    tags = {
        0: ('#EXT-X-KEY:METHOD=AES-128,URI="k0"',),
        2: (f'#EXT-X-KEY:METHOD=AES-128,URI="/k1",IV=0x{written.hex()}',),
        4: ("#EXT-X-KEY:METHOD=NONE",),
    }
    return playlist(NAMES[:6], first=100, ended=True, before=tags)


def test_encrypted_segments_with_rotating_keys_are_opened(origin):
    origin.serve("/live.m3u8", serve_encrypted(origin))

    data, _ = played(origin)

    assert data == b"".join(TV[:6])
    assert origin.paths().count("/k0") == origin.paths().count("/k1") == 1
    assert origin.opened == 1


@pytest.mark.parametrize(
    ("key", "fault", "words"),
    [
        (Answer(b"<html>", status=403), Fault.REFUSED, "key"),
        (Answer(b"<html>", status=404), Fault.NOT_FOUND, "key"),
        (Answer(b"too short"), Fault.SCRAMBLED, "9 bytes"),
        (Answer(bytes(16)), Fault.NOT_TS, "does not open"),
    ],
)
def test_a_key_that_cannot_be_had_or_does_not_fit_is_said_so(origin, key, fault, words):
    text = serve_encrypted(origin)
    origin.serve("/k0", key)
    origin.serve("/live.m3u8", text)

    _, err = played(origin)

    assert err.fault is fault
    assert words in err.message


# Variants ---------------------------------------------------------------------------------------------------------

MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=320x180
low/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS="mp4a.40.2"
sound/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=640x360
high/live.m3u8
"""


def serve_variants(origin, **lists) -> None:
    origin.serve("/master.m3u8", MASTER)
    for name, answer in lists.items():
        origin.serve(f"/{name}/live.m3u8", answer)
        serve_all(origin, TV, f"/{name}/")


def test_the_best_variant_is_played(origin):
    serve_variants(origin, high=playlist(NAMES, ended=True))

    data, _ = played(origin, "/master.m3u8")

    assert data == b"".join(TV)
    assert origin.paths()[1] == "/high/live.m3u8"


def test_the_next_variant_is_played_when_the_best_is_not_there(origin):
    serve_variants(origin, high=Answer(status=404), low=playlist(NAMES, ended=True))

    data, _ = played(origin, "/master.m3u8")

    assert data == b"".join(TV)
    assert origin.opened == 1


def test_a_variant_lost_in_mid_play_is_left_without_a_hole(origin):
    low, high = Window(NAMES), Window(NAMES)

    def dying(target, headers):
        low.loads = max(low.loads, high.loads)
        return high(target, headers) if high.loads < 3 else Answer(status=404)

    serve_variants(origin, high=dying, low=low)

    data, err = played(origin, "/master.m3u8")

    assert data == b"".join(TV)
    assert err.fault is Fault.ENDED
    assert "/low/7.ts" in origin.paths()


def test_a_variant_whose_segments_vanish_is_left(origin):
    serve_variants(origin, high=playlist(NAMES, ended=True), low=playlist(NAMES, ended=True))
    for n in (3, 4, 5, 6, 7):
        origin.withdraw(f"/high/{n}.ts")

    data, _ = played(origin, "/master.m3u8")

    assert data == b"".join([*TV[:3], *TV[5:]])


def test_when_no_variant_answers_the_best_one_s_fault_is_told(origin):
    serve_variants(origin, high=Answer(status=403), low=Answer(status=404), sound=Answer(status=500))

    _, err = played(origin, "/master.m3u8")

    assert (err.fault, err.status_code) == (Fault.REFUSED, 403)


def test_master_lists_that_lead_in_circles_end(origin):
    origin.serve("/live.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8\n")

    _, err = played(origin)

    assert err.fault is Fault.NOT_TS


def test_a_master_list_without_variants_is_said_so(origin):
    origin.serve("/live.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n")

    _, err = played(origin)

    assert err.fault is Fault.NO_VIDEO


# Faults -----------------------------------------------------------------------------------------------------------


def test_one_lost_segment_is_skipped(origin):
    origin.serve("/live.m3u8", playlist(serve_all(origin, TV), ended=True))
    origin.withdraw("/4.ts")
    source = source_of(origin)
    data, _ = drained(source)
    source.close()

    assert data == b"".join([*TV[:4], *TV[5:]])
    assert source.skipped_segments == 1


def test_two_lost_segments_in_a_row_are_a_fault(origin):
    origin.serve("/live.m3u8", playlist(serve_all(origin, TV), ended=True))
    origin.withdraw("/4.ts")
    origin.withdraw("/5.ts")

    data, err = played(origin)

    assert data == b"".join(TV[:4])
    assert (err.fault, err.status_code) == (Fault.NOT_FOUND, 404)


@pytest.mark.parametrize(("status", "fault"), [(403, Fault.REFUSED), (458, Fault.SLOT_BUSY), (456, Fault.REFUSED)])
def test_a_refused_segment_is_a_fault_at_once(origin, status, fault):
    origin.serve("/live.m3u8", playlist(serve_all(origin, TV), ended=True))
    origin.serve("/1.ts", Answer(status=status))

    _, err = played(origin)

    assert (err.fault, err.status_code) == (fault, status)
    assert origin.paths()[-1] == "/1.ts"


def test_web_pages_in_place_of_segments_are_no_television(origin):
    origin.serve("/live.m3u8", playlist(NAMES, ended=True))
    for name in NAMES:
        origin.serve(f"/{name}", b"<html>expired</html>" * 100)

    data, err = played(origin)

    assert data == b""
    assert err.fault is Fault.NOT_TS


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(b"<html>login</html>"), Fault.NOT_TS),
        (Answer(b""), Fault.NOT_TS),
        (Answer(status=404), Fault.NOT_FOUND),
        (Answer(status=429, headers={"Retry-After": "3"}), Fault.SLOT_BUSY),
        (Answer(drop=True), Fault.RESET),
        (Answer(b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n", announced=10_000), Fault.RESET),
        (Answer(b"#EXTM3U\n" + b"#EXTINF:1,\nx.ts\n" * 400_000), Fault.NOT_TS),
        (Answer(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-ENDLIST\n"), Fault.ENDED),
        (Answer(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-I-FRAMES-ONLY\n#EXTINF:1,\n0.ts\n"), Fault.NO_VIDEO),
        (Answer(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXTINF:1,\ngopher://x/\n#EXT-X-ENDLIST\n"), Fault.REFUSED),
    ],
)
def test_a_list_that_cannot_be_played_has_its_fault(origin, answer, fault):
    origin.serve("/live.m3u8", answer)

    data, err = played(origin)

    assert (data, err.fault) == (b"", fault)


def test_a_segment_without_an_end_is_refused(origin, monkeypatch):
    monkeypatch.setattr(reading, "_MOST_BYTES", 100_000)
    monkeypatch.setattr(reading, "_MOST_BYTES_PER_S", 1)
    serve_all(origin, [TV[0] * 10, TV[1] * 10])
    origin.serve("/live.m3u8", playlist(NAMES[:2], ended=True))

    data, err = played(origin)

    assert err.fault is Fault.NOT_TS
    assert len(data) < 300_000


def test_a_list_that_takes_long_to_read_is_asked_for_less_often(origin, monkeypatch):
    monkeypatch.setattr(reading, "_READING_SHARE", 1e6)
    monkeypatch.setattr(reading, "STALL_LEAST_S", 60)
    origin.serve("/live.m3u8", Window(serve_all(origin, TV)))
    source = source_of(origin)
    reader = threading.Thread(target=drained, args=(source,))
    reader.start()
    origin.wait_for("/2.ts")
    time.sleep(0.8)
    source.close()
    reader.join(5)

    assert origin.paths().count("/live.m3u8") == 1


def test_a_list_that_stands_still_is_silent(origin):
    origin.serve("/live.m3u8", playlist([(name, 0.5) for name in serve_all(origin, TV[:3])], target=0.5))

    data, err = played(origin)

    assert data == b"".join(TV[:3])
    assert err.fault is Fault.SILENT


def test_a_list_that_fails_now_and_then_is_asked_again(origin):
    window = Window(serve_all(origin, TV))
    answers = iter([None, Answer(status=500), None, Answer(drop=True)])
    origin.serve("/live.m3u8", lambda target, headers: next(answers, None) or window(target, headers))

    data, err = played(origin)

    assert data == b"".join(TV)
    assert err.fault is Fault.ENDED


def test_a_list_that_fails_twice_in_a_row_is_a_fault(origin):
    window = Window(serve_all(origin, TV))
    answers = iter([None, Answer(status=500), Answer(status=502)])
    origin.serve("/live.m3u8", lambda target, headers: next(answers, None) or window(target, headers))

    _, err = played(origin)

    assert (err.fault, err.status_code) == (Fault.REFUSED, 502)


def test_a_provider_that_goes_away_is_noticed_within_a_second(origin):
    origin.serve("/live.m3u8", playlist([(name, 1) for name in serve_all(origin, TV[:3])], target=1))
    source = source_of(origin)
    source.open()

    origin.stop()
    began = time.monotonic()
    drained(source)
    source.close()

    assert time.monotonic() - began < 2.0


def test_a_provider_that_does_not_answer_ends_the_start_in_time(origin):
    gate = threading.Event()
    origin.serve("/live.m3u8", Answer(b"#EXTM3U\n", announced=100, pause=gate, pause_after=3))
    began = time.monotonic()

    _, err = played(origin, start_timeout_s=0.3)
    gate.set()

    assert err.fault is Fault.TIMED_OUT
    assert time.monotonic() - began < 2


def test_close_wakes_a_reader_and_leaves_nothing(origin):
    origin.serve("/live.m3u8", playlist(serve_all(origin, TV[:3]), target=30))
    source = source_of(origin)
    source.open()
    ended: list[UpstreamError] = []
    reader = threading.Thread(target=lambda: ended.append(drained(source)[1]))
    reader.start()
    origin.wait_for("/2.ts")
    source.close()
    reader.join(5)
    source.close()

    assert ended[0].fault is Fault.ENDED
    assert origin.open_connections() == 0


# Other forms ------------------------------------------------------------------------------------------------------


def serve_cut(origin, cut, prefix, count=8) -> str:
    """A finished list of a cut; returns its path."""
    names = serve_all(origin, cut.segments[:count], prefix)
    head: tuple[str, ...] = ()
    if cut.beginning:
        origin.serve(f"{prefix}init.mp4", cut.beginning)
        head = ('#EXT-X-MAP:URI="init.mp4"',)
    origin.serve(f"{prefix}live.m3u8", playlist(names, ended=True, head=head))
    return f"{prefix}live.m3u8"


def test_fragmented_mp4_becomes_transport_stream(origin):
    data, err = played(origin, serve_cut(origin, material.fragmented(), "/f/"))

    found = verdict(data)
    assert err.fault is Fault.ENDED
    assert found.complaints == ""
    assert found.frames == 8 * 25
    assert found.sound_frames > 8 * 46


def test_bare_audio_becomes_transport_stream(origin):
    data, _ = played(origin, serve_cut(origin, material.bare_audio(), "/a/"))

    found = verdict(data)
    assert found.complaints == ""
    assert found.sound_frames == 8 * 47


SPLIT = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="de",URI="sound/live.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="en",DEFAULT=YES,URI="sound/live.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=320x180,AUDIO="s"
picture/live.m3u8
"""


@pytest.mark.parametrize(
    ("video", "audio"),
    [
        (material.picture_alone(), material.sound_alone()),
        (material.picture_alone(), material.bare_audio()),
        (material.picture_alone("fmp4"), material.sound_alone("fmp4")),
        (material.picture_alone("fmp4"), material.sound_alone()),
    ],
    ids=["ts+ts", "ts+bare", "mp4+mp4", "mp4+ts"],
)
def test_sound_listed_apart_is_played_with_its_picture(origin, video, audio):
    origin.serve("/master.m3u8", SPLIT)
    serve_cut(origin, video, "/picture/")
    serve_cut(origin, audio, "/sound/")

    data, err = played(origin, "/master.m3u8")

    found = verdict(data)
    assert err.fault is Fault.ENDED
    assert found.complaints == ""
    assert found.frames == 8 * 25
    assert found.sound_frames >= 8 * 46
    if bool(video.beginning) == bool(audio.beginning):  # else ffmpeg began their clocks at different times
        assert abs(found.video_span[0] - found.audio_span[0]) < 0.1
    assert origin.opened == 1


def test_sound_listed_apart_is_not_fetched_when_the_picture_has_its_own(origin):
    origin.serve("/master.m3u8", SPLIT)
    serve_cut(origin, material.television(), "/picture/")

    data, _ = played(origin, "/master.m3u8")

    assert data == b"".join(TV)


def test_fragmented_mp4_goes_on_behind_another_initialisation(origin):
    one = material.fragmented()
    two = material.cut(*picture("320x180", 3), *tone(3), *H264, *AAC, form="fmp4")
    serve_all(origin, [*one.segments[:3], *two.segments[:3]])
    origin.serve("/1.mp4", one.beginning)
    origin.serve("/2.mp4", two.beginning)
    tags = {0: ('#EXT-X-MAP:URI="1.mp4"',), 3: ("#EXT-X-DISCONTINUITY", '#EXT-X-MAP:URI="2.mp4"')}
    origin.serve("/live.m3u8", playlist(NAMES[:6], ended=True, before=tags))

    data, err = played(origin)

    assert err.fault is Fault.ENDED
    assert material.widths(data) == [160] * 75 + [320] * 75


@pytest.mark.parametrize("all_of_it", [False, True], ids=["media only", "beginning too"])
def test_fragmented_mp4_that_is_encrypted_is_opened(origin, all_of_it):
    cut = material.fragmented()
    iv = bytes(range(16))
    origin.serve("/k", KEYS[0])
    origin.serve("/init.mp4", encrypt(cut.beginning, KEYS[0], iv) if all_of_it else cut.beginning)
    serve_all(origin, [encrypt(segment, KEYS[0], iv) for segment in cut.segments[:4]])
    head = (f'#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x{iv.hex()}', '#EXT-X-MAP:URI="init.mp4"')
    origin.serve("/live.m3u8", playlist(NAMES[:4], ended=True, head=head))

    data, _ = played(origin)

    assert verdict(data).frames == 4 * 25


def test_without_ffmpeg_other_forms_are_refused_in_words(origin):
    path = serve_cut(origin, material.fragmented(), "/f/")
    source = HlsSource(PlayUrl(origin.url(path)), binary=lambda: "/no/ffmpeg")

    with pytest.raises(UpstreamError, match="needs ffmpeg"):
        source.open()


def test_close_ends_the_ffmpeg_of_other_forms(origin):
    cut = material.fragmented()
    origin.serve("/f/init.mp4", cut.beginning)
    names = serve_all(origin, cut.segments[:8], "/f/")
    origin.serve("/f/live.m3u8", playlist(names, head=('#EXT-X-MAP:URI="init.mp4"',), target=2))
    source = source_of(origin, "/f/live.m3u8")
    source.open()

    source.close()

    assert origin.open_connections() == 0


# Samples ----------------------------------------------------------------------------------------------------------

#: What playing a sample must end with; the others are played to their end or until their list stands still.
ENDS = {
    "eyevinn_media-playlist-with-multiple-dateranges.m3u8": Fault.SCRAMBLED,
    "eyevinn_media-playlist-with-iframes-only-and-map.m3u8": Fault.NO_VIDEO,
}
EMPTY = {*ENDS, "eyevinn_bad-media-playlist-with-gap.m3u8"}


class AnyHost(HlsOrigin):
    """A proxy that answers for every host: lists by name, keys, initialisation and media segments."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.fragmented = "#EXT-X-MAP" in text
        self.served: dict[str, int] = {}

    def _answer(self, target: str, headers: dict[str, str]) -> Answer:
        with self._lock:
            self.requests.append((target, headers))
        if target.endswith("sample.m3u8"):
            return Answer(self.text.encode())
        if "key.php" in target:
            return Answer(KEYS[0])
        cut = material.fragmented() if self.fragmented else material.television()
        if "init" in target or target.endswith("fileSequence5.mp4"):
            return Answer(cut.beginning)
        number = self.served.setdefault(target, len(self.served))
        segment = cut.segments[number % len(cut.segments)]
        if "fileSequence5" in target and "#EXT-X-KEY" in self.text:
            sequence = 7794 + int("ABC".index(target[-4])) + (3 if "53" in target else 0)
            segment = encrypt(segment, KEYS[0], sequence.to_bytes(16, "big"))
        return Answer(segment)


@pytest.mark.parametrize("name", sorted(n for n, facts in EXPECTED.items() if facts["kind"] != "multivariant"))
def test_every_sample_of_a_media_list_plays_cleanly_or_ends_with_its_reason(name, monkeypatch):
    monkeypatch.setattr(reading.SegmentReader, "FINISHED_LEAD_S", 10_000)
    monkeypatch.setattr(reading, "STALL_INTERVALS", 0)
    text = (SAMPLES / name).read_text().replace("https://", "http://")
    with none_expected(), AnyHost(text) as origin:
        source = HlsSource(PlayUrl("http://tv.example/sample.m3u8", proxy_url=origin.url("")), binary=ffmpeg)
        monkeypatch.setattr("streaming.hls.follow.Follower.interval_s", property(lambda self: 0.5))
        data, err = drained(source)
        source.close()

        assert origin.violations == []
        assert err.fault is ENDS.get(name, err.fault)
        if name in EMPTY:
            assert data == b""
        else:
            assert err.fault in (Fault.ENDED, Fault.SILENT)
            assert verdict(data).frames >= 25
