"""Policy documents of the journeys: a calendar that is always open, and an agreement on one service."""

from typing import Any

Document = dict[str, Any]
SINCE = "2020-01-01T00:00:00Z"


def always(name: str) -> Document:
    """Around the clock, every day."""
    return {
        "kind": "sla/Calendar",
        "name": name,
        "effective_from": SINCE,
        "spec": {"zone": "UTC", "weekly": {"monday-sunday": ["00:00-24:00"]}},
    }


def agreement(service: str, calendar: str, *, close: str = "100h") -> Document:
    """Its clock of the resolution pauses while the user is waited for, the one of the closing never does."""
    of_all = {str(priority): close for priority in range(1, 6)}
    return {
        "kind": "sla/Agreement",
        "name": service,
        "effective_from": SINCE,
        "spec": {
            "kind": "SLA",
            "parties": {"customer": "Customers", "provider": "Desk"},
            "services": [service],
            "period": {"from": "2020-01-01"},
            "targets": [
                {"name": "closed", "measure": "close", "calendar": calendar, "limits": of_all},
                {
                    "name": "resolved",
                    "measure": "resolve",
                    "calendar": calendar,
                    "limits": of_all,
                    "pausing_reasons": ["user"],
                },
            ],
            "signatures": [
                {"party": "customer", "name": "Cara", "date": "2020-01-01"},
                {"party": "provider", "name": "Dan", "date": "2020-01-01"},
            ],
        },
    }
