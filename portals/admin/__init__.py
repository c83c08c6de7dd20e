"""The owner's pages about portals."""

from portals.admin.genre import GenreAdmin
from portals.admin.portal import PortalAdmin
from portals.admin.run import RunAdmin
from portals.admin.subscription import LoginAdmin, MacAdmin

__all__ = ["GenreAdmin", "LoginAdmin", "MacAdmin", "PortalAdmin", "RunAdmin"]
