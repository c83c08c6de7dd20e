"""The curator's pages about channels."""

from channels.admin.channel import ChannelAdmin
from channels.admin.group import GroupAdmin
from channels.admin.lineup import LineupAdmin
from channels.admin.logos import LogoAdmin
from channels.admin.merge import MergeAdmin
from channels.admin.rules import GenreMapAdmin, StreamRuleAdmin
from channels.admin.stream import StreamAdmin

__all__ = [
    "ChannelAdmin",
    "GenreMapAdmin",
    "GroupAdmin",
    "LineupAdmin",
    "LogoAdmin",
    "MergeAdmin",
    "StreamAdmin",
    "StreamRuleAdmin",
]
