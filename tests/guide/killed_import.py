"""A process of its own that imports a guide and never finishes. Run by test_attacks."""

from __future__ import annotations

import sys
import time


def main() -> None:
    import django

    django.setup()
    from datetime import datetime, timedelta

    from guide import generation
    from guide.importer import import_guide
    from guide.models import EpgSource
    from guide.records import GuideRecord

    now = datetime.fromisoformat(sys.argv[2])

    def endless():
        for n in range(500):
            yield GuideRecord("a", now + timedelta(minutes=n), None, f"new {n}")
        sys.stdout.write("half-way\n")
        sys.stdout.flush()
        time.sleep(60)

    generation.BATCH_ROWS = 50
    import_guide(EpgSource.objects.get(pk=int(sys.argv[1])), endless(), now=now)


if __name__ == "__main__":
    main()
