"""What those in a soak must receive, byte by byte: television of the right channel without a hole, files as they are.

Every channel of the soak shows another picture, so a packet tells where it comes from. Whatever is wrong raises Wrong,
which fails the soak; a refusal or an early end is none of that.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_PACKET = 188
_NULL_PID = 0x1FFF
#: Packets are compared whole where they carry nothing but a stretch of picture or sound.
_PLAIN = 0x10


class Wrong(Exception):
    """Somebody received what they should not have."""


@dataclass
class Stock:
    """What the provider sends: which channel a packet's payload belongs to, None where several share it."""

    owners: dict[bytes, str | None] = field(default_factory=dict)
    #: Channels that ffmpeg packs anew: their packets are nobody's.
    repacked: set[str] = field(default_factory=set)
    #: Seen in television and sent by no provider: our own slates.
    ours: set[bytes] = field(default_factory=set)

    def add(self, channel: str, material: bytes) -> None:
        """A channel and one loop of it."""
        for payload in _plain_payloads(material):
            self.owners[payload] = channel if self.owners.get(payload, channel) == channel else None

    def strangers(self, slates: Iterable[bytes]) -> int:
        """How many kinds of packets are neither a provider's nor from these slates."""
        known = {payload for slate in slates for payload in _plain_payloads(slate)}
        return len(self.ours - known)


class Television:
    """Judges one connection's stream as it comes: in step, from a PAT on, no counter missing, of one channel alone."""

    def __init__(self, stock: Stock, channel: str) -> None:
        self._stock = stock
        self._channel = channel
        self._rest = b""
        self._counters: dict[int, tuple[int, bytes]] = {}
        self._read = 0

    def feed(self, piece: bytes) -> None:
        """The next bytes. Raises Wrong."""
        block = self._rest + piece
        whole = len(block) // _PACKET * _PACKET
        for at in range(0, whole, _PACKET):
            self._packet(block[at : at + _PACKET])
            self._read += _PACKET
        self._rest = block[whole:]

    def _packet(self, packet: bytes) -> None:
        if packet[0] != 0x47:
            raise self._wrong("lost step")
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        if self._read == 0 and pid != 0:
            raise self._wrong(f"begins with PID {pid}, not with a PAT")
        if pid == _NULL_PID:
            return
        self._count(pid, packet)
        if packet[3] & 0x30 == _PLAIN and not packet[1] & 0x40 and self._channel not in self._stock.repacked:
            self._belongs(packet[4:])

    def _count(self, pid: int, packet: bytes) -> None:
        counter = packet[3] & 15
        flagged = bool(packet[3] & 0x20) and packet[4] > 0 and bool(packet[5] & 0x80)
        before, same = self._counters.get(pid, (counter, packet))
        due = (before + 1) & 15 if packet[3] & 0x10 else before
        # A packet may be sent twice, and what is flagged begins anew.
        if pid in self._counters and counter != due and packet != same and not flagged:
            raise self._wrong(f"PID {pid} counts {counter} after {before}")
        self._counters[pid] = counter, packet

    def _belongs(self, payload: bytes) -> None:
        owner = self._stock.owners.get(payload, "")
        if owner == "":
            self._stock.ours.add(payload)
        elif owner is not None and owner != self._channel:
            raise self._wrong(f"a packet of {owner}")

    def _wrong(self, what: str) -> Wrong:
        return Wrong(f"{self._channel}, byte {self._read}: {what}")


class Segments:
    """Judges HLS segments: each is television by itself, and the same for everybody. Thread-safe."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._seen: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def judge(self, channel: str, address: str, data: bytes) -> None:
        """`address` is the segment's, without what differs from player to player. Raises Wrong."""
        if not data or len(data) % _PACKET:
            raise Wrong(f"{channel}: a segment of {len(data)} bytes")
        Television(self._stock, channel).feed(data)
        mark = hashlib.blake2s(data).digest()
        with self._lock:
            if self._seen.setdefault(address, mark) != mark:
                raise Wrong(f"{channel}: {address.rpartition('/')[2]} differs from player to player")


class Stretch:
    """Judges a piece of a file as it comes: every byte at its place, and the answer's head says where that is."""

    def __init__(self, name: str, data: bytes, asked: str, status: int, headers: Mapping[str, str]) -> None:
        """`asked` is the Range header's value, empty for the whole file. Raises Wrong."""
        self._name, self._data = name, memoryview(data)
        first, last = _place(asked, len(data))
        said = headers.get("content-range", "")
        if status != (206 if asked else 200) or (asked and said != f"bytes {first}-{last}/{len(data)}"):
            raise Wrong(f"{name}: {asked!r} is answered with {status}, {said!r}")
        if headers.get("content-length") != str(last + 1 - first):
            raise Wrong(f"{name}: {asked!r} has a length of {headers.get('content-length')}")
        self.at, self._end = first, last + 1

    @property
    def complete(self) -> bool:
        """Has all of it come?"""
        return self.at == self._end

    def feed(self, piece: bytes) -> None:
        """The next bytes. Raises Wrong."""
        if self.at + len(piece) > self._end or self._data[self.at : self.at + len(piece)] != piece:
            raise Wrong(f"{self._name}: other bytes than the provider's in the {len(piece)} from {self.at} on")
        self.at += len(piece)


def expect(what: str, found: object, wanted: object) -> None:
    """Raises Wrong unless both are the same."""
    if found != wanted:
        raise Wrong(f"{what}: {found!r:.300} instead of {wanted!r:.300}")


def _place(asked: str, size: int) -> tuple[int, int]:
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if asked and not first:
        return max(0, size - int(last)), size - 1
    return int(first or 0), min(int(last or size), size - 1)


def _plain_payloads(material: bytes) -> Iterable[bytes]:
    for at in range(0, len(material) // _PACKET * _PACKET, _PACKET):
        if material[at + 3] & 0x30 == _PLAIN and not material[at + 1] & 0x40:
            yield material[at + 4 : at + _PACKET]
