"""The routes of service level management, split by what they are about."""

from services.sla.api import agreements, breaches, clocks, measurements, metrics, reviews, services, verification
from services.sla.api.room import permissions

routers = (
    services.router,
    agreements.router,
    clocks.router,
    verification.router,
    breaches.router,
    metrics.router,
    measurements.router,
    reviews.router,
)

__all__ = ["permissions", "routers"]
