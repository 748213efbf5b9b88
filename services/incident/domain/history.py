"""Playing in another system's past: its logged updates, through the same verbs, each at its own time.

A row is one logged update; all its steps happen or none. What a row cannot do is a reject with a reason, and the rows
after it go on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.orm.attributes import instance_dict

from contracts.envelope import Event
from contracts.incident import IncidentHistoryCompleted
from services.incident.domain import VERBS
from services.incident.domain.desk import Desk, figures
from services.incident.domain.opening import open_incident
from services.incident.domain.orders import Open
from services.incident.lifecycle import Action
from services.incident.tables import Incident
from shared.errors import Refusal
from shared.orders import Name

OPENING = "open"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(Part):
    """One verb, with its body, at its time. `row` is the logged update it belongs to, from 1."""

    row: Annotated[int, Field(ge=1)]
    at: AwareDatetime
    actor: Name | None = None
    action: str
    body: dict[str, Any] = {}


class Past(Part):
    """What is known of one record, in the order of its rows. `reference` is its number in the other system."""

    reference: Name
    steps: Annotated[list[Step], Field(max_length=5000)]


class History(Part):
    """Some records of one origin."""

    origin: Name
    records: Annotated[list[Past], Field(max_length=1000)]


@dataclass(slots=True)
class Played:
    """What became of one record's rows. `facts` are the events of each row, with the step that gave its time."""

    incident: Incident | None
    facts: list[tuple[Step, list[Event]]] = field(default_factory=list)
    applied: int = 0
    skipped: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)


def rows(past: Past) -> Iterator[tuple[int, list[Step]]]:
    for row, steps in groupby(past.steps, key=lambda step: step.row):
        yield row, list(steps)


# desk_at gives the desk of a step: its own time and actor, the rules in force at that time.
def play(past: Past, incident: Incident | None, origin: str, desk_at: Callable[[Step], Desk]) -> Played:
    """Take in the rows that this record has not had. The record keeps how far it got, so a repeat changes nothing."""
    played = Played(incident)
    for row, steps in rows(past):
        if played.incident is not None and row <= (played.incident.history_row or 0):
            played.skipped += 1
            continue
        before = dict(instance_dict(played.incident)) if played.incident is not None else None
        known = played.incident
        try:
            facts = []
            for step in steps:
                known, events = take(step, known, origin, past.reference, desk_at)
                facts.append((step, events))
        except Refusal as refusal:
            played.rejected.append((row, refusal.detail))
            if before is not None and played.incident is not None:
                instance_dict(played.incident).update(before)
                played.incident.history_row = row
            continue
        played.incident = known
        if known is not None:
            known.history_row = row
        played.facts += facts
        played.applied += 1
    return played


def take(
    step: Step, incident: Incident | None, origin: str, reference: str, desk_at: Callable[[Step], Desk]
) -> tuple[Incident, list[Event]]:
    """One step. Raises the verb's own refusal, or Refusal where the step makes no sense here."""
    desk = desk_at(step)
    try:
        if step.action == OPENING:
            if incident is not None:
                raise Refusal("the record is open already")
            opened, events = open_incident(
                Open.model_validate(step.body), desk, None, origin=origin, reference=reference
            )
            opened.in_history = True
            return opened, events
        if incident is None:
            raise Refusal("the record was not opened before this row")
        try:
            verb = VERBS[Action(step.action)]
        except ValueError:
            raise Refusal(f"there is no verb {step.action!r}") from None
        return incident, verb.act(incident, verb.order.model_validate(step.body), desk)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False))
        raise Refusal(f"{step.action}: {'; '.join(faults)}") from error


def people(pasts: Iterable[Past]) -> tuple[set[str], dict[str, str | None]]:
    """The groups, and the people with the group they were last seen in, that these rows name."""
    groups: set[str] = set()
    persons: dict[str, str | None] = {}
    for past in pasts:
        for step in past.steps:
            # As the orders take them: without the blanks around them.
            group, person = (
                each.strip() if isinstance(each := step.body.get(name), str) else None for name in ("group", "assignee")
            )
            if group:
                groups.add(group)
            if person:
                persons[person] = group or persons.get(person)
            if step.actor:
                persons.setdefault(step.actor, None)
    return groups, persons


def complete(incident: Incident) -> list[Event]:
    """The import of this record's past is over; its deadlines count from now on."""
    incident.in_history = False
    return [
        IncidentHistoryCompleted(
            **figures(incident), origin=incident.origin or "", reference=incident.reference or incident.number
        )
    ]
