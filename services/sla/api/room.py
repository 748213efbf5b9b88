"""What the routes of this service share: the table of permissions."""

from services.sla.lifecycle import PERMISSIONS
from shared.auth import Permissions

permissions = Permissions(PERMISSIONS, everything=frozenset({"administrator"}))
