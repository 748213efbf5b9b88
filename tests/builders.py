"""Where a test begins: records brought into a state through the API, as people would."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

from tests.system import Steward

Json = dict[str, Any]


async def told(client: httpx.AsyncClient, path: str, body: Mapping[str, Any] | None = None, **headers: str) -> Json:
    """POST a command that must work; the answer. A refusal fails the test with what it says."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await client.post(path, json=body or {}, headers=names)
    assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
    found: Json = answer.json()
    return found


async def read(client: httpx.AsyncClient, path: str, **query: Any) -> Json:
    """GET what must be there."""
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
    found: Json = answer.json()
    return found


async def opened_incident(steward: Steward, by: str = "alice", **order: Any) -> Json:
    """A new incident of the organisation northwind."""
    body = {"title": f"The printer is on fire {uuid4().hex[:8]}", **order}
    if by not in {"carol", "dave"}:
        body.setdefault("organisation", "northwind")
    return await told(steward.client(by), "/incident/incidents", body)


async def moved_incident(steward: Steward, incident: Json, verb: str, by: str = "alice", **order: Any) -> Json:
    """The incident after a verb."""
    return await told(steward.client(by), f"/incident/incidents/{incident['id']}/{verb}", order)


async def started_incident(steward: Steward, **order: Any) -> Json:
    """An incident that somebody works on."""
    return await moved_incident(steward, await opened_incident(steward, **order), "start")


async def waiting_incident(steward: Steward, reason: str = "user", **order: Any) -> Json:
    """An incident that waits for somebody."""
    return await moved_incident(steward, await started_incident(steward, **order), "wait", reason=reason)


async def resolved_incident(steward: Steward, resolution_code: str = "fixed", **order: Any) -> Json:
    """An incident that staff have resolved and its user has not confirmed."""
    found = await started_incident(steward, **order)
    return await moved_incident(steward, found, "resolve", resolution_code=resolution_code)


async def closed_incident(steward: Steward, **order: Any) -> Json:
    """An incident that staff have closed after resolving it."""
    return await moved_incident(steward, await resolved_incident(steward, **order), "close")


async def opened_problem(steward: Steward, by: str = "manager", **order: Any) -> Json:
    """A new problem."""
    return await told(steward.client(by), "/problem/problems", {"title": "Printers catch fire", **order})


async def problem_with_incident(steward: Steward, **order: Any) -> tuple[Json, Json]:
    """A problem and an incident that is linked to it, and both know it."""
    problem = await opened_problem(steward, **order)
    incident = await opened_incident(steward)
    incident = await moved_incident(steward, incident, "link", problem=problem["id"])
    await steward.drained()
    return problem, incident


async def applied(steward: Steward, service: str, documents: Sequence[Mapping[str, Any]], by: str = "root") -> Json:
    """Policy documents in force: what the service says of them."""
    return await told(steward.client(by), f"/{service}/policies", {"documents": list(documents)})


async def agreed(steward: Steward, service: str | None = None, limit: str = "8h") -> str:
    """A service under an agreement that is in force: around the clock, resolved within `limit` whatever the priority,
    paused while its user is waited for. The service's name, a new one where none is given."""
    name = service or f"service-{uuid4().hex[:8]}"
    since = "2020-01-01T00:00:00Z"
    calendar = {
        "kind": "sla/Calendar",
        "name": f"{name}-always",
        "effective_from": since,
        "spec": {"zone": "UTC", "weekly": {"monday-sunday": ["00:00-24:00"]}},
    }
    target = {
        "name": "resolved",
        "measure": "resolve",
        "calendar": f"{name}-always",
        "limits": {str(priority): limit for priority in range(1, 6)},
        "pausing_reasons": ["user"],
    }
    agreement = {
        "kind": "sla/Agreement",
        "name": name,
        "effective_from": since,
        "spec": {
            "kind": "SLA",
            "parties": {"customer": "Customers", "provider": "Desk"},
            "services": [name],
            "period": {"from": "2020-01-01"},
            "targets": [target],
            "signatures": [
                {"party": "customer", "name": "Cara", "date": "2020-01-01"},
                {"party": "provider", "name": "Dan", "date": "2020-01-01"},
            ],
        },
    }
    await applied(steward, "sla", [calendar, agreement])
    await steward.drained()
    return name
