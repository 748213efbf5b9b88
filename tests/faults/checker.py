"""Holds the clients' ledger against all databases and topics: what was lost, what was done twice, what is out of order.

Pure: it is given the evidence and is itself tested on evidence that was tampered with.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from contracts.envelope import Message
from tests.faults.ledger import Command

Fold = Callable[[Iterable[Message]], Mapping[str, Any]]


@dataclass(frozen=True)
class Copy:
    """What one service keeps of another's record, beside what that record is; `kept` is None where it keeps nothing."""

    what: str
    kept: Mapping[str, Any] | None
    original: Mapping[str, Any]


@dataclass
class Evidence:
    """What was found after healing and draining.

    By service: `logs` in the order of positions, `topics` as each partition has them (none on the in-process bus),
    `rows` of its records by id, `marks` of the last sequence taken in of each record of a followed topic. `follows`:
    which services take in which topic. `copies` of other services' records. `parked`: what could not be taken in.
    """

    logs: dict[str, list[Message]] = field(default_factory=dict)
    topics: dict[str, list[list[Message]]] = field(default_factory=dict)
    rows: dict[str, dict[UUID, dict[str, Any]]] = field(default_factory=dict)
    marks: dict[str, dict[tuple[str, UUID], int]] = field(default_factory=dict)
    follows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Effect:
    """Each event of type `cause` leads to exactly so many events of type `effect` in the log of `service`."""

    cause: str
    service: str
    effect: str
    count: int


@dataclass
class Findings:
    """One sentence for each fault. `unfolded`: records whose row is not what their events say."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    inverted: list[str] = field(default_factory=list)
    unfolded: list[str] = field(default_factory=list)

    def compare(self, what: str, found: int, expected: int) -> None:
        if found < expected:
            self.lost.append(f"{what}: {found} of {expected}")
        elif found > expected:
            self.doubled.append(f"{what}: {found} instead of {expected}")

    def all(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.inverted, *self.unfolded]


def check(
    commands: Sequence[Command], evidence: Evidence, effects: Sequence[Effect], folds: Mapping[str, Fold]
) -> Findings:
    """Everything that is wrong; nothing where all is as it was acknowledged."""
    findings = Findings()
    _commands(commands, evidence, findings)
    _logs(evidence, findings)
    _topics(evidence, findings)
    _intake(evidence, findings)
    _copies(evidence, findings)
    _effects(evidence, effects, findings)
    _rows(evidence, folds, findings)
    return findings


def _commands(commands: Sequence[Command], evidence: Evidence, findings: Findings) -> None:
    """Acknowledged: its events are there once. Refused: none is. Unknown: all or none."""
    direct: dict[tuple[str, UUID], list[Message]] = defaultdict(list)
    for service, log in evidence.logs.items():
        for message in log:
            # Events that another event led to have a causation, and are none of the command's own.
            if message.causation is None:
                direct[service, message.correlation].append(message)
    for command in commands:
        found = direct[command.service, command.correlation]
        expected = () if command.outcome == "refused" else command.expects
        if command.outcome == "unknown" and not found:
            continue
        counted, wanted = Counter(each.type for each in found), Counter(expected)
        for type in sorted(counted | wanted):
            findings.compare(f"{command}: {type}", counted[type], wanted[type])
        version = command.answer.get("version")
        if found and command.outcome == "acknowledged" and version != found[-1].sequence:
            findings.lost.append(f"{command}: answered version {version}, its last event is {found[-1].sequence}")


def _logs(evidence: Evidence, findings: Findings) -> None:
    """Positions without gaps, and in their order each record's sequence from 1 without gaps."""
    for service, log in evidence.logs.items():
        for number, message in enumerate(log, 1):
            if message.position != number:
                findings.inverted.append(f"log of {service}: position {message.position} where {number} should be")
                break
        _doubled_ids(f"log of {service}", log, findings)
        _sequences(f"log of {service}", log, findings)


def _topics(evidence: Evidence, findings: Findings) -> None:
    """Everything in the log is in the topic and the reverse; per record in order.

    A relay that was killed before it could remember sends a batch again; that is in the contract, so what counts is
    when each event came first.
    """
    for service, partitions in evidence.topics.items():
        known = {each.id: each for each in evidence.logs[service]}
        first: dict[UUID, Message] = {}
        for partition in partitions:
            fresh = []
            for message in partition:
                if message.id not in first:
                    first[message.id] = message
                    fresh.append(message)
            _sequences(f"topic of {service}", fresh, findings)
        for id in known.keys() - first.keys():
            findings.lost.append(f"topic of {service}: {known[id].subject} {known[id].sequence} is not in it")
        for id in first.keys() - known.keys():
            findings.doubled.append(f"topic of {service}: {first[id].subject} {first[id].sequence} is in no log")
        for id in first.keys() & known.keys():
            if first[id] != known[id]:
                findings.inverted.append(f"topic of {service}: {known[id].subject} differs from the log")


def _sequences(where: str, messages: Sequence[Message], findings: Findings) -> None:
    expected: dict[UUID, int] = defaultdict(lambda: 1)
    for message in messages:
        awaited = expected[message.aggregate_id]
        if message.sequence != awaited:
            findings.inverted.append(f"{where}: {message.subject} has {message.sequence} where {awaited} should be")
        expected[message.aggregate_id] = max(awaited, message.sequence + 1)


def _doubled_ids(where: str, messages: Sequence[Message], findings: Findings) -> None:
    for id, count in Counter(each.id for each in messages).items():
        if count > 1:
            findings.doubled.append(f"{where}: event {id} is in it {count} times")


def _intake(evidence: Evidence, findings: Findings) -> None:
    """Each follower has taken in each record up to its last event, and nothing is parked."""
    findings.lost += [f"parked: {each}" for each in evidence.parked]
    for topic, followers in evidence.follows.items():
        producer = topic.removeprefix("steward.")
        last = {each.aggregate_id: each for each in evidence.logs[producer]}
        for follower in followers:
            marks = evidence.marks[follower]
            for id, message in last.items():
                findings.compare(f"{follower} took in {message.subject}", marks.get((topic, id), 0), message.sequence)


def _copies(evidence: Evidence, findings: Findings) -> None:
    for copy in evidence.copies:
        if copy.kept != copy.original:
            findings.lost.append(f"{copy.what} is kept as {copy.kept}, and is {copy.original}")


def _effects(evidence: Evidence, effects: Sequence[Effect], findings: Findings) -> None:
    led = Counter(
        (each.causation, service, each.type) for service, log in evidence.logs.items() for each in log if each.causation
    )
    events = [each for log in evidence.logs.values() for each in log]
    for effect in effects:
        for cause in events:
            if cause.type == effect.cause:
                found = led[cause.id, effect.service, effect.effect]
                findings.compare(f"{effect.effect} after {cause.type} of {cause.subject}", found, effect.count)
    # No effect without a committed cause.
    ids = {each.id for each in events}
    for message in events:
        if message.causation is not None and message.causation not in ids:
            findings.doubled.append(
                f"{message.type} of {message.subject} follows from {message.causation}, which is not"
            )


def _rows(evidence: Evidence, folds: Mapping[str, Fold], findings: Findings) -> None:
    for service, fold in folds.items():
        events: dict[UUID, list[Message]] = defaultdict(list)
        for message in evidence.logs[service]:
            events[message.aggregate_id].append(message)
        for id, row in evidence.rows[service].items():
            if id not in events:
                findings.lost.append(f"{service} {id}: a row without events")
                continue
            findings.unfolded += _differing(f"{service} {row.get('number')}", fold(events[id]), row)


def _differing(what: str, folded: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    for name, value in folded.items():
        if name in row and row[name] != value:
            yield f"{what}: {name} is {row[name]!r}, its events say {value!r}"
