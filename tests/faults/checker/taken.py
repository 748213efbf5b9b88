"""What those who follow a topic made of it (I2, I3, I4)."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from contracts.envelope import Message
from tests.faults.checker.findings import Effect, Evidence, Findings, Row


def taken(evidence: Evidence, effects: Sequence[Effect], findings: Findings) -> None:
    for parked in evidence.parked:
        findings.add("lost", "I2", f"parked: {parked}")
    events = {each.id: each for log in evidence.logs.values() for each in log}
    _marks(evidence, findings)
    _inboxes(evidence, events, findings)
    _copies(evidence, findings)
    _projections(evidence, findings)
    _effects(evidence, effects, findings)
    _causes(events, findings)


def _marks(evidence: Evidence, findings: Findings) -> None:
    """Each follower has taken in each record up to its last event."""
    for topic, followers in evidence.follows.items():
        producer = topic.removeprefix("steward.")
        last = {each.aggregate_id: each for each in evidence.logs.get(producer, ())}
        for follower in followers:
            marks = evidence.marks[follower]
            for id, message in last.items():
                what = f"{follower} took in {message.subject}"
                findings.compare("I2", what, marks.get((topic, id), 0), message.sequence)
            for of, id in marks:
                if of == topic and id not in last:
                    findings.add("doubled", "I3", f"{follower} took in {id} of {topic}, which tells nothing of it")


def _inboxes(evidence: Evidence, events: dict[UUID, Message], findings: Findings) -> None:
    """Each handler has had each of its events once, those of one record in their order, and nothing else."""
    for service, handlers in evidence.handled.items():
        inbox = evidence.taken[service]
        counted = Counter((each.handler, each.event) for each in inbox)
        for handler, types in handlers.items():
            for event in events.values():
                if event.type in types:
                    what = f"{handler} of {service} had {event.type} of {event.subject}"
                    findings.compare("I2", what, counted[handler, event.id], 1)
        order: dict[tuple[str, UUID], list[tuple[datetime, int]]] = defaultdict(list)
        for each in inbox:
            if each.event not in events:
                findings.add("doubled", "I3", f"{each.handler} of {service} had {each.event}, which is in no log")
            else:
                message = events[each.event]
                order[each.handler, message.aggregate_id].append((each.at, message.sequence))
        for (handler, id), had in order.items():
            # Of the same instant, the lower one came first.
            sequences = [sequence for _, sequence in sorted(had)]
            if sequences != sorted(sequences):
                findings.add("inverted", "I4", f"{handler} of {service} had {id} in the order {sequences}")


def _copies(evidence: Evidence, findings: Findings) -> None:
    for copy in evidence.copies:
        if copy.kept != copy.original:
            findings.add("lost", "I2", f"{copy.what} is kept as {copy.kept}, and is {copy.original}")


def _projections(evidence: Evidence, findings: Findings) -> None:
    """What was derived while everything was killed is what the topics give when they are read once more in peace."""
    for service, tables in evidence.rebuilt.items():
        for table, rebuilt in tables.items():
            kept = evidence.kept[service][table]
            where = f"{table} of {service}"
            for key in rebuilt.keys() - kept.keys():
                findings.add("lost", "I2", f"{where}: {key} is not in it")
            for key in kept.keys() - rebuilt.keys():
                findings.add("doubled", "I3", f"{where}: {key} follows from no event")
            for key in kept.keys() & rebuilt.keys():
                for what in differing(f"{where} {key}", rebuilt[key], kept[key]):
                    findings.add("lost", "I2", what)


def differing(what: str, told: Row, row: Row) -> Iterator[str]:
    """A sentence for each value of the row that is not what was told."""
    for name, value in told.items():
        if name in row and row[name] != value:
            yield f"{what}: {name} is {row[name]!r}, its events say {value!r}"


def _effects(evidence: Evidence, effects: Sequence[Effect], findings: Findings) -> None:
    led = Counter(
        (each.causation, service, each.type) for service, log in evidence.logs.items() for each in log if each.causation
    )
    for effect in effects:
        for log in evidence.logs.values():
            for cause in log:
                if cause.type == effect.cause:
                    found = led[cause.id, effect.service, effect.effect]
                    what = f"{effect.effect} after {cause.type} of {cause.subject}"
                    findings.compare("I2", what, found, effect.count)


def _causes(events: dict[UUID, Message], findings: Findings) -> None:
    for message in events.values():
        if message.causation is not None and message.causation not in events:
            what = f"{message.type} of {message.subject} follows from {message.causation}, which is not"
            findings.add("doubled", "I3", what)
