"""Portals, subscriptions, genres, runs and public ids."""

from portals.models.genre import Genre
from portals.models.list_state import ListState
from portals.models.portal import NewGenres, Portal, PortalKind
from portals.models.public_id import IdStock, PublicIdCounter
from portals.models.rule import TakeRule
from portals.models.run import Run, RunKind, RunPayload, RunState
from portals.models.subscription import Login, Mac, Subscription, SubscriptionState

__all__ = [
    "Genre",
    "IdStock",
    "ListState",
    "Login",
    "Mac",
    "NewGenres",
    "Portal",
    "PortalKind",
    "PublicIdCounter",
    "Run",
    "RunKind",
    "RunPayload",
    "RunState",
    "Subscription",
    "SubscriptionState",
    "TakeRule",
]
