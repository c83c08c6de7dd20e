"""What can go wrong with a guide. `message` is the sentence the owner reads."""

from __future__ import annotations

from restreamer.lib.errors import RestreamerError


class GuideError(RestreamerError):
    """Anything that kept a guide from being read; what is stored stays as it is."""

    status = 503
    public = "The guide is not available right now."


class GuideUnreachable(GuideError):
    """The address, file or portal gave nothing."""


class NotAGuide(GuideError):
    """Something came, but it is no XMLTV."""

    permanent = True


class GuideRefused(GuideError):
    """The file declares entities or is built to harm its reader."""

    permanent = True


class GuideTooLarge(GuideError):
    """The file is larger than we read."""

    permanent = True


class GuideEmpty(GuideError):
    """No channel and no broadcast, where there were some before."""


class GuideOvertaken(GuideError):
    """A second import of the same guide began before this one had ended."""


class GuideIncomplete(GuideError):
    """The guide ends early. What came before the end has been handed over."""
