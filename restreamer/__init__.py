"""Restreamer: one curated television catalogue out of the subscriptions a household pays for."""

__version__ = "0.1.0"
