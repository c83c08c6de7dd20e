"""Lists of networks as people write them: addresses and CIDR blocks, separated by spaces, commas or lines."""

from __future__ import annotations

import functools
import ipaddress
import re

from django.core.exceptions import ValidationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: More than anybody writes by hand; each request is compared with all of them.
MOST_NETWORKS = 64


@functools.lru_cache(maxsize=512)
def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks named in the text, in order. Raises ValueError with the word that is none."""
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    if len(words) > MOST_NETWORKS:
        raise ValueError(f"These are {len(words)} networks; {MOST_NETWORKS} at most.")
    networks = []
    for word in words:
        try:
            networks.append(ipaddress.ip_network(word, strict=False))
        except ValueError as err:
            raise ValueError(f"{word!r} is no network; write 192.168.1.0/24 or 192.168.1.7.") from err
    return tuple(networks)


def contains(text: str, address: str) -> bool:
    """Is the address in one of the networks? False for what is no address, and for an empty list."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        # A socket that listens on both families reports IPv4 callers like this.
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in parse_networks(text))


def validate_networks(text: str) -> None:
    """For model fields: raises ValidationError with a sentence."""
    try:
        parse_networks(text)
    except ValueError as err:
        raise ValidationError(str(err)) from err
