"""The address players and browsers reach us by."""

from __future__ import annotations

import socket

from django.conf import settings
from django.http import HttpRequest


def base_url() -> str:
    """Where players reach us: RESTREAMER_BASE_URL, else the bound address, else this machine's address in the LAN."""
    if settings.RESTREAMER_BASE_URL:
        return str(settings.RESTREAMER_BASE_URL)
    host, _, port = str(settings.RESTREAMER_BIND).rpartition(":")
    if host in ("", "0.0.0.0", "[::]"):
        host = lan_address()
    return f"http://{host}:{port}"


def asked_base_url(request: HttpRequest) -> str:
    """The address the asking player reached us by, so that what we write works for it; RESTREAMER_BASE_URL wins."""
    if settings.RESTREAMER_BASE_URL:
        return str(settings.RESTREAMER_BASE_URL)
    return f"{request.scheme}://{request.get_host()}"


def lan_address() -> str:
    """The address other machines in the house know this one by; 127.0.0.1 without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: connecting a datagram socket only chooses the outgoing interface.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
