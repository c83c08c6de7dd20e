"""How the relays of several nodes reach and know each other: addresses and the proof that one belongs to us."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings

from restreamer.lib.errors import ConfigurationError

_EVERYWHERE = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Caller:
    """Another relay process that asks for a key we own. `address` is its own door."""

    key: str
    claim_id: str
    owner: str
    address: str

    def headers(self, secret: bytes) -> dict[str, str]:
        """What it says and proves, as HTTP headers."""
        return {
            "Authorization": f"Restreamer {self.claim_id} {self._proof(secret)}",
            "X-Restreamer-Owner": quote(self.owner, safe=""),
            "X-Restreamer-Address": quote(self.address, safe=""),
        }

    @classmethod
    def from_headers(cls, key: str, headers: dict[str, str], secret: bytes) -> Caller | None:
        """The caller (names of headers in lower case), None when the proof is missing or wrong."""
        words = headers.get("authorization", "").split(" ")
        if len(words) != 3 or words[0] != "Restreamer":
            return None
        owner, address = (unquote(headers.get(f"x-restreamer-{name}", "")) for name in ("owner", "address"))
        caller = cls(key, words[1], owner, address)
        return caller if hmac.compare_digest(words[2].encode(), caller._proof(secret).encode()) else None

    def _proof(self, secret: bytes) -> str:
        """Holds for this claim alone: who listens to it learns nothing that lets him in later."""
        said = "\n".join(quote(part, safe="") for part in (self.key, self.claim_id, self.owner, self.address))
        return hmac.new(secret, said.encode(), hashlib.sha256).hexdigest()


def secret() -> bytes:
    """What all nodes share and nobody else has. From the installation's key, which is not told by it."""
    return hmac.new(str(settings.SECRET_KEY).encode(), b"restreamer: relays of other nodes", hashlib.sha256).digest()


def clustered() -> bool:
    """Do relays of other nodes feed from this one's, and the other way round?"""
    return bool(settings.INTERNAL_BIND)


def bind_of(number: int) -> tuple[str, int]:
    """Where a relay process listens for other nodes: each has the port after the one before it.

    Raises ConfigurationError.
    """
    host, port = _parsed("RESTREAMER_INTERNAL_BIND", settings.INTERNAL_BIND)
    return host, port + number - 1


def address_of(number: int) -> str:
    """The same as other nodes reach it, as host:port. Raises ConfigurationError."""
    host, port = bind_of(number)
    if settings.INTERNAL_ADDRESS:
        host, port = _parsed("RESTREAMER_INTERNAL_ADDRESS", settings.INTERNAL_ADDRESS, port - number + 1)
        port += number - 1
    if host in _EVERYWHERE:
        raise ConfigurationError(
            f"RESTREAMER_INTERNAL_BIND={settings.INTERNAL_BIND!r} does not say how other nodes reach this one. "
            "Set RESTREAMER_INTERNAL_ADDRESS to this machine's address in their network, like 10.0.0.2"
        )
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parsed(name: str, value: str, port: int | None = None) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{value}")
        found = (parts.hostname or "", parts.port or port or 0)
    except ValueError:
        found = ("", 0)
    if not 0 < found[1] <= 65535 - settings.MOST_RELAYS or parts.path or (not found[0] and not value.startswith(":")):
        raise ConfigurationError(f"{name}={value!r} is no address; use host:port, like 10.0.0.2:8100.")
    return found
