"""DeviceIDs carry a checksum; clients refuse a wrong one before they send anything (reference hdhomerun.md, 3.3)."""

from __future__ import annotations

import re
import secrets

#: One entry for each hex digit.
_TABLE = (0xA, 0x5, 0xF, 0x6, 0x7, 0xC, 0x1, 0xB, 0x9, 0x2, 0x8, 0xD, 0x4, 0x3, 0xE, 0x0)
#: These pass the sum and mean "none" and "any".
_NOBODY = ("00000000", "FFFFFFFF")
#: Old models without HTTP: by three digits, or below a number.
_LEGACY = ("101", "102", "103", "111", "121", "122")
_LEGACY_BELOW = {"100": 0x10040000, "120": 0x12030000}


def is_valid(device_id: str) -> bool:
    """Eight hex digits whose checksum is right, of a model that speaks HTTP; upper and lower case alike."""
    if not re.fullmatch(r"[0-9A-Fa-f]{8}", device_id) or device_id.upper() in _NOBODY:
        return False
    start = device_id[:3].upper()
    if start in _LEGACY or int(device_id, 16) < _LEGACY_BELOW.get(start, 0):
        return False
    return _sum(device_id) == 0


def new_device_id() -> str:
    """A valid id in upper case, random so that two installations in one network differ."""
    start = "10" + secrets.choice("ABCDEF") + "".join(secrets.choice("0123456789ABCDEF") for _ in range(4))
    return f"{start}{_sum(start + '0'):X}"


def _sum(device_id: str) -> int:
    total = 0
    for at, digit in enumerate(device_id):
        value = int(digit, 16)
        total ^= _TABLE[value] if at % 2 == 0 else value
    return total
