"""Where the API of a pasted address is: the start script first, then the known places, proven by a sign-in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from portals import errors
from portals.providers.stalker import envelope, urls
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.wire import Wire

T = TypeVar("T")

#: Signs in at an endpoint; the second argument is a token made by us, "" when the portal makes one.
Attempt = Callable[[str, str], T]

#: Answers that only say "not here": the next candidate may be the portal.
_NOT_HERE = (errors.AnswerUnreadable, errors.NotAPortal, errors.PortalOverloaded, errors.TokenRefused)
#: Of those, answers any web server gives to a path it does not know.
_TELLS_NOTHING = (envelope.EmptyAnswer, envelope.PageInstead, errors.AnswerNotFound, errors.NotAPortal)


def proven(address: str, wire: Wire, headers: Mapping[str, str], attempt: Attempt[T]) -> T:
    """The first endpoint's sign-in that a portal accepted.

    Raises what a portal said of the subscription, NotAPortal when no candidate is one, PortalUnreachable at once
    when the host refuses (all candidates are on it).
    """
    pasted = urls.parse_address(address)
    trials: Trials[T] = Trials(attempt)
    for endpoint in _candidates(pasted, wire, headers):
        found = trials.sign_in(endpoint, "")
        if found is not None:
            return found
    # Some 5.6 hosts answer 404 to an empty handshake and want a token of our making.
    for endpoint in list(trials.not_found):
        found = trials.sign_in(endpoint, secrets.token_hex(16).upper())
        if found is not None:
            return found
    raise trials.verdict(urlsplit(pasted.origin).netloc.rpartition("@")[2])


class Trials(Generic[T]):
    """What the candidates answered so far."""

    def __init__(self, attempt: Attempt[T]) -> None:
        self._attempt = attempt
        self._failures: list[errors.PortalError] = []
        self.not_found: list[str] = []
        self._tried: set[tuple[str, bool]] = set()

    def sign_in(self, endpoint: str, made_token: str) -> T | None:
        """The sign-in at this endpoint; None when it is not here."""
        if (endpoint, bool(made_token)) in self._tried:
            return None
        self._tried.add((endpoint, bool(made_token)))
        try:
            return self._attempt(endpoint, made_token)
        except _NOT_HERE as err:
            self._failures.append(err)
            if isinstance(err, errors.AnswerNotFound) and not made_token:
                self.not_found.append(endpoint)
            return None

    def verdict(self, host: str) -> errors.PortalError:
        """The most telling of the failures."""
        for err in self._failures:
            if isinstance(err, errors.PortalOverloaded):
                return err
        if any(isinstance(err, envelope.NoEnvelope) for err in self._failures):
            return errors.NotAPortal(Say.OTHER_SERVICE.of(host=host))
        for err in self._failures:
            if not isinstance(err, _TELLS_NOTHING):
                return err
        return errors.NotAPortal(Say.NO_PORTAL.of(host=host))


def _candidates(pasted: urls.Pasted, wire: Wire, headers: Mapping[str, str]) -> Iterator[str]:
    """Endpoints to try, each worked out only when the ones before it failed."""
    if pasted.endpoint_path:
        yield pasted.origin + pasted.endpoint_path
    for script_url in urls.script_addresses(pasted):
        answer = wire.page(script_url, headers)
        if answer.redirected:
            parts = urlsplit(answer.url)
            pasted = replace(pasted, origin=f"{parts.scheme}://{parts.netloc}")
        script = answer.body.decode("utf-8", "replace")
        if answer.status == 200 and "ajax_loader" in script:
            endpoint = urls.endpoint_in_script(script, answer.url)
            if endpoint:
                yield endpoint
            pasted = _seen_at(answer.url, pasted)
            break
    yield from urls.endpoint_addresses(pasted)


def _seen_at(script_url: str, pasted: urls.Pasted) -> urls.Pasted:
    """The address of the page the script was found beside; a pasted endpoint stays the pasted one."""
    found = urls.parse_address(script_url.rpartition("/")[0] + "/")
    return replace(found, endpoint_path=pasted.endpoint_path)
