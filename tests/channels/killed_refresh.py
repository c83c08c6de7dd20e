"""A process of its own that refreshes a portal and never gets past the middle. Run by test_killed.

It stops in the middle of a transaction: the streams are written, their channels are not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any


def main() -> None:
    import django

    django.setup()
    from channels import refresh
    from channels.mirror import births
    from portals import refreshing
    from portals.mirror import apply, spool
    from portals.models import Run
    from portals.providers.records import StreamRecord

    class Listed:
        def live_genres(self) -> list[object]:
            return []

        def live_streams(self, progress: object) -> Iterator[StreamRecord]:
            yield from (StreamRecord(str(n), f"Channel {n}", number=str(n)) for n in range(400))

    give, pieces = births.Births.give, iter(range(2))

    def half(self, born):
        if next(pieces, None) is None:
            sys.stdout.write("half-way\n")
            sys.stdout.flush()
            time.sleep(60)
        return give(self, born)

    patched: list[tuple[Any, str, Any]] = [
        (births.Births, "give", half),
        (spool, "PIECE", 100),
        (apply, "PIECE", 100),
        (refresh, "provider_for", lambda portal: Listed()),
    ]
    for place, name, value in patched:
        setattr(place, name, value)
    refreshing.perform(Run.objects.get(pk=int(sys.argv[1])))


if __name__ == "__main__":
    main()
