"""Small guides written by hand for tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from restreamer.lib.decompress import unpacked

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "xmltv"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    """`1 20:00` is eight in the evening (UTC) of the first of June 2026."""
    day, _, clock = text.partition(" ")
    hour, _, minute = clock.partition(":")
    return datetime(2026, 6, int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)


def programme(channel: str, start: str, stop: str = "", title: str = "Film", inside: str = "") -> str:
    """One element; times as `at` reads them."""
    ends = f' stop="{at(stop):%Y%m%d%H%M%S} +0000"' if stop else ""
    return (
        f'<programme start="{at(start):%Y%m%d%H%M%S} +0000"{ends} channel="{channel}">'
        f"<title>{title}</title>{inside}</programme>"
    )


def channel(guide_id: str, *names: str, inside: str = "") -> str:
    """One element."""
    shown = "".join(f"<display-name>{name}</display-name>" for name in names or (guide_id,))
    return f'<channel id="{guide_id}">{shown}{inside}</channel>'


def tv(*elements: str) -> bytes:
    """A whole guide."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<tv>{"".join(elements)}</tv>\n'.encode()


def cut(data: bytes, size: int = 777) -> Iterator[bytes]:
    """The same bytes in pieces."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def sample(name: str) -> bytes:
    """A sample, unpacked."""
    path = SAMPLES / name
    if not path.exists():
        path = path.with_name(f"{name}.gz")
    return b"".join(unpacked([path.read_bytes()]))
