"""Faults that take some seconds to be sure of (slow, lossy, encrypted): the journal names each, and only it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streaming.faults import SENTENCES, Fault
from streaming.journal.documents import ended_viewing
from streaming.journal.notes import Kind, Note
from streaming.relay import vigil
from streaming.relay.endings import end_of
from tests.fakes import damage
from tests.fakes.upstream import Script, TsOrigin
from tests.streaming.relay.rig import PACKET, QUICK, Rig, wait_for

HERE = 260 * PACKET

CASES = {
    "half pace": (Script(turn_after=HERE, turn=lambda: lambda packets: packets, turned_speed=0.15), Fault.STARVED),
    "encrypted": (Script(turn_after=HERE, turn=damage.scrambled), Fault.SCRAMBLED),
    "lossy": (Script(turn_after=HERE, turn=damage.lossy), Fault.CONTINUITY),
}


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[list[Note], str]]]:
    """All cases at once. What the relay looks at for ten seconds it looks at for two here."""
    origin = TsOrigin(pace=3.0)
    found: dict[str, tuple[list[Note], str]] = {}

    def view(rig: Rig, name: str, script: Script) -> None:
        key, one, two = f"channel:{name}", f"{name[0]}1", f"{name[0]}2"
        origin.script(one, script)
        rig.opener.urls[key] = [origin.url(one), origin.url(two)]
        with rig.watch(key) as player:
            while not any(note.kind is Kind.SEAM for note in rig.book.notes.get(key, [])):
                player.more()
        assert wait_for(lambda: any(facts.key == key for facts, _ in rig.book.over))
        facts, reason = next(pair for pair in rig.book.over if pair[0].key == key)
        notes = list(rig.book.notes[key])
        found[name] = notes, ended_viewing(facts, notes, time.time(), end_of(reason), reason)["sentence"]

    folder: Path = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vigil, "WINDOW_S", 2.0)
        patch.setattr(vigil, "STORM_BREAKS", 20)
        with Rig(folder, replace(QUICK, silence_s=1.0)) as rig:
            threads = [threading.Thread(target=view, args=(rig, name, script)) for name, (script, _) in CASES.items()]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(25)
    yield found
    origin.close()


@pytest.mark.parametrize("name", CASES)
def test_the_journal_names_the_fault_and_only_that(journals: dict[str, tuple[list[Note], str]], name: str) -> None:
    notes, said = journals[name]
    fault = CASES[name][1]
    assert [note.fault for note in notes if note.kind is Kind.FAULT] == [fault]
    assert [one for one, words in SENTENCES.items() if words in said] == [fault]
