"""EPG sources, their channels, broadcasts, and which guide channel belongs to which of ours."""

from guide.models.channel import GuideChannel
from guide.models.dummy import DummyTemplate
from guide.models.match import Decision, GuideMatch
from guide.models.programme import Programme
from guide.models.proposal import GuideProposal
from guide.models.source import EpgSource, SourceKind

__all__ = [
    "Decision",
    "DummyTemplate",
    "EpgSource",
    "GuideChannel",
    "GuideMatch",
    "GuideProposal",
    "Programme",
    "SourceKind",
]
