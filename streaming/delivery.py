"""How a channel's bytes reach its viewers: the one place that decides. Pure: choices in, a choice out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from streaming.ffmpeg.profiles import TRANSCODE, Profile


class Mode(StrEnum):
    """The three ways."""

    RELAY = "relay"
    TRANSCODE = "transcode"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody chose, and where.

    `profile`: for a transcode, what ffmpeg does; for a relay, what a source goes through whose codecs the players that
    are watching could not follow, None = such a source is never used.
    """

    mode: Mode
    profile: Profile | None = None
    #: "channel", "group", "portal" or "settings".
    level: str = "settings"


RELAY = Choice(Mode.RELAY)


def decide(
    *,
    channel: Choice | None = None,
    group: Choice | None = None,
    portal: Choice | None = None,
    default: Choice = RELAY,
    may_redirect: bool = False,
    reachable: bool = True,
) -> Choice:
    """The most specific choice, made to hold for whoever asks.

    A viewer who may not see the provider's address, or could not use it (`reachable`: the portal is used without a
    proxy), is relayed where others are redirected. A transcode that names no profile is the ready-made one.
    """
    chosen = channel or group or portal or default
    if chosen.mode is Mode.REDIRECT and not (may_redirect and reachable):
        return replace(chosen, mode=Mode.RELAY)
    if chosen.mode is Mode.TRANSCODE and chosen.profile is None:
        return replace(chosen, profile=TRANSCODE)
    return chosen
