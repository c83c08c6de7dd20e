"""Where a stream may lead: what a provider on the internet names is not asked for inside the house."""

from __future__ import annotations

from urllib.parse import urlsplit

from portals.providers.records import PlayUrl
from streaming.faults import Fault, UpstreamError


def must_be_within(play: PlayUrl, url: str) -> None:
    """To be called for every address a stream names: redirects, lists, keys and segments.

    Raises UpstreamError.
    """
    if play.fence is None:
        return
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        # What is no address fails where it is asked for.
        return
    if not (play.fence.holds_written(host) if play.proxy_url else play.fence.holds(host)):
        raise UpstreamError(
            Fault.REFUSED,
            f"The stream leads to {host}, in a private network. If it should, name the network in "
            "RESTREAMER_PROVIDER_NETWORKS.",
        )
