"""The memory of all rings of a process: under one cap, and given back when their relays end."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from streaming.relay.registry import LEAST_RING_BYTES
from streaming.relay.ring import CHUNK
from tests.fakes.upstream import TsOrigin
from tests.streaming.relay.rig import QUICK, Rig, wait_for

CHANNELS = 3


def rings_bytes() -> int:
    """What the rings of this process hold, in pages."""
    files = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if "memfd:restreamer-ring" in str(entry.readlink()):
                # Python's mapped memory has a descriptor of its own of the same file.
                found = entry.stat()
                files[found.st_ino] = found.st_blocks * 512
        except OSError:
            # Another thread's, and gone.
            continue
    return sum(files.values())


def test_all_rings_together_stay_under_the_cap_and_all_memory_comes_back(origin: TsOrigin, tmp_path: Path) -> None:
    origin.pace = 60.0
    cap = CHANNELS * LEAST_RING_BYTES
    limits = replace(QUICK, total_ring_bytes=cap, linger_s=60.0)
    keys = [f"channel:{number}" for number in range(CHANNELS)]
    with Rig(tmp_path, limits) as rig, ExitStack() as stack:
        held: list[int] = []
        rig.opener.urls = {key: [origin.url(key, key)] for key in keys}
        for key in keys:
            stack.enter_context(rig.watch(key, tcp=False))

        def all_are_full() -> bool:
            # In the loop: between two blocks.
            rig.process.loop.call(lambda: held.append(rings_bytes()))
            relays = rig.book.relays
            return len(relays) == CHANNELS and all(relay.bytes_in > 2 * LEAST_RING_BYTES for relay in relays)

        assert wait_for(all_are_full, 15)
        assert cap - 2 * CHANNELS * CHUNK <= max(held) <= cap
        assert rings_bytes() > 0
    assert rings_bytes() == 0
