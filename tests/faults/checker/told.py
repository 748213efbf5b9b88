"""From what clients were told to what the logs and topics tell (I1, I3, I4)."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from uuid import UUID

from contracts.envelope import Message
from tests.faults.checker.findings import Evidence, Findings
from tests.faults.ledger import Command


def told(commands: Sequence[Command], evidence: Evidence, findings: Findings) -> None:
    _commands(commands, evidence, findings)
    _logs(evidence, findings)
    _topics(evidence, findings)


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
            findings.compare("I1", f"{command}: {type}", counted[type], wanted[type])
        version, own = command.answer.get("version"), _own(command, found)
        if own and command.outcome == "acknowledged" and version not in (None, own[-1].sequence):
            what = f"{command}: answered version {version}, its last event is {own[-1].sequence}"
            findings.add("lost", "I1", what)
        if command.changed is not None:
            findings.add("doubled", "I1", f"{command}: asked again, it answers otherwise: {command.changed}")


def _own(command: Command, found: Sequence[Message]) -> Sequence[Message]:
    """The events of the record that was answered with; a command may move others too."""
    return [each for each in found if str(each.aggregate_id) == command.answer.get("id")]


def _logs(evidence: Evidence, findings: Findings) -> None:
    """Positions without gaps, and in their order each record's sequence from 1 without gaps."""
    for service, log in evidence.logs.items():
        for number, message in enumerate(log, 1):
            if message.position != number:
                what = f"log of {service}: position {message.position} where {number} should be"
                findings.add("inverted", "I4", what)
                break
        for id, count in Counter(each.id for each in log).items():
            if count > 1:
                findings.add("doubled", "I2", f"log of {service}: event {id} is in it {count} times")
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
        where = f"topic of {service}"
        for id in known.keys() - first.keys():
            findings.add("lost", "I2", f"{where}: {known[id].subject} {known[id].sequence} is not in it")
        for id in first.keys() - known.keys():
            findings.add("doubled", "I3", f"{where}: {first[id].subject} {first[id].sequence} is in no log")
        for id in first.keys() & known.keys():
            if first[id] != known[id]:
                findings.add("inverted", "I4", f"{where}: {known[id].subject} differs from the log")


def _sequences(where: str, messages: Sequence[Message], findings: Findings) -> None:
    expected: dict[UUID, int] = defaultdict(lambda: 1)
    for message in messages:
        awaited = expected[message.aggregate_id]
        if message.sequence != awaited:
            what = f"{where}: {message.subject} has {message.sequence} where {awaited} should be"
            findings.add("inverted", "I4", what)
        expected[message.aggregate_id] = max(awaited, message.sequence + 1)
