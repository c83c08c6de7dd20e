"""The owner's pages of the guide."""

from guide.admin.channel import GuideChannelAdmin
from guide.admin.match import GuideMatchAdmin
from guide.admin.source import EpgSourceAdmin

__all__ = ["EpgSourceAdmin", "GuideChannelAdmin", "GuideMatchAdmin"]
