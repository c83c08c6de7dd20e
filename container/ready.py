"""Asks /readyz and says so by its exit code: for the container's health check, without starting Django for it."""

from __future__ import annotations

import http.client
import os
import sys

#: How a listening address is reached from here.
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def ready() -> bool:
    """Does every part answer?"""
    host, _, port = (os.environ.get("RESTREAMER_BIND", "").strip() or "0.0.0.0:8001").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    named = [name.strip().lstrip(".") for name in os.environ.get("RESTREAMER_ALLOWED_HOSTS", "").split(",")]
    asked = next((name for name in named if name not in ("", "*")), "localhost")
    client = http.client.HTTPConnection(_EVERYWHERE.get(host, host), int(port), timeout=8)
    try:
        client.request("GET", "/readyz", headers={"Host": asked})
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(not ready())
