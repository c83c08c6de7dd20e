"""Any order of sources, losses and slates is one stream: without sockets, threads or waiting."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.faults import UpstreamError
from streaming.relay.bridge import Bridge
from streaming.relay.intake import Intake
from streaming.relay.joint import Joint
from tests.fakes import material
from tests.fakes.material import Endless
from tests.mpegts.analyser import Limits, analyse
from tests.streaming.relay.rig import PACKET, GivenSlates

TICK_S = 0.1

SOURCES = {
    "plain": material.ts(),
    "other": material.ts(size="480x270", gop_s=0.5, extra=("-mpegts_start_pid", "0x200")),
    "frames": material.ts(gop_s=2.0, extra=("-bf", "2")),
    "mpeg2": material.ts(video="mpeg2video", audio="mp2"),
    "silent": material.ts(audio="", size="480x270"),
}


@dataclass
class Channel:
    """What a relay does with its joint and its bridge, by a clock of its own."""

    now: float = 0.0
    out: bytearray = field(default_factory=bytearray)
    joint: Joint = field(default_factory=Joint)
    slates_shown: int = 0

    def __post_init__(self) -> None:
        self.said: list[str] = []
        self.bridge = Bridge(self.joint, GivenSlates(), 1.0, lambda kind, said: self.said.append(said))

    def source(self, name: str, start: int, ticks: int, block: int) -> None:
        """A source comes, stays for some ticks, and is lost."""
        stream, at = Endless(SOURCES[name]), start * PACKET
        intake = Intake(self.now, self.joint)
        try:
            for _ in range(ticks):
                self.now += TICK_S
                data, at = stream.read(at, block * PACKET), at + block * PACKET
                packets, _ = intake.feed(data, self.now)
                if packets:
                    self.bridge.published(packets, self.now)
                    self.out += packets.data
                else:
                    self.out += self.bridge.fill(self.now)
        except UpstreamError:
            pass
        self.out += self.joint.cut(self.now)[0].data
        self.bridge.lost(self.now)

    def nothing(self, ticks: int) -> None:
        """There is no source for some ticks."""
        for _ in range(ticks):
            self.now += TICK_S
            self.out += self.bridge.fill(self.now)
        self.slates_shown += self.joint.shows_slate


steps = st.lists(
    st.tuples(
        st.sampled_from(sorted(SOURCES)),
        st.integers(0, 1500),
        st.integers(1, 60),
        st.integers(1, 60),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.ffmpeg
@settings(max_examples=20, deadline=None)
@given(steps)
def test_any_order_of_sources_losses_and_slates_is_one_stream(steps: list[tuple[str, int, int, int, int]]) -> None:
    channel = Channel()
    channel.source("plain", 0, 20, 40)
    for name, start, ticks, block, pause in steps:
        channel.nothing(pause)
        channel.source(name, start, ticks, block)
    channel.nothing(30)
    channel.out += channel.joint.end_slate()
    assert channel.slates_shown
    report = analyse(bytes(channel.out), Limits(video_gap_s=0.2, audio_gap_s=0.3))
    assert report.problems == []
    assert report.cc_errors == 0
