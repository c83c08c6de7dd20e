"""Providers we subscribe to and our identities with them."""
