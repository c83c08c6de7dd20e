"""The states of a relay and the only ways between them."""

from __future__ import annotations

from enum import StrEnum


class RelayState(StrEnum):
    """What a relay is doing."""

    #: The first upstream is being opened; viewers wait for their first byte.
    STARTING = "starting"
    #: An upstream feeds the ring. Also without viewers, while lingering.
    RUNNING = "running"
    #: The upstream was lost, the next is being opened; viewers keep their connections.
    SWITCHING = "switching"
    #: No upstream any more, or it is being closed; viewers get what is published and a clean end.
    DRAINING = "draining"
    STOPPED = "stopped"


#: The only ways from state to state.
TRANSITIONS: dict[RelayState, frozenset[RelayState]] = {
    RelayState.STARTING: frozenset({RelayState.RUNNING, RelayState.DRAINING}),
    RelayState.RUNNING: frozenset({RelayState.SWITCHING, RelayState.DRAINING}),
    RelayState.SWITCHING: frozenset({RelayState.RUNNING, RelayState.DRAINING}),
    RelayState.DRAINING: frozenset({RelayState.STOPPED}),
    RelayState.STOPPED: frozenset(),
}
