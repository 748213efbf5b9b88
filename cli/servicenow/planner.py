"""What one row of a ServiceNow log says happened, as verbs of Steward's public API.

Each row is compared with the accepted row of the same incident before it; the first one opens the record. What a
column becomes:

| column | becomes |
|---|---|
| incident_state | start, wait, resume, resolve, close, cancel; out of Resolved or Closed: reopen, then the rest |
| assignment_group, assigned_to | assign (`null` = nobody) |
| impact, urgency | prioritise; the priority itself is the matrix's business |
| category, subcategory, u_symptom, cmdb_ci | classify |
| problem_id | link; a problem that vanishes is a remark, for links are not undone |
| location, vendor, rfc, caused_by, knowledge, notify, caller … | a remark: the note of a move, or a comment |
| made_sla, active, priority and the counters | nothing: Steward computes them itself |

A row in which none of these changed (one in five: somebody saved, the log does not say what) has no steps. It counts as
read and leaves no event, since nothing is known to have happened.

`opened_at`, `closed_code`, `resolved_*` and `closed_at` hold the final value on every row. `opened_at` is true from
the start and is when the record opens. The code is only read by the last resolving and the last closing row: of
earlier ones it is not recorded. `resolved_at` and `closed_at` are never read: a row's own time is when it happened, and
`closed_at` is moved by later saves of a closed record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import NamedTuple, NotRequired, TypedDict

from cli.servicenow.dates import instant
from cli.servicenow.log import MISSING, VISIBLE, History, Reject, Row

NOT_RECORDED = "not recorded"
REMARKED = (
    "location", "vendor", "rfc", "caused_by", "knowledge", "notify", "contact_type", "caller_id",
    "u_priority_confirmation",
)  # fmt: skip
CLASSIFIED = {"category": "category", "subcategory": "subcategory", "u_symptom": "symptom", "cmdb_ci": "ci"}
LABELS = {"u_priority_confirmation": "priority confirmed", "caller_id": "caller", "contact_type": "contact type"}
LEVELS = {"1": 1, "2": 2, "3": 3}


class State(StrEnum):
    NEW = "new"
    ACTIVE = "active"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Standing(NamedTuple):
    """Where a row says the incident stands; `reason` is what a waiting one waits for."""

    state: State
    reason: str | None = None


STANDINGS = {
    "New": Standing(State.NEW),
    "Active": Standing(State.ACTIVE),
    "In Progress": Standing(State.ACTIVE),
    "Awaiting User Info": Standing(State.WAITING, "user"),
    "Awaiting Vendor": Standing(State.WAITING, "vendor"),
    "Awaiting Problem": Standing(State.WAITING, "problem"),
    "Awaiting Evidence": Standing(State.WAITING, "evidence"),
    "Resolved": Standing(State.RESOLVED),
    "Closed": Standing(State.CLOSED),
    "Canceled": Standing(State.CANCELLED),
    "Cancelled": Standing(State.CANCELLED),
}

Body = dict[str, object]


class Step(TypedDict):
    """One verb of POST /incident/history: steps of one row happen together or not at all."""

    row: int
    at: str
    actor: NotRequired[str]
    action: str
    body: Body


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send for one incident. `rows` counts all its rows, those without steps and the rejected included."""

    reference: str
    steps: list[Step]
    rejects: list[Reject]
    rows: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where imported incidents belong, and the zone the log's dates are in."""

    organisation: str
    service: str | None = None
    zone: tzinfo = UTC


class Unacceptable(ValueError):
    """This row cannot become verbs; the text is the reason a person reads."""


def plan(history: History, target: Target) -> Plan:
    """The steps of one incident. A row that cannot be used is rejected; the next is compared with the last good one."""
    steps: list[Step] = []
    rejects = list(history.rejects)
    final = _last_arrivals(history.rows)
    before: Row | None = None
    for row in history.rows:
        try:
            at = _time("sys_updated_at", row.sys_updated_at, target.zone)
            if before is None:
                steps += _first(row, at, target, final)
            elif row[VISIBLE] != before[VISIBLE]:
                steps += _following(before, row, at, final)
        except ValueError as error:
            rejects.append(Reject(row.row, row.number, str(error), row.line))
            continue
        before = row
    return Plan(history.reference, steps, rejects, len(history.rows) + len(history.rejects))


def _first(row: Row, at: str, target: Target, final: set[int]) -> list[Step]:
    opened_at = _time("opened_at", row.opened_at, target.zone) if _known(row.opened_at) else at
    opened = _present(
        title=_title(row),
        description=_remarks(row.number, (), row),
        kind="incident",
        impact=_level("impact", row.impact),
        urgency=_level("urgency", row.urgency),
        organisation=target.organisation,
        service=target.service,
        caller=_known(row.caller_id),
        channel=_known(row.contact_type),
        group=_known(row.assignment_group),
        assignee=_known(row.assigned_to),
        occurred_at=opened_at,
        detected_at=opened_at,
        **{name: _known(getattr(row, column)) for column, name in CLASSIFIED.items()},
    )
    opening = _step(row.row, opened_at, _known(row.opened_by) or _known(row.sys_updated_by), "open", opened)
    verbs = _moves(Standing(State.NEW), _standing(row), row, final)
    if problem := _known(row.problem_id):
        verbs.insert(0, ("link", {"problem": problem}))
    return [opening, *_steps(row, at, verbs)]


def _following(before: Row, row: Row, at: str, final: set[int]) -> list[Step]:
    standing, stood = _standing(row), _standing(before)
    moves = _moves(stood, standing, row, final) if standing != stood else []
    reopening, moving = [each for each in moves if each[0] == "reopen"], [each for each in moves if each[0] != "reopen"]
    verbs = _changes(before, row)
    remarks = _remarks("", before, row)
    if remarks:
        noted = next((body for name, body in moving if name in ("wait", "resume", "resolve", "close")), None)
        if noted is not None:
            noted["note"] = remarks
        else:
            verbs.append(("comment", {"text": remarks, "internal": True}))
    # Out of Resolved or Closed first, into a state last: what changes besides changes in an open record.
    return _steps(row, at, [*reopening, *verbs, *moving])


def _changes(before: Row, row: Row) -> list[tuple[str, Body]]:
    verbs: list[tuple[str, Body]] = []
    if (row.impact, row.urgency) != (before.impact, before.urgency):
        levels: Body = {"impact": _level("impact", row.impact), "urgency": _level("urgency", row.urgency)}
        verbs.append(("prioritise", levels))
    classified: Body = {
        name: _known(getattr(row, column))
        for column, name in CLASSIFIED.items()
        if getattr(row, column) != getattr(before, column)
    }
    if classified:
        verbs.append(("classify", classified))
    if (row.assignment_group, row.assigned_to) != (before.assignment_group, before.assigned_to):
        verbs.append(("assign", {"group": _known(row.assignment_group), "assignee": _known(row.assigned_to)}))
    if row.problem_id != before.problem_id and (problem := _known(row.problem_id)):
        verbs.append(("link", {"problem": problem}))
    return verbs


def _moves(stood: Standing, standing: Standing, row: Row, final: set[int]) -> list[tuple[str, Body]]:
    """The verbs from one standing to another; at most `reopen` and one more."""
    if standing == stood:
        return []
    if standing.state is State.NEW:
        raise Unacceptable(f"the incident goes back from {stood.state} to new, and no move leads there")
    if stood.state is State.CANCELLED:
        raise Unacceptable(f"the incident goes from cancelled to {standing.state}, and no move leads out of cancelled")
    verbs: list[tuple[str, Body]] = []
    if stood.state is State.CLOSED or (stood.state is State.RESOLVED and standing.state is not State.CLOSED):
        verbs.append(("reopen", {"reason": f"{stood.state} to {row.incident_state} in the imported log"}))
        stood = Standing(State.ACTIVE)
    code = (_known(row.closed_code) if row.row in final else None) or NOT_RECORDED
    match standing.state:
        case State.ACTIVE if stood.state is State.NEW:
            verbs.append(("start", {}))
        case State.ACTIVE if stood.state is State.WAITING:
            verbs.append(("resume", {}))
        case State.WAITING:
            verbs.append(("wait", {"reason": standing.reason}))
        case State.RESOLVED:
            verbs.append(("resolve", {"resolution_code": code}))
        case State.CLOSED:
            verbs.append(("close", {"closure_code": code}))
        case State.CANCELLED:
            verbs.append(("cancel", {"reason": "cancelled in the imported log"}))
    return verbs


def _last_arrivals(rows: Sequence[Row]) -> set[int]:
    """The rows that resolve and that close for the last time: the only ones whose code is already the final one."""
    last: dict[State, int] = {}
    state: State | None = None
    for row in rows:
        if (standing := STANDINGS.get(row.incident_state)) is None:
            continue
        if standing.state is not state:
            last[standing.state] = row.row
        state = standing.state
    return {number for state, number in last.items() if state in (State.RESOLVED, State.CLOSED)}


def _remarks(number: str, before: Row | tuple[()], row: Row) -> str:
    """What the log says besides, in a sentence; about a first row everything that is known."""
    if before:
        said = [_remark(name, value) for name in REMARKED if (value := getattr(row, name)) != getattr(before, name)]
        if row.problem_id != before.problem_id and not _known(row.problem_id):
            said.append("problem: none any more")
        return "; ".join(said)
    known = ((name, getattr(row, name)) for name in ("location", "vendor", "rfc", "caused_by"))
    told = (_remark(name, value) for name, value in known if _known(value))
    return "; ".join((f"Imported from ServiceNow {number}", *told))


def _remark(column: str, value: str) -> str:
    return f"{LABELS.get(column, column.replace('_', ' '))}: {_known(value) or 'none'}"


def _title(row: Row) -> str:
    """The log has no titles, so what it was classified as when it opened."""
    parts = (_known(value) for value in (row.category, row.subcategory, row.u_symptom))
    return ", ".join(part for part in parts if part) or row.number


def _standing(row: Row) -> Standing:
    try:
        return STANDINGS[row.incident_state]
    except KeyError:
        raise Unacceptable(f'incident_state "{row.incident_state}" is not a state of an incident') from None


def _level(column: str, text: str) -> int:
    level = LEVELS.get(text[:1])
    if level is None or text[1:2] not in ("", " "):
        raise Unacceptable(f'{column} "{text}" is not 1, 2 or 3')
    return level


def _time(column: str, text: str, zone: tzinfo) -> str:
    try:
        return instant(text, zone)
    except ValueError as error:
        raise Unacceptable(f"{column} {error}") from None


def _known(value: str) -> str | None:
    return None if value in ("", MISSING) else value


def _present(**fields: object) -> Body:
    return {name: value for name, value in fields.items() if value is not None}


def _steps(row: Row, at: str, verbs: Iterable[tuple[str, Body]]) -> list[Step]:
    actor = _known(row.sys_updated_by)
    return [_step(row.row, at, actor, action, body) for action, body in verbs]


def _step(row: int, at: str, actor: str | None, action: str, body: Body) -> Step:
    step: Step = {"row": row, "at": at, "action": action, "body": body}
    if actor:
        step["actor"] = actor
    return step
