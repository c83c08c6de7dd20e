"""The owner's pages about delivery and network tuners."""

from streaming.admin.delivery import DeliveryAdmin
from streaming.admin.profile import TranscodeProfileAdmin
from streaming.admin.tuner import TunerDeviceAdmin

__all__ = ["DeliveryAdmin", "TranscodeProfileAdmin", "TunerDeviceAdmin"]
