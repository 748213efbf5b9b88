"""Holds the clients' ledger against all databases and topics: what was lost, what was done twice, what is out of order.

Pure: it is given the evidence and is itself tested on evidence that was tampered with.
"""

from collections.abc import Mapping, Sequence

from tests.faults.checker.findings import Effect, Evidence, Findings, Fold
from tests.faults.checker.stored import stored
from tests.faults.checker.taken import taken
from tests.faults.checker.told import told
from tests.faults.ledger import Command

__all__ = ["check"]


def check(
    commands: Sequence[Command],
    evidence: Evidence,
    effects: Sequence[Effect],
    folds: Mapping[str, Mapping[str, Fold]],
) -> Findings:
    """Everything that is wrong; nothing where all is as it was acknowledged. `folds` are by service and table."""
    findings = Findings()
    told(commands, evidence, findings)
    taken(evidence, effects, findings)
    stored(evidence, folds, findings)
    for late in evidence.late:
        findings.add("amiss", "I8", late)
    return findings
