"""What an event of an incident means to its clocks: the fact that is stored and folded."""

from types import MappingProxyType
from typing import Any

from contracts.envelope import Event
from contracts.incident import (
    EscalationAcknowledged,
    IncidentAssigned,
    IncidentCancelled,
    IncidentClassified,
    IncidentClosed,
    IncidentCommented,
    IncidentConfirmed,
    IncidentEdited,
    IncidentEscalated,
    IncidentFact,
    IncidentHistoryCompleted,
    IncidentLinked,
    IncidentOpened,
    IncidentPrioritised,
    IncidentReopened,
    IncidentResolved,
    IncidentResumed,
    IncidentStarted,
    IncidentUnlinked,
    IncidentWaiting,
)

# Every event of an incident is a fact: also one that moves no clock brings the record's figures and its time.
INCIDENT_KINDS: MappingProxyType[type[Event], str] = MappingProxyType(
    {
        IncidentOpened: "opened",
        IncidentStarted: "taken_up",
        IncidentWaiting: "waiting",
        IncidentResumed: "resumed",
        IncidentResolved: "resolved",
        IncidentReopened: "reopened",
        IncidentClosed: "closed",
        IncidentCancelled: "cancelled",
        IncidentPrioritised: "changed",
        IncidentClassified: "changed",
        IncidentAssigned: "assigned",
        IncidentConfirmed: "confirmed",
        IncidentEscalated: "escalated",
        EscalationAcknowledged: "acknowledged",
        IncidentCommented: "commented",
        IncidentLinked: "linked",
        IncidentUnlinked: "unlinked",
        IncidentEdited: "edited",
        IncidentHistoryCompleted: "history_completed",
    }
)
FOLLOWED: Any = tuple(INCIDENT_KINDS)


def meaning(event: IncidentFact, standing: frozenset[str]) -> tuple[str, str | None]:
    """The kind and reason of the fact, given the kinds of facts that stand so far."""
    kind = INCIDENT_KINDS[type(event)]
    if isinstance(event, IncidentWaiting):
        return kind, event.reason
    if isinstance(event, IncidentClosed) and event.duplicate_of is not None:
        # Nothing was promised for the same contact twice.
        return "cancelled", "duplicate"
    if isinstance(event, IncidentResumed) and "taken_up" not in standing:
        # A record that waited before anybody worked on it is taken up when it is resumed.
        return "taken_up", None
    return kind, None
