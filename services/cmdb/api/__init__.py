"""The routes of configuration management, split by what they are about."""

from services.cmdb.api import estate, graph, impact, items, relationships
from services.cmdb.api.room import permissions

routers = (items.router, relationships.router, graph.router, impact.router, estate.router)

__all__ = ["permissions", "routers"]
