"""The owner's pages about portals."""

from portals.admin.portal import PortalAdmin
from portals.admin.run import RunAdmin
from portals.admin.subscription import LoginAdmin, MacAdmin

__all__ = ["LoginAdmin", "MacAdmin", "PortalAdmin", "RunAdmin"]
