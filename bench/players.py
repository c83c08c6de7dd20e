"""Real players over every fault of a source, on a whole house: how long each stood still, and what came by the wire.

python -m bench.players [--faults ended silent …] [--clients ffmpeg mpv vlc chromium] [--json FILE]

The browser needs TEST_NODE_MODULES: a folder into which `npm install mpegts.js playwright-core` went.
Per client: the longest time without progress, and television shown after the fault, in seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.clients.faults import FAILURES, Failure
from tests.clients.programs import missing
from tests.clients.stage import Moments, Play, stage
from tests.fakes.material import PACKET
from tests.mpegts.analyser import Limits, analyse

CLIENTS = ("ffmpeg", "mpv", "vlc", "chromium")


def row(failure: Failure, play: Play) -> dict[str, object]:
    """One line of the table."""
    data = bytes(play.recorder.data)
    report = analyse(data[: len(data) // PACKET * PACKET], Limits(video_gap_s=0.6, audio_gap_s=0.6, late_s=2.0))
    row: dict[str, object] = {
        "fault": failure.name,
        "noticed": play.noticed,
        "opened": play.opened,
        "gap_s": round(play.recorder.largest_gap_s, 2),
        "allowed_s": failure.gap_s,
        "same_connection": not play.recorder.ended,
        "continuity_errors": report.cc_errors,
        "backwards": sum(step <= 0 for step in report.video.dts_deltas),
        "problems": report.problems[:5],
    }
    for client, player in play.players.items():
        showing = player.showing
        fault_at = play.ended_at - failure.after_s
        row[client] = {
            "first_s": round(showing.first_after_s, 1),
            "still_s": round(showing.longest_still_s(play.ended_at), 1),
            "after_s": round(showing.shown_between(fault_at, play.ended_at), 1),
            "of_s": round(play.ended_at - fault_at, 1),
            "widths": showing.widths,
            "complaints": len(showing.complaints),
            "last_complaints": showing.complaints[-4:],
        }
    return row


def line(row: dict[str, object], clients: list[str]) -> str:
    """The row as a person reads it."""
    cells = [f"{row['fault']:<13}", f"{row['gap_s']!s:>6}", f"{','.join(row['noticed']) or '-':<11}"]  # type: ignore[arg-type]
    cells += [f"{row['opened']!s:>7}", f"cc {row['continuity_errors']} back {row['backwards']}"]
    for client in clients:
        found = row[client]
        assert isinstance(found, dict)
        cells.append(
            f"{client} still {found['still_s']} shown {found['after_s']}/{found['of_s']} ({found['complaints']})"
        )
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", nargs="*", choices=sorted(FAILURES), default=list(FAILURES))
    parser.add_argument("--clients", nargs="*", choices=CLIENTS, default=list(CLIENTS))
    parser.add_argument("--json", type=Path, help="append the rows to this file, one per line")
    chosen = parser.parse_args()
    clients = []
    for client in chosen.clients:
        lack = missing(client)
        print(f"without {client}: {lack}") if lack else clients.append(client)
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as here:
        for name in chosen.faults:
            failure = FAILURES[name]
            found = row(failure, here.play(failure, clients, Moments(after_s=failure.after_s)))
            print(line(found, clients), flush=True)
            for problem in found["problems"]:  # type: ignore[attr-defined]
                print(f"    {problem}")
            if chosen.json:
                with chosen.json.open("a") as file:
                    file.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
