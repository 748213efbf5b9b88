"""Problems in any state, an order for every verb, and incidents' events as they arrive from their topic."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from contracts.envelope import Event, Message
from contracts.incident import IncidentClosed, IncidentLinked, IncidentOpened, IncidentReopened, IncidentUnlinked
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
    Action.CLOSE: orders.Close(closure_code="Proved"),
    Action.REOPEN: orders.Reopen(reason="It came back"),
    Action.CANCEL: orders.Cancel(reason="There is none"),
    Action.PRIORITISE: orders.Prioritise(frequency=1, impact=1, cost=1),
    Action.CLASSIFY: orders.Classify(service="Order portal"),
    Action.LINK: orders.Link(incident=uuid4()),
    Action.UNLINK: orders.Unlink(incident=INCIDENT),
    Action.WORKAROUND: orders.Workaround(text="Restart the pool"),
    Action.EDIT: orders.Edit(title="Orders are lost"),
    Action.COMMENT: orders.Comment(text="Reproduced"),
}


def desk(at: datetime = MONDAY, **numbers: str) -> Desk:
    return Desk(at, "manager", USUAL, numbers={UUID(id): number for id, number in numbers.items()})


def problem_in(state: State, **order: Any) -> Problem:
    """A problem behind INCIDENT, in a state."""
    problem, events = open_problem(Open(title="Orders get lost", incidents=(INCIDENT,), **order), desk())
    problem.version, problem.number, problem.state = len(events), "PRB-1", state
    problem.waiting_reason = "evidence" if state is State.WAITING else None
    return problem


class Incident:
    """An incident elsewhere that tells what happens to it, an hour after each other."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.number = f"INC-{self.id.int % 10**12 + 1}"
        self.told: list[Message] = []
        self.problem: UUID | None = None
        self.state = "new"
        self._tell(IncidentOpened, title="Printer on fire", impact=2, urgency=2, recorded_at=MONDAY)

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

    def arrivals(self, after: int = 0) -> list[Arrival]:
        """What it told after that sequence, as a bus hands it over."""
        return [arrival("steward.incident", message) for message in self.told if message.sequence > after]

    def _tell(self, event: type[Event], **fields: Any) -> "Incident":
        figures = {"kind": "incident", "organisation": "northwind", "state": self.state, "priority": 3}
        at = MONDAY + timedelta(hours=len(self.told))
        message = told(
            event(**figures, opened_at=MONDAY, **fields),
            self.id,
            self.number,
            len(self.told) + 1,
            at,
            "/steward/incident",
        )
        self.told.append(message)
        return self


def told(event: Event, id: UUID, number: str, sequence: int, at: datetime, source: str = "/steward/problem") -> Message:
    """An event as a log hands it on."""
    return Message(
        id=uuid4(), source=source, type=event.wire_type(), subject=number, aggregate_id=id, sequence=sequence,
        occurred=at, recorded=at, actor="alice", correlation=uuid4(), causation=None, traceparent=None,
        organisation="northwind", historical=False, position=sequence, data=event.model_dump_json(),
    )  # fmt: skip
