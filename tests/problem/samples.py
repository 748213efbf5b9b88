"""Problems in any state, an order for every verb, and events of incidents and changes as they arrive."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from contracts import change as it
from contracts.envelope import Event, Message
from contracts.incident import (
    IncidentCancelled,
    IncidentClosed,
    IncidentLinked,
    IncidentOpened,
    IncidentReopened,
    IncidentUnlinked,
)
from services.problem.domain import Desk, Open, Order, open_problem, orders
from services.problem.lifecycle import Action, State
from services.problem.rules import USUAL
from services.problem.tables import Problem
from shared.bus import Arrival
from shared.memory import arrival
from tests.system import MONDAY

INCIDENT = uuid4()
ORDERS: dict[Action, Order] = {
    Action.ASSIGN: orders.Assign(group="Network"),
    Action.START: orders.Start(),
    Action.WAIT: orders.Wait(reason="vendor"),
    Action.RESUME: orders.Resume(),
    Action.REQUEST_CHANGE: orders.RequestChange(title="New driver", reason="It leaks connections"),
    Action.RESOLVE: orders.Resolve(resolution="Changed"),
    Action.CLOSE: orders.Close(closure_code="Proved", proof="A month without one"),
    Action.REOPEN: orders.Reopen(reason="It came back"),
    Action.CANCEL: orders.Cancel(reason="There is none"),
    Action.PRIORITISE: orders.Prioritise(frequency=1, impact=1, cost=1),
    Action.CLASSIFY: orders.Classify(service="Order portal"),
    Action.LINK: orders.Link(incident=uuid4()),
    Action.UNLINK: orders.Unlink(incident=INCIDENT),
    Action.WORKAROUND: orders.Workaround(text="Restart the pool"),
    Action.IDENTIFY_CAUSE: orders.IdentifyCause(cause="A leak", method="5-whys", evidence=("A heap dump",)),
    Action.REVIEW: orders.Review(learned="Ask the supplier first"),
    Action.PROPOSE_IMPROVEMENT: orders.ProposeImprovement(proposal="Watch the pool"),
    Action.EDIT: orders.Edit(title="Orders are lost"),
    Action.COMMENT: orders.Comment(text="Reproduced"),
}


def desk(at: datetime = MONDAY, **numbers: str) -> Desk:
    return Desk(at, "manager", USUAL, numbers={UUID(id): number for id, number in numbers.items()})


def problem_in(state: State, **order: Any) -> Problem:
    """A problem behind INCIDENT, in a state; its cause is known."""
    problem, events = open_problem(Open(title="Orders get lost", incidents=(INCIDENT,), **order), desk())
    problem.version, problem.number, problem.state = len(events), "PRB-1", state
    problem.cause_known, problem.cause = True, "Wear"
    problem.waiting_reason = "evidence" if state is State.WAITING else None
    return problem


class Incident:
    """An incident elsewhere that tells what happens to it, an hour after each other. `about`: its service, ci, …"""

    def __init__(self, opened_at: datetime = MONDAY, **about: str) -> None:
        self.opened_at, self.about = opened_at, about
        self.id = uuid4()
        self.number = f"INC-{self.id.int % 10**12 + 1}"
        self.told: list[Message] = []
        self.problem: UUID | None = None
        self.state = "new"
        self._tell(IncidentOpened, title="Printer on fire", impact=2, urgency=2, recorded_at=opened_at)

    def linked(self, problem: UUID, previous: UUID | None = None) -> "Incident":
        self.problem = problem
        return self._tell(IncidentLinked, relation="problem", target=problem, previous=previous)

    def unlinked(self) -> "Incident":
        gone, self.problem = self.problem, None
        return self._tell(IncidentUnlinked, relation="problem", target=gone)

    def closed(self) -> "Incident":
        self.state = "closed"
        return self._tell(IncidentClosed, confirmed_by="staff", problem=self.problem)

    def reopened(self) -> "Incident":
        self.state = "active"
        return self._tell(IncidentReopened, reason="Still on fire", reopened_from="closed", reopen_count=1)

    def cancelled(self) -> "Incident":
        self.state = "cancelled"
        return self._tell(IncidentCancelled, reason="It was a drill")

    def arrivals(self, after: int = 0) -> list[Arrival]:
        """What it told after that sequence, as a bus hands it over."""
        return [arrival("steward.incident", message) for message in self.told if message.sequence > after]

    def _tell(self, event: type[Event], **fields: Any) -> "Incident":
        figures = {"kind": "incident", "organisation": "northwind", "state": self.state, "priority": 3, **self.about}
        at = self.opened_at + timedelta(hours=len(self.told))
        message = told(
            event(**figures, opened_at=self.opened_at, **fields),
            self.id,
            self.number,
            len(self.told) + 1,
            at,
            "/steward/incident",
        )
        self.told.append(message)
        return self


class Change:
    """A change elsewhere that tells what becomes of it, an hour after each other."""

    def __init__(self, problem: object = None, request: object = None) -> None:
        self.id = uuid4()
        self.number = f"CHG-{self.id.int % 10**12 + 1}"
        self.told: list[Message] = []
        self.about = {"problem": problem, "request": request}
        self._tell(it.ChangeSubmitted, "requested", reason="It leaks")

    def approved(self) -> "Change":
        return self._tell(it.ChangeApproved, "approved", approvers=("erin",))

    def rejected(self) -> "Change":
        return self._tell(it.ChangeRejected, "rejected", reason="Not in the season")

    def cancelled(self) -> "Change":
        return self._tell(it.ChangeCancelled, "cancelled", reason="Another way was found")

    def started(self) -> "Change":
        return self._tell(it.ChangeStarted, "implementing", started_at=self.now)

    def implemented(self) -> "Change":
        return self._tell(it.ChangeImplemented, "implemented", started_at=MONDAY, ended_at=self.now)

    def failed(self) -> "Change":
        return self._tell(it.ChangeFailed, "failed", started_at=MONDAY, ended_at=self.now, note="It does not start")

    def backed_out(self) -> "Change":
        said = {"started_at": MONDAY, "ended_at": self.now, "restored": True, "note": "The old one is back"}
        return self._tell(it.ChangeBackedOut, "backed_out", **said)

    def closed(self, outcome: str = "implemented") -> "Change":
        return self._tell(it.ChangeClosed, "closed", outcome=outcome, started_at=MONDAY, ended_at=self.now)

    def arrivals(self, after: int = 0) -> list[Arrival]:
        return [arrival("steward.change", message) for message in self.told if message.sequence > after]

    @property
    def now(self) -> datetime:
        return MONDAY + timedelta(hours=len(self.told))

    def _tell(self, event: type[it.ChangeFact], state: str, **fields: Any) -> "Change":
        figures = {"state": state, "title": "New driver", "requester": "grace", "requested_at": MONDAY, **self.about}
        body = event.model_validate(figures | fields)
        self.told.append(told(body, self.id, self.number, len(self.told) + 1, self.now, "/steward/change"))
        return self


def told(event: Event, id: UUID, number: str, sequence: int, at: datetime, source: str = "/steward/problem") -> Message:
    """An event as a log hands it on."""
    return Message(
        id=uuid4(), source=source, type=event.wire_type(), subject=number, aggregate_id=id, sequence=sequence,
        occurred=at, recorded=at, actor="alice", correlation=uuid4(), causation=None, traceparent=None,
        organisation="northwind", historical=False, position=sequence, data=event.model_dump_json(),
    )  # fmt: skip
