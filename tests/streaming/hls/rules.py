"""The rules of a live media playlist, checked over everything a player could have seen. Shares no code with the writer.

    watch = Watch()
    watch.see(time_s, playlist_text, names_of_files_that_can_be_fetched)
    assert watch.broken == []

Source: RFC 8216 sections 4.3 and 6.2.2; Apple's authoring rules as the reference page of this project lists them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Item:
    """One segment as listed."""

    uri: str
    duration: str
    discontinuity: bool
    date: str

    @property
    def seconds(self) -> float:
        return float(self.duration)


@dataclass
class Snapshot:
    """One loaded list."""

    at_s: float
    version: int = 0
    target: int = 0
    sequence: int = 0
    discontinuities: int = 0
    items: list[Item] = field(default_factory=list)
    ended: bool = False
    unknown: list[str] = field(default_factory=list)

    @property
    def total_s(self) -> float:
        return sum(item.seconds for item in self.items)


def load(text: str, at_s: float) -> Snapshot:
    """Read a list the strict way: what is not expected is `unknown`."""
    found = Snapshot(at_s)
    duration, date, discontinuity = "", "", False
    numbers = {
        "#EXT-X-VERSION": "version",
        "#EXT-X-TARGETDURATION": "target",
        "#EXT-X-MEDIA-SEQUENCE": "sequence",
        "#EXT-X-DISCONTINUITY-SEQUENCE": "discontinuities",
    }
    for line in text.split("\n")[1:]:
        name, _, value = line.partition(":")
        if name in numbers and re.fullmatch(r"\d+", value):
            setattr(found, numbers[name], int(value))
        elif name == "#EXTINF" and re.fullmatch(r"\d+(\.\d+)?,.*", value):
            duration = value.partition(",")[0]
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            date = value
        elif line == "#EXT-X-DISCONTINUITY":
            discontinuity = True
        elif line == "#EXT-X-ENDLIST":
            found.ended = True
        elif line and not line.startswith("#") and duration:
            found.items.append(Item(line, duration, discontinuity, date))
            duration, date, discontinuity = "", "", False
        elif line:
            found.unknown.append(line)
    if not text.startswith("#EXTM3U\n"):
        found.unknown.insert(0, "first line")
    return found


class Watch:
    """Loads a list again and again and remembers every rule it broke."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.loads = 0
        self._last: Snapshot | None = None
        self._known: dict[int, Item] = {}
        #: uri -> until when it must be fetchable.
        self._promised: dict[str, float] = {}
        self._longest_s: dict[str, float] = {}

    def see(self, at_s: float, text: str, files: set[str] | None = None) -> Snapshot:
        """Look at the list as it is now."""
        self.loads += 1
        now = load(text, at_s)
        self._alone(now)
        if self._last is not None:
            self._after(self._last, now)
        if files is not None:
            self._files(now, files)
        self._last = now
        return now

    def _rule(self, holds: bool, sentence: str) -> None:
        if not holds:
            self.broken.append(f"load {self.loads}: {sentence}")

    def _alone(self, now: Snapshot) -> None:
        self._rule(not now.unknown, f"unexpected lines {now.unknown}")
        self._rule(now.version >= 3, "decimal durations need version 3")
        self._rule(now.target > 0, "the target duration is missing")
        for item in now.items:
            self._rule(int(item.seconds + 0.5) <= now.target, f"{item.uri} lasts {item.duration}, target {now.target}")
            self._rule(item.seconds > 0, f"{item.uri} lasts nothing")
            self._rule("://" not in item.uri and not item.uri.startswith("/"), f"{item.uri} is not relative")
            self._rule(bool(item.date), f"{item.uri} has no date")
        for before, after in zip(now.items, now.items[1:], strict=False):
            if not after.discontinuity and before.date and after.date:
                step = (datetime.fromisoformat(after.date) - datetime.fromisoformat(before.date)).total_seconds()
                self._rule(
                    abs(step - before.seconds) < 0.002, f"the date of {after.uri} jumps by {step - before.seconds}"
                )

    def _after(self, before: Snapshot, now: Snapshot) -> None:
        self._rule(now.target == before.target, "the target duration changed")
        self._rule(now.version == before.version, "the version changed")
        removed = now.sequence - before.sequence
        self._rule(removed >= 0, f"the media sequence went back from {before.sequence} to {now.sequence}")
        self._rule(now.discontinuities >= before.discontinuities, "the discontinuity sequence went back")
        self._rule(not before.ended or (now.ended and now.items == before.items), "an ended list changed")
        for n, item in enumerate(now.items):
            known = self._known.setdefault(now.sequence + n, item)
            self._rule(known == item, f"segment {now.sequence + n} changed from {known} to {item}")
        kept = before.items[removed:] if removed >= 0 else []
        self._rule(now.items[: len(kept)] == kept, "something else than the front was removed")
        gone = sum(item.discontinuity for item in before.items[: max(removed, 0)])
        self._rule(now.discontinuities - before.discontinuities == gone, "the discontinuity sequence counts wrongly")
        if removed > 0:
            self._rule(now.total_s >= 3 * now.target, f"segments were removed although {now.total_s} s remain")

    def _files(self, now: Snapshot, files: set[str]) -> None:
        for item in now.items:
            self._rule(item.uri in files, f"{item.uri} is listed and cannot be fetched")
            self._longest_s[item.uri] = max(self._longest_s.get(item.uri, 0.0), now.total_s)
        if self._last is not None:
            listed = {item.uri for item in now.items}
            for item in self._last.items:
                if item.uri not in listed:
                    self._promised[item.uri] = now.at_s + item.seconds + self._longest_s[item.uri]
        for uri, until in self._promised.items():
            self._rule(uri in files or now.at_s >= until, f"{uri} went {until - now.at_s:.1f} s too early")
