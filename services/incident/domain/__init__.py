"""The verbs of an incident. Each changes the record and returns what is now true; VERBS is all of them, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.envelope import Event
from services.incident.domain import causes, details, informing, outages, progress
from services.incident.domain.desk import Desk
from services.incident.domain.opening import open_incident
from services.incident.domain.orders import (
    Acknowledge,
    ApplyWorkaround,
    Assign,
    Cancel,
    Classify,
    Close,
    Comment,
    Confirm,
    ConfirmChange,
    DismissChange,
    Edit,
    EndOutage,
    Escalate,
    Inform,
    Link,
    LogEffort,
    Open,
    Prioritise,
    RecordOutage,
    Reopen,
    Resolve,
    Resume,
    Start,
    SuspectChange,
    Unlink,
    Wait,
    WithdrawOutage,
)
from services.incident.lifecycle import Action
from services.incident.tables import Incident
from shared.orders import Order

__all__ = ["VERBS", "Desk", "Open", "Order", "Verb", "open_incident"]


@dataclass(frozen=True, slots=True)
class Verb:
    """What an order of this class does to an incident, in a sentence for the API's pages."""

    order: type[Order]
    act: Callable[[Incident, Any, Desk], list[Event]]
    summary: str


VERBS: Mapping[Action, Verb] = {
    Action.ASSIGN: Verb(Assign, details.assign, "Give it to a support group, a person, or both"),
    Action.START: Verb(Start, progress.start, "Take it up: somebody works on it now"),
    Action.WAIT: Verb(Wait, progress.wait, "Wait for the user, a vendor, a problem or evidence"),
    Action.RESUME: Verb(Resume, progress.resume, "What was waited for has come"),
    Action.RESOLVE: Verb(Resolve, progress.resolve, "The service is restored; the user has not confirmed it yet"),
    Action.CONFIRM: Verb(Confirm, progress.confirm, "The user says that it is solved: closes it"),
    Action.CLOSE: Verb(Close, progress.close, "Close it by staff's word"),
    Action.REOPEN: Verb(Reopen, progress.reopen, "It was not solved after all"),
    Action.CANCEL: Verb(Cancel, progress.cancel, "Withdraw it: nothing was to be solved"),
    Action.PRIORITISE: Verb(Prioritise, details.prioritise, "Impact and urgency anew; the matrix gives the priority"),
    Action.CLASSIFY: Verb(Classify, details.classify, "Say which service, configuration item and category it is about"),
    Action.ESCALATE: Verb(Escalate, details.escalate, "Ask for more skill (functional) or authority (hierarchic)"),
    Action.ACKNOWLEDGE: Verb(Acknowledge, details.acknowledge, "Take note of an escalation"),
    Action.LINK: Verb(Link, details.link, "Tie it to its parent, its problem, or the record it repeats"),
    Action.UNLINK: Verb(Unlink, details.unlink, "Untie it"),
    Action.COMMENT: Verb(Comment, details.comment, "Write on it, for the customer or internally"),
    Action.EDIT: Verb(Edit, details.edit, "Correct the title, description or caller"),
    Action.INFORM: Verb(Inform, informing.inform, "Tell the customer how it stands, and when it will be told again"),
    Action.APPLY_WORKAROUND: Verb(ApplyWorkaround, causes.apply_workaround, "The workaround of a known error was used"),
    Action.LOG_EFFORT: Verb(LogEffort, outages.log_effort, "Minutes that somebody worked on it"),
    Action.RECORD_OUTAGE: Verb(RecordOutage, outages.record, "A service could not be used from then on, or until then"),
    Action.END_OUTAGE: Verb(EndOutage, outages.end, "An outage ended, or ended at another time than was said"),
    Action.WITHDRAW_OUTAGE: Verb(WithdrawOutage, outages.withdraw, "There was no such outage"),
    Action.SUSPECT_CHANGE: Verb(SuspectChange, causes.suspect, "A change may have caused it"),
    Action.CONFIRM_CHANGE: Verb(ConfirmChange, causes.confirm, "The suspected change did cause it"),
    Action.DISMISS_CHANGE: Verb(DismissChange, causes.dismiss, "The suspected change did not cause it"),
}
