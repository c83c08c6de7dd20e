"""The owner's pages about delivery, network tuners and viewings."""

from streaming.admin.delivery import DeliveryAdmin
from streaming.admin.health import HealthInline
from streaming.admin.profile import TranscodeProfileAdmin
from streaming.admin.session import PlaySessionAdmin
from streaming.admin.tuner import TunerDeviceAdmin

__all__ = ["DeliveryAdmin", "HealthInline", "PlaySessionAdmin", "TranscodeProfileAdmin", "TunerDeviceAdmin"]
