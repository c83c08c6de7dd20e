"""Stalker / Ministra portals, as their own set-top boxes ask them."""
