"""Refreshes a playlist that is stored already: the same bytes, the same entries in other bytes, and 1 % changed.

    python bench/refresh_unchanged.py [entries …]

Options and output as in bench/import_m3u.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.import_m3u import add_portal, installation, main, measured, write_list


def again(entries: int, profile: bool) -> None:
    with installation() as folder:
        path = folder / "list.m3u"
        write_list(path, entries)
        portal = add_portal(path)
        measured(f"{entries:,} first", portal)
        path.touch()
        measured(f"{entries:,} the same bytes", portal)
        write_list(path, entries, remark="made at another time")
        counts = measured(f"{entries:,} the same entries", portal)
        assert counts["unchanged"] == entries
        write_list(path, entries, changed=entries // 100)
        counts = measured(f"{entries:,} 1 % renamed", portal, profile=profile)
        assert counts["renamed"] == entries // 100


if __name__ == "__main__":
    main(__file__, again, "Refreshes playlists that are stored already.")
