"""A story told from the topics alone: which event led to which, by their correlation and causation ids."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from rich.markup import escape
from rich.tree import Tree

from contracts.envelope import Message, registry

# What of an event's body a listener wants to hear, by the event's name. What is not here speaks for itself.
SAID: Mapping[str, str] = {
    "incident.opened": "{title}; impact {impact}, priority {priority}",
    "incident.assigned": "to {group} {assignee}",
    "incident.waiting": "for {reason}",
    "incident.resolved": "{resolution_code}",
    "incident.closed": "by {confirmed_by}",
    "incident.prioritised": "priority {previous_priority} becomes {priority}",
    "incident.linked": "{relation}",
    "customer.informed": "{text}",
    "workaround.applied": "{known_error_number}, helped: {helped}",
    "outage.recorded": "{affected_service} from {began_at} to {ended_at}",
    "effort.logged": "{minutes} minutes by {person}",
    "cause.change_suspected": "{change_number}, {minutes_after} minutes before, by {path}",
    "cause.change_confirmed": "{change_number}",
    "major_incident.declared": "{criterion}; led by {manager}, an update every {update_every_minutes} minutes",
    "major_incident.update_sent": "{text}",
    "major_incident.stood_down": "{reason}",
    "problem.opened": "{title}",
    "problem.recurred": "{incident_number}; {recurrences} times now",
    "problem.change_requested": "{title}",
    "problem.waiting": "for {reason}",
    "problem.closed": "{closure_code}",
    "cause.identified": "{cause}",
    "known_error.published": "{title}",
    "fix.evaluated": "{before} before, {after} after: {verdict}",
    "change.submitted": "{title}",
    "change.classified": "{change_class}, risk {risk}",
    "change.approved": "by {approvers}",
    "emergency.authorised": "by {by}; papers until {paperwork_due}",
    "change.closed": "{outcome}",
    "collision.found": "{kind} with {other_number} {with_what}",
    "clock.started": "{target}: due {due_at}",
    "clock.stopped": "{target}: {outcome}",
    "clock.warned": "{target}: {fraction} of the time is used",
    "clock.breached": "{target}: late since {breached_at}",
    "clock.retargeted": "{target}: due {due_at}",
    "ci.registered": "{type} {ci}",
    "relationship.added": "{source_ci} {kind} {target_ci}",
}


@dataclass(slots=True)
class Fact:
    """One event and those that it led to, in the order in which they were recorded."""

    message: Message
    led_to: "list[Fact]" = field(default_factory=list)

    def all(self) -> "Iterator[Fact]":
        yield self
        for each in self.led_to:
            yield from each.all()


def chains(messages: Iterable[Message]) -> list[Fact]:
    """Each event under the one that caused it; what nothing here caused stands by itself, in the order of time.

    A cause that is not among the messages is as good as none: a subscriber may have begun in the middle.
    """
    found = sorted(messages, key=lambda each: (each.recorded, each.id))
    facts: dict[UUID, Fact] = {each.id: Fact(each) for each in found}
    first: list[Fact] = []
    for fact in facts.values():
        cause = facts.get(fact.message.causation) if fact.message.causation else None
        (first if cause is None else cause.led_to).append(fact)
    return first


def commands(messages: Iterable[Message]) -> list[tuple[UUID, list[Fact]]]:
    """What each first cause led to in all services, by correlation id, in the order of time."""
    by_correlation: dict[UUID, list[Message]] = {}
    for each in sorted(messages, key=lambda each: (each.recorded, each.id)):
        by_correlation.setdefault(each.correlation, []).append(each)
    return [(correlation, chains(found)) for correlation, found in by_correlation.items()]


def sentence(message: Message) -> str:
    """The event in a line: who tells it, what became true of what, and what one wants to hear of it."""
    event = registry()[message.type]
    body = {name: _plain(value) for name, value in msgspec.json.decode(message.data).items()}
    said = SAID.get(event.name, "").format_map(body)
    service = message.source.rpartition("/")[2]
    return f"{service}: {event.name} {message.subject}{f' – {said}' if said else ''}"


def tree(facts: Sequence[Fact], title: str) -> Tree:
    """For the terminal."""
    root = Tree(title)
    for fact in facts:
        _grow(root, fact)
    return root


def _grow(above: Tree, fact: Fact) -> None:
    message = fact.message
    who = f" [dim]{escape(message.actor)}, {message.occurred:%d %b %H:%M}[/dim]"
    branch = above.add(f"{escape(sentence(message))}{who}")
    for each in fact.led_to:
        _grow(branch, each)


def _plain(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value is None else value
