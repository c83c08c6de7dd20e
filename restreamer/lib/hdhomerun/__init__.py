"""The language of network tuners: device ids, packets of UDP and TCP port 65001 (reference hdhomerun.md, 2 and 3)."""

from restreamer.lib.hdhomerun.device_id import is_valid, new_device_id
from restreamer.lib.hdhomerun.packets import ANY, TUNER, Packet, PacketError, Tag, Type, read, tlvs, write

__all__ = ["ANY", "TUNER", "Packet", "PacketError", "Tag", "Type", "is_valid", "new_device_id", "read", "tlvs", "write"]
