"""Which relay process of this machine serves a relay key: keys are dealt by their hash, so one key is always at one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings

from streaming.passthrough.seams import KINDS


def numbers() -> range:
    """The numbers of this machine's relay processes, from 1."""
    return range(1, settings.RELAYS + 1)


def number_of(key: str) -> int:
    """The number of the relay process that serves a key. The same in every process, today and tomorrow."""
    kind, _, rest = key.partition(":")
    # What is passed through stays with its player, whose seeks in an archive are keys of their own.
    dealt = rest.rpartition(":")[2] if kind in KINDS else key
    digest = hashlib.blake2s(dealt.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % int(settings.RELAYS) + 1


def relay_owner(number: int = 1) -> str:
    """The name under which a relay process of this machine holds leases and serves sessions."""
    return f"{settings.NODE_NAME}:relay" + (f"-{number}" if settings.RELAYS > 1 else "")


def owner_of(key: str) -> str:
    """The name under which the relay process of a key holds leases and serves sessions."""
    return relay_owner(number_of(key))


def socket_of(number: int) -> Path:
    """Where a relay process takes viewers: `relay.sock`, or `relay-2.sock` where there are several."""
    alone = Path(settings.RELAY_SOCKET)
    return alone if settings.RELAYS == 1 else alone.with_name(f"{alone.stem}-{number}{alone.suffix}")


def sockets() -> list[Path]:
    """Of all relay processes of this machine."""
    return [socket_of(number) for number in numbers()]
