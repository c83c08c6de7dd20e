"""Whom TLS trusts: one context for all connections that check certificates, one for all that do not.

urllib3 makes a context for every connection and reads all certificates of the machine into it, also for connections
that check none: 25 ms of processor time, during which no other thread of the process runs. A hundred channels that
start at once would keep everybody else waiting for seconds.
"""

from __future__ import annotations

import functools
import ssl
import threading
from collections.abc import Iterable
from typing import Any

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

_making = threading.Lock()


class _Settled(ssl.SSLContext):
    """A context that many threads use at once."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Nothing: urllib3 says the same before each connection, and it must not change while another begins."""


def tls_context(*, verify: bool) -> ssl.SSLContext:
    """The context all connections share that check certificates by requests' list, or those that check none."""
    with _making:
        return _made(verify=verify)


@functools.cache
def _made(*, verify: bool) -> ssl.SSLContext:
    # As urllib3 makes them.
    context = _Settled(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    context.hostname_checks_common_name = False
    ssl.SSLContext.set_alpn_protocols(context, ["http/1.1"])
    if verify:
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class SharedTrustAdapter(HTTPAdapter):
    """An adapter whose TLS connections use the shared contexts. Those through an HTTPS proxy make their own."""

    def get_connection_with_tls_context(self, request: Any, verify: Any, *args: Any, **kwargs: Any) -> Any:
        """The pool for a request, which hands the context to its connections."""
        pool: Any = super().get_connection_with_tls_context(request, verify, *args, **kwargs)
        proxy = getattr(pool, "proxy", None)
        if pool.scheme == "https" and isinstance(verify, bool) and (proxy is None or proxy.scheme != "https"):
            pool.conn_kw["ssl_context"] = tls_context(verify=verify)
        return pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Whether to check; the certificates to check by are in the shared context."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if "ssl_context" in conn.conn_kw:
            conn.ca_certs = conn.ca_cert_dir = None
