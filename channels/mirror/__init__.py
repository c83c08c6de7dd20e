"""What the mirror (portals/mirror) must know of live channels: their columns, and how a channel is born."""
