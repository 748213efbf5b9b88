"""What is stored beside what its events say, and what the services prove of themselves (I3, I5, I6, I7)."""

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from contracts.envelope import Message
from tests.faults.checker.findings import Evidence, Findings, Fold
from tests.faults.checker.taken import differing


def stored(evidence: Evidence, folds: Mapping[str, Mapping[str, Fold]], findings: Findings) -> None:
    for service, tables in evidence.records.items():
        events: dict[UUID, list[Message]] = defaultdict(list)
        for message in evidence.logs[service]:
            events[message.aggregate_id].append(message)
        for table, rows in tables.items():
            fold = folds.get(service, {}).get(table)
            for id, row in rows.items():
                what = f"{table} {row.get('number', id)} of {service}"
                if id not in events:
                    findings.add("doubled", "I3", f"{what}: a row without events")
                    continue
                if row["version"] != len(events[id]):
                    findings.add("amiss", "I7", f"{what}: written {row['version']} times, told {len(events[id])} times")
                if fold is not None:
                    for each in differing(what, fold(events[id]), row):
                        findings.add("amiss", "I5", each)
        _rows(service, evidence, events, findings)
        _chain(service, evidence, findings)
    for different in evidence.different:
        findings.add("amiss", "I6", different)


def _rows(service: str, evidence: Evidence, events: Mapping[UUID, list[Message]], findings: Findings) -> None:
    """Where all records that have events of a type have a row, a record of that type without one has lost it."""
    present = {id for rows in evidence.records[service].values() for id in rows}
    kinds = {events[id][0].type for id in present if id in events}
    for id, told in events.items():
        if id not in present and told[0].type in kinds:
            findings.add("lost", "I5", f"{told[0].subject} of {service}: {len(told)} events without a row")


def _chain(service: str, evidence: Evidence, findings: Findings) -> None:
    chain = evidence.chains.get(service)
    if chain is None:
        return
    if chain.broken_at is not None:
        findings.add("amiss", "I7", f"the hash chain of {service} is broken at {chain.broken_at}")
    elif chain.verified != len(evidence.logs[service]):
        said = f"the hash chain of {service} covers {chain.verified} of {len(evidence.logs[service])} events"
        findings.add("amiss", "I7", said)
