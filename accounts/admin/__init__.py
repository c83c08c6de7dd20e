"""The owner's pages of people: web users and what their players log in with."""

from accounts.admin import user, viewer

__all__ = ["user", "viewer"]
