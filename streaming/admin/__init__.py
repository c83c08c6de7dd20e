"""The owner's pages about delivery."""

from streaming.admin.delivery import DeliveryAdmin
from streaming.admin.profile import TranscodeProfileAdmin

__all__ = ["DeliveryAdmin", "TranscodeProfileAdmin"]
