"""What is folded: the facts of one record, and what they say about the record itself.

The kinds that matter are `opened`, `taken_up`, `waiting` (with reason), `resumed`, `resolved`, `reopened`, `closed`,
`cancelled` and `changed` (priority, service or organisation is another one); any other kind changes nothing but time.
"""

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from services.sla.rules.agreements import Subject

STATUS = MappingProxyType(
    {
        "opened": "new",
        "taken_up": "active",
        "waiting": "waiting",
        "resumed": "active",
        "resolved": "resolved",
        "reopened": "active",
        "closed": "closed",
        "cancelled": "cancelled",
    }
)
"""The record's status after a fact of this kind; any other kind leaves it."""

UNDONE = frozenset({"resolved", "closed"})
"""The facts that a reopening undoes."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to a record. `subject` is the record's kind, priority, organisation and service after
    it; `reason` is what is waited for or why it was cancelled; `historical` marks another system's past."""

    sequence: int
    at: datetime
    kind: str
    subject: Subject
    reason: str | None = None
    historical: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A record as its facts have it so far. `at` is the time of the last fact, never before its predecessor's
    (`time_went_back` says that it claimed to be); `standing` are the kinds of the facts that happened and were not
    undone by a reopening."""

    sequence: int
    at: datetime
    status: str | None
    waiting_for: str | None
    subject: Subject
    standing: frozenset[str]
    time_went_back: bool
    historical: bool

    @classmethod
    def first(cls, fact: Fact) -> "Record":
        """The record after its first fact."""
        reason = fact.reason if fact.kind == "waiting" else None
        standing, status = frozenset({fact.kind}), STATUS.get(fact.kind)
        return cls(fact.sequence, fact.at, status, reason, fact.subject, standing, False, fact.historical)

    def after(self, fact: Fact) -> "Record":
        """The record after the next fact. A fact whose time lies before its predecessor's counts as of that time."""
        back = fact.at < self.at
        status, waiting_for = self.status, self.waiting_for
        if fact.kind in STATUS:
            status = STATUS[fact.kind]
            waiting_for = fact.reason if fact.kind == "waiting" else None
        standing = self.standing
        if fact.kind == "reopened":
            standing -= UNDONE
        if fact.kind in UNDONE:
            standing |= {fact.kind, "taken_up"}
        elif fact.kind not in standing:
            standing |= {fact.kind}
        at = self.at if back else fact.at
        return Record(fact.sequence, at, status, waiting_for, fact.subject, standing, back, fact.historical)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON data."""
        return {
            "sequence": self.sequence,
            "at": self.at.isoformat(),
            "status": self.status,
            "waiting_for": self.waiting_for,
            "subject": list(self.subject),
            "standing": sorted(self.standing),
            "time_went_back": self.time_went_back,
            "historical": self.historical,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Record":
        """The reverse of `to_json`."""
        return cls(
            **{
                **data,
                "at": datetime.fromisoformat(data["at"]),
                "subject": Subject(*data["subject"]),
                "standing": frozenset(data["standing"]),
            }
        )
