"""Every way a source can fail in mid-stream, with another beside it: one unbroken stream, one candidate consumed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from streaming.faults import SENTENCES, Fault
from streaming.journal.documents import ended_viewing
from streaming.journal.notes import Kind, Note
from streaming.relay.endings import end_of
from tests.fakes import damage, material
from tests.fakes.damage import Recipe
from tests.fakes.material import Endless
from tests.fakes.upstream import Script, TsOrigin
from tests.mpegts.analyser import Limits, Report, analyse
from tests.streaming.relay.rig import PACKET, QUICK, Rig, begins_cleanly, wait_for
from tests.streaming.relay.test_splice import OTHER

#: About two seconds of the stream.
HERE = 520 * PACKET
PACE = 3.0
#: Longer than what the splicer keeps back, so that what it does with the rest of a stream is seen.
SILENCE_S = 1.6


@dataclass(frozen=True)
class Case:
    """One fault of the first source, and what the relay may call it; nothing when it is to be borne."""

    script: Script
    faults: tuple[Fault, ...] = ()
    #: Sound that takes the place of missing sound may be sent so late.
    late_s: float = 0.0


def turned(recipe: Recipe, speed: float = 1.0) -> Script:
    """From here on it is like that."""
    return Script(turn_after=HERE, turn=recipe, turned_speed=speed)


CASES = {
    "ended": Case(Script(end_after=HERE), (Fault.ENDED,)),
    "reset": Case(Script(reset_after=HERE), (Fault.RESET,)),
    "silent": Case(Script(silent_after=HERE), (Fault.SILENT,)),
    "page and the end": Case(Script(garbage_after=HERE, garbage=damage.SORRY, end_after=HERE + 1), (Fault.NOT_TS,)),
    "page and silence": Case(turned(damage.page), (Fault.NOT_TS,)),
    "pages": Case(turned(damage.pages), (Fault.NOT_TS,)),
    # Noise looks like a packet or two now and then; on a busy machine the clock has stood for long by then.
    "noise": Case(turned(damage.noise), (Fault.NOT_TS, Fault.FROZEN)),
    "trickle of noise": Case(turned(damage.noise, 0.1), (Fault.NOT_TS,)),
    "no picture": Case(turned(damage.no_picture), (Fault.LOST_VIDEO,)),
    "no picture and no clock": Case(turned(damage.no_picture_no_clock), (Fault.LOST_VIDEO, Fault.FROZEN)),
    "no sound": Case(turned(damage.no_sound), (Fault.LOST_AUDIO,), late_s=2.0),
    "frozen clock": Case(turned(damage.frozen_pcr), (Fault.FROZEN,)),
    "forward": Case(turned(damage.jump(5000))),
    "back": Case(turned(damage.jump(-3))),
    "back over the wrap": Case(turned(damage.jump(-5000))),
}


@dataclass
class Outcome:
    """What one viewer received, and what the relay noted."""

    body: bytes
    history: list[tuple[str, Fault]]
    opened: tuple[int, int]
    #: The journal of the relay, and of the viewing in one sentence.
    notes: list[Note]
    said: str

    def report(self, late_s: float) -> Report:
        # Two joined sources may lie apart by their own gaps.
        return analyse(self.body, Limits(video_gap_s=0.6, audio_gap_s=0.6, late_s=late_s))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """All cases at once, a channel each: `two` has other PIDs, another size, another programme and another clock."""
    origin = TsOrigin(pace=PACE)
    found: dict[str, Outcome] = {}

    def view(rig: Rig, name: str, case: Case) -> None:
        slug = name.replace(" ", "_")
        one, two, key = f"{slug}-1", f"{slug}-2", f"channel:{slug}"
        origin.materials[two] = other
        origin.script(one, case.script)
        origin.always(two, Script(start_at=9001 * PACKET))
        rig.opener.urls[key] = [origin.url(one), origin.url(two)]
        with rig.watch(key) as player:
            body = player.body(HERE + 20_000 if case.faults else 420_000)
            while case.faults and not origin.opened[two] and player.more():
                pass
            body = player.body(len(player.data) + 180_000)
        assert wait_for(lambda: any(facts.key == key for facts, _ in rig.book.over))
        facts, reason = next(pair for pair in rig.book.over if pair[0].key == key)
        notes = list(rig.book.notes[key])
        said = ended_viewing(facts, notes, time.time(), end_of(reason), reason)["sentence"]
        history = [(candidate, fault) for _, candidate, fault in rig.opener.histories[key].entries]
        whole = body[: len(body) // PACKET * PACKET]
        found[name] = Outcome(whole, history, (origin.opened[one], origin.opened[two]), notes, said)

    other = Endless(material.ts(size="480x270", gop_s=0.5, extra=OTHER))
    folder: Path = tmp_path_factory.mktemp("faults")
    with Rig(folder, replace(QUICK, silence_s=SILENCE_S)) as rig:
        threads = [threading.Thread(target=view, args=(rig, name, case)) for name, case in CASES.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(40)
    yield found
    assert origin.wait_open(0)
    origin.close()


@pytest.mark.parametrize("name", CASES)
def test_the_viewer_gets_one_stream(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert begins_cleanly(outcome.body)
    report = outcome.report(CASES[name].late_s)
    assert report.problems == []
    assert report.cc_errors == 0
    assert all(step > 0 for step in report.video.dts_deltas)


@pytest.mark.parametrize("name", CASES)
def test_one_candidate_is_consumed_and_the_fault_has_its_name(outcomes: dict[str, Outcome], name: str) -> None:
    outcome, faults = outcomes[name], CASES[name].faults
    if not faults:
        assert (outcome.history, outcome.opened) == ([], (1, 0))
        return
    assert [candidate for candidate, _ in outcome.history] == ["0/1"]
    assert outcome.history[0][1] in faults
    assert outcome.opened == (1, 1)


@pytest.mark.parametrize("name", CASES)
def test_the_journal_names_the_fault_and_only_that(outcomes: dict[str, Outcome], name: str) -> None:
    outcome, faults = outcomes[name], CASES[name].faults
    named = [note.fault for note in outcome.notes if note.kind is Kind.FAULT]
    assert len(named) == (1 if faults else 0)
    assert {fault for fault, words in SENTENCES.items() if words in outcome.said} == {Fault(one) for one in named}
    assert set(named) <= {str(one) for one in faults}
    seams = [note for note in outcome.notes if note.kind is Kind.SEAM]
    assert len(seams) == len(named)
    assert outcome.said.startswith("viewer1 watched One for ")
    assert outcome.said.endswith("; the viewer ended it.")
    assert ("it went on" in outcome.said) == bool(faults)
