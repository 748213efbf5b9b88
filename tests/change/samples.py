"""Changes in any state, an order for every verb, and what the configuration and incident services tell."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from contracts.change import ChangeFact
from contracts.cmdb import ItemRegistered, RelationshipAdded, RelationshipRemoved
from contracts.envelope import Event, Message
from contracts.major_incident import MajorIncidentDeclared, MajorIncidentStoodDown
from services.change.domain import VERBS, Desk, Order, Ruled, decide, orders, request
from services.change.lifecycle import Action, State
from services.change.rules import approval, risk
from services.change.rules.collisions import Collision
from services.change.tables import Change
from shared.local.people import Person
from shared.memory import arrival
from tests.builders import Json, read, told
from tests.system import MONDAY, Steward

HOUR = timedelta(hours=1)
START = MONDAY + timedelta(days=2)
END = START + 2 * HOUR
SAFE: dict[str, str] = {"reach": "nobody", "experience": "often", "reversal": "at once", "outage": "nothing"}
RISKY: dict[str, str] = {"reach": "several services", "experience": "never", "reversal": "hardly", "outage": "nothing"}
PLANS: Json = {"plan": "Do it", "backout": "Undo it", "backout_minutes": 30, "backout_tested": True}
CLASH = Collision(
    uuid4(), "same-item", START, END, other=uuid4(), other_number="CHG-2", path=("orders-db-1",)
)  # fmt: skip
MODEL = risk.Model(
    title="Open a port", plan="Open it", backout="Close it", backout_minutes=5, backout_tested=True, minutes=30
)  # fmt: skip
ORDERS: dict[Action, Order] = {
    Action.CLASSIFY: orders.Classify(answers=RISKY),
    Action.SCHEDULE: orders.Schedule(planned_start=START + HOUR, planned_end=END + HOUR),
    Action.ACKNOWLEDGE: orders.Acknowledge(collision=CLASH.id, reason="The same people do both"),
    Action.APPROVE: orders.Approve(),
    Action.AUTHORISE: orders.Authorise(reason="It burns"),
    Action.VOID: orders.Void(reason="Something else was meant"),
    Action.REJECT: orders.Reject(reason="Too dear"),
    Action.CANCEL: orders.Cancel(reason="Not needed"),
    Action.START: orders.Start(reason="Now"),
    Action.COMPLETE: orders.Complete(note="All well"),
    Action.FAIL: orders.Fail(note="It does not start"),
    Action.BACK_OUT: orders.BackOut(restored=True, note="As before"),
    Action.REPAIR: orders.Repair(note="By hand"),
    Action.DOCUMENT: orders.Document(justified=True, review="It was one", plan="p", backout="b", backout_tested=False),
    Action.CLOSE: orders.Close(note="Over"),
    Action.ASSIGN: orders.Assign(group="Databases"),
    Action.EDIT: orders.Edit(title="Another title"),
    Action.COMMENT: orders.Comment(text="Seen"),
}
ALL_ROLES = frozenset({"change_manager", "approver"})
# People of whom the embedded system has too few.
SECOND = Person("second", "Sam", ("approver",))
THIRD = Person("third", "Thea", ("approver", "change_manager"))


def desk(now: datetime = MONDAY, actor: str = "erin", roles: Iterable[str] = ALL_ROLES, **more: Any) -> Desk:
    more.setdefault("approval", Ruled(approval.USUAL))
    return Desk(now, actor, frozenset(roles), Ruled(risk.USUAL), models={"port": Ruled(MODEL, "port", 1)}, **more)


def change_in(state: State, *, emergency: bool = False, **order: Any) -> Change:
    """A change of alice's that has a window and every plan, in a state."""
    body = {"title": "New driver", "reason": "Leaks", "planned_start": START, "planned_end": END, **PLANS, **order}
    answers = None if emergency else SAFE
    change, events = request(orders.Request(**body, emergency=emergency, answers=answers), desk(actor="alice"))
    change.version, change.number, change.state = len(events), "CHG-1", state
    if state in (State.IMPLEMENTING, State.IMPLEMENTED, State.FAILED, State.BACKED_OUT, State.CLOSED):
        change.started_at = MONDAY - HOUR
    if state in (State.IMPLEMENTED, State.FAILED, State.BACKED_OUT, State.CLOSED):
        change.ended_at, change.outcome = MONDAY, "failed" if state is State.FAILED else "implemented"
    if emergency and state not in (State.REQUESTED, State.ASSESSED, State.REJECTED):
        change.paperwork_due = MONDAY + 24 * HOUR
    if state in (State.ASSESSED, State.APPROVED):
        change.approvers = ["bob"]
    return change


def act(change: Change, action: Action, at: Desk, **body: Any) -> list[ChangeFact]:
    verb = VERBS[action]
    return decide(verb, change, verb.order(**body), at)  # type: ignore[return-value]  # verbs return events of a change


def message(event: Event, id: UUID, subject: str, sequence: int, at: datetime, source: str) -> Message:
    """An event as a log hands it on."""
    return Message(
        id=uuid4(), source=f"/steward/{source}", type=event.wire_type(), subject=subject, aggregate_id=id,
        sequence=sequence, occurred=at, recorded=at, actor="frank", correlation=uuid4(), causation=None,
        traceparent=None, organisation=None, historical=False, position=sequence, data=event.model_dump_json(),
    )  # fmt: skip


class Estate:
    """What the configuration service tells of items and what depends on what. Names are this estate's own."""

    def __init__(self, steward: Steward) -> None:
        self.steward = steward
        self.mark = uuid4().hex[:8]
        self.edges: dict[tuple[str, str], UUID] = {}

    def name(self, short: str) -> str:
        return f"{short}-{self.mark}"

    def id(self, short: str) -> UUID:
        return uuid5(UUID(int=7), self.name(short))

    async def items(self, *shorts: str, nature: str = "component") -> "Estate":
        facts: Json = {"type": "thing", "type_version": 1, "nature": nature, "status": "live", "source": "import"}
        told = []
        for short in shorts:
            id, event = self.id(short), ItemRegistered(ci=self.name(short), **facts)
            told.append(message(event, id, f"CI-{id.int % 10**9 + 1}", 1, MONDAY, "cmdb"))
        await come(self.steward, "cmdb", told)
        return self

    async def depends(self, *pairs: tuple[str, str]) -> "Estate":
        """(dependent, provider) each: a failure of the second is felt by the first."""
        for pair in pairs:
            self.edges[pair] = uuid4()
        await come(self.steward, "cmdb", [self._edge(pair, 1, RelationshipAdded) for pair in pairs])
        return self

    async def parts(self, *pairs: tuple[str, str]) -> "Estate":
        """These dependencies hold no longer."""
        await come(self.steward, "cmdb", [self._edge(pair, 2, RelationshipRemoved, valid_to=MONDAY) for pair in pairs])
        return self

    def _edge(self, pair: tuple[str, str], sequence: int, event: type[Event], **more: Any) -> Message:
        dependent, provider = pair
        fact = event(
            kind="depends-on", source=self.id(dependent), source_ci=self.name(dependent), target=self.id(provider),
            target_ci=self.name(provider), provider=self.id(provider), dependent=self.id(dependent),
            valid_from=MONDAY - HOUR, **more,
        )  # fmt: skip
        return message(fact, self.edges[pair], "relationship", sequence, MONDAY, "cmdb")

    async def major(
        self, number: str, *, ci: str | None = None, service: str | None = None, over: bool = False
    ) -> None:
        """A major incident of this item or service; the same number again ends it."""
        facts: Json = {
            "incident": uuid4(), "incident_number": "INC-1", "title": "Everything stands still", "manager": "heidi",
            "ci": self.name(ci) if ci else None, "service": service, "declared_at": MONDAY - HOUR,
        }  # fmt: skip
        event: Event = MajorIncidentDeclared(
            **facts, state="declared", criterion="reach", reason="All of them", update_every_minutes=30
        )  # fmt: skip
        if over:
            event = MajorIncidentStoodDown(**facts, state="stood_down", reason="Mended", stood_down_at=MONDAY)
        id = uuid5(UUID(int=8), f"{number}{self.mark}")
        await come(self.steward, "incident", [message(event, id, number, 2 if over else 1, MONDAY, "incident")])


async def come(steward: Steward, topic: str, messages: Iterable[Message]) -> None:
    """These arrive from their topic."""
    arrivals = [arrival(f"steward.{topic}", each) for each in messages]
    if arrivals:
        await steward.runtime("change").inbox.receive(arrivals)


async def asked(steward: Steward, by: str | Person = "alice", **order: Any) -> Json:
    """A new request for change."""
    return await told(steward.client(by), "/change/changes", {"title": "New driver", "reason": "It leaks", **order})


async def assessed(steward: Steward, by: str | Person = "alice", **order: Any) -> Json:
    """A normal change with a window and every plan, that waits for approval."""
    window = {"planned_start": START.isoformat(), "planned_end": END.isoformat()}
    return await asked(steward, by, **{"answers": SAFE, **window, **PLANS, **order})


async def approved(steward: Steward, **order: Any) -> Json:
    """The same, approved by erin."""
    return await verb(steward, await assessed(steward, **order), "approve", by="erin")


async def verb(steward: Steward, change: Json, verb: str, by: str | Person = "bob", **order: Any) -> Json:
    """The change after a verb."""
    return await told(steward.client(by), f"/change/changes/{change['id']}/{verb}", order)


async def refused(
    steward: Steward, change: Json, verb: str, by: str | Person = "bob", **order: Any
) -> tuple[int, str | None, Json]:
    """The status, the rule's name and the document of a refusal."""
    answer = await steward.client(by).post(f"/change/changes/{change['id']}/{verb}", json=order)
    assert not answer.is_success, answer.text
    return answer.status_code, answer.json().get("rule"), answer.json()


async def edited(steward: Steward, change: Json, by: str | Person = "alice", **order: Any) -> Json:
    now = await read(steward.client(by), f"/change/changes/{change['id']}")
    answer = await steward.client(by).patch(
        f"/change/changes/{change['id']}", json=order, headers={"If-Match": f'"{now["version"]}"'}
    )
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def events(steward: Steward, change: Json) -> list[str]:
    found = await read(steward.client("bob"), f"/change/changes/{change['id']}/timeline", limit=200)
    return [each["event"] for each in found["items"]]
