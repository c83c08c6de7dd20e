"""Settings that contradict each other or themselves, found at start."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from restreamer.lib.errors import ConfigurationError
from streaming import internal


def settings_check(**kwargs: Any) -> list[CheckMessage]:
    """All our checks; each message says what to type."""
    return [*_base_url(), *_trusted_proxies(), *_rings(), *_debug(), *_nodes(), *_sign_on()]


def _base_url() -> Iterator[CheckMessage]:
    address = settings.RESTREAMER_BASE_URL
    if not address:
        return
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        yield Error(
            f"RESTREAMER_BASE_URL={address!r} is no address of a web site.",
            hint="Write it like a player would: https://tv.example or http://192.168.1.5:8001",
            id="restreamer.E001",
        )


def _trusted_proxies() -> Iterator[CheckMessage]:
    for network in settings.TRUSTED_PROXIES:
        if network == "unix":
            # A proxy on this machine that comes over a unix socket has no address.
            continue
        try:
            ipaddress.ip_network(network)
        except ValueError as err:
            yield Error(
                f"RESTREAMER_TRUSTED_PROXIES names {network!r}, which is no address or network: {err}.",
                hint="Write addresses or networks, comma separated: 127.0.0.1,10.0.0.0/8",
                id="restreamer.E002",
            )


def _rings() -> Iterator[CheckMessage]:
    if settings.RELAY_RING_BYTES > settings.RELAY_TOTAL_RING_BYTES:
        yield Error(
            "RESTREAMER_RING_BYTES (one channel) is larger than RESTREAMER_TOTAL_RING_BYTES (all channels).",
            hint="Raise RESTREAMER_TOTAL_RING_BYTES or lower RESTREAMER_RING_BYTES.",
            id="restreamer.E003",
        )


def _debug() -> Iterator[CheckMessage]:
    if settings.DEBUG and not settings.RESTREAMER_BIND.startswith(("127.0.0.1:", "localhost:", "[::1]:")):
        yield Warning(
            "RESTREAMER_DEBUG is on while others can reach this machine: error pages show settings and code.",
            hint="Unset RESTREAMER_DEBUG, or set RESTREAMER_BIND=127.0.0.1:8001",
            id="restreamer.W001",
        )


def _nodes() -> Iterator[CheckMessage]:
    """What several nodes must have in common, and what must differ."""
    if not settings.INTERNAL_BIND:
        return
    try:
        internal.address_of(settings.RELAYS)
    except ConfigurationError as err:
        yield Error(err.message, id="restreamer.E004")
    alone = [
        name
        for name, given in (
            ("REDIS_URL", settings.REDIS_URL_GIVEN),
            ("RESTREAMER_SECRET_KEY", settings.SECRET_KEY_GIVEN),
            ("DATABASE_URL", settings.DATABASES["default"]["ENGINE"].endswith("postgresql")),
            ("RESTREAMER_NODE", settings.NODE_NAME != settings.UNNAMED_NODE),
        )
        if not given
    ]
    if alone:
        yield Error(
            f"RESTREAMER_INTERNAL_BIND says that there are several nodes, but {', '.join(alone)} is not set.",
            hint="All nodes need the same Redis, database and secret key, and each a name of its own: docs/cluster.md",
            id="restreamer.E005",
        )


def _sign_on() -> Iterator[CheckMessage]:
    if not settings.OIDC_ISSUER:
        return
    if not settings.OIDC_CLIENT_ID or not settings.OIDC_CLIENT_SECRET:
        yield Error(
            "RESTREAMER_OIDC_ISSUER is set, but not what we are known by there.",
            hint="Set RESTREAMER_OIDC_CLIENT_ID and RESTREAMER_OIDC_CLIENT_SECRET, or unset the issuer.",
            id="restreamer.E004",
        )
    parts = urlsplit(settings.OIDC_ISSUER)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        yield Error(
            "RESTREAMER_OIDC_ISSUER is no https address: anybody on the way could log in as anybody.",
            hint="Write it as the provider does: https://sign-on.example/realms/home",
            id="restreamer.E005",
        )
