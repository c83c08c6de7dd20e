"""The owner's pages about delivery, network tuners and viewings."""

from streaming.admin.delivery import DeliveryAdmin
from streaming.admin.health import HealthInline
from streaming.admin.profile import TranscodeProfileAdmin
from streaming.admin.session import PlaySessionAdmin
from streaming.admin.tuner import TunerDeviceAdmin
from streaming.admin.watching import play_channel

__all__ = [
    "DeliveryAdmin",
    "HealthInline",
    "PlaySessionAdmin",
    "TranscodeProfileAdmin",
    "TunerDeviceAdmin",
    "play_channel",
]
