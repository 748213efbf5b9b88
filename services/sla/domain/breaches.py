"""Why a promise was not kept, and what is done about it: of a clock that is missed, or of a month's measurement."""

from datetime import datetime

from contracts.envelope import Event
from contracts.service_review import BreachExplained
from services.sla.domain.orders import Explain
from services.sla.domain.reviews import raised
from services.sla.tables import Clock, Explanation, Measurement, Task
from shared.database.records import new
from shared.errors import Conflict

Missed = Clock | Measurement


def unexplained(missed: Missed) -> Explanation:
    """The record of a breach of which nothing has been said. It needs a number before something is."""
    return new(
        Explanation,
        organisation=missed.organisation,
        missed=missed.id,
        missed_number=missed.number,
        of="clock" if isinstance(missed, Clock) else "measurement",
        agreement=missed.agreement,
        target=missed.target if isinstance(missed, Clock) else missed.level,
        service=missed.service,
    )


def explain(
    row: Explanation, order: Explain, actor: str, now: datetime
) -> tuple[list[Event], tuple[Task, list[Event]] | None]:
    """The event, and the action that was agreed on with its own. A later word replaces an earlier one; an action that
    was agreed on before stays what it is."""
    row.cause, row.corrective_action = order.cause, order.corrective_action
    row.explained_by, row.explained_at = actor, now
    task = None
    if order.action is not None:
        if row.action is not None:
            raise Conflict("an action was agreed on already; revise that one", action=str(row.action))
        task = raised(order.action, "breach", row.id, row.number, row.agreement, row.organisation, now)
        row.action = task[0].id
    return [told(row)], task


def told(row: Explanation) -> BreachExplained:
    return BreachExplained(
        of="clock" if row.of == "clock" else "measurement",
        missed=row.missed,
        missed_number=row.missed_number,
        agreement=row.agreement,
        target=row.target,
        service=row.service,
        cause=row.cause,
        corrective_action=row.corrective_action,
        action=row.action,
    )
