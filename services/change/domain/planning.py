"""What a change is and when: its class, its window, its text; and that another scope voids what was approved."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from contracts.change import Answer, ChangeClassified, ChangeEdited, ChangeScheduled
from contracts.envelope import Event
from contracts.terms import Change as Altered
from services.change.domain.approval import beforehand, voided
from services.change.domain.desk import Desk, conflict, figures, own, plans
from services.change.domain.orders import Classify, Edit, Schedule
from services.change.domain.progress import move
from services.change.lifecycle import LIFECYCLE, Action, State
from services.change.rules import approval
from services.change.rules.risk import class_of, near
from services.change.rules.windows import LONGEST
from services.change.tables import Change
from shared.errors import Invalid

PLAN = ("plan", "backout", "remedy", "backout_minutes", "backout_tested")
# What was approved is this; anything else may be worded better afterwards.
SCOPE = frozenset({"items", *PLAN})
NULLABLE = frozenset({"service", "backout_minutes", "backout_tested", "outage_minutes"})


def classify(change: Change, order: Classify, desk: Desk) -> list[Event]:
    """Class and risk by the rule, by a model, or declared. Others than before void what was approved with them."""
    LIFECYCLE.after(State(change.state), Action.CLASSIFY)
    before = (change.state, _class(change))
    previous = change.change_class
    if order.model is not None:
        standard(change, order.model, desk)
    else:
        rated(change, order.answers, desk, emergency=order.emergency)
    if before == (change.state, _class(change)):
        return []
    void = voided(change, "its class or risk is another one")
    if change.state == State.REQUESTED:
        move(change, Action.CLASSIFY)
    return [classified(change, previous), *void, *beforehand(change, desk)]


def _class(change: Change) -> tuple[object, ...]:
    return (
        change.change_class, change.risk, change.points, change.answers, change.rule, change.rule_version, change.model,
        change.model_version, *(getattr(change, name) for name in PLAN),
    )  # fmt: skip


def rated(change: Change, answers: Mapping[str, str] | None, desk: Desk, *, emergency: bool) -> None:
    """By the answers; an emergency's class is declared, and its risk known where somebody had the time to answer."""
    rule = desk.risk_rule
    if answers is not None:
        if faults := rule.faults(answers):
            errors: list[dict[str, object]] = [{"field": f"answers.{q}", "message": message} for q, message in faults]
            raise Invalid("; ".join(f"answers.{q}: {message}" for q, message in faults[:5]), errors=errors)
        points = rule.points(answers)
        change.points = sum(points.values())
        change.answers = [{"question": q, "answer": answers[q], "points": points[q]} for q in points]
        change.risk = rule.risk(change.points)
        change.rule, change.rule_version = desk.risk.name, desk.risk.version
    elif emergency:
        change.points, change.answers, change.risk, change.rule, change.rule_version = 0, [], None, None, None
    change.change_class = "emergency" if emergency else class_of(change.risk)  # type: ignore[arg-type]  # set above
    change.model = change.model_version = None


def standard(change: Change, name: str, desk: Desk) -> None:
    """As its model says: plan and back-out are those that were approved with it."""
    if name not in desk.models:
        raise Invalid.field("model", near(name, desk.models, "model of a standard change"))
    model = desk.model(name)
    change.change_class, change.risk, change.points, change.answers = "standard", "low", 0, []
    change.rule = change.rule_version = None
    change.model, change.model_version = name, desk.models[name].version
    for field in PLAN:
        setattr(change, field, getattr(model, field))


def classified(change: Change, previous: str | None) -> ChangeClassified:
    return ChangeClassified(
        **figures(change),
        **plans(change),
        answers=tuple(Answer(**each) for each in change.answers),
        points=change.points,
        rule=change.rule,
        rule_version=change.rule_version,
        previous_class=previous,
        model_version=change.model_version,
    )


def schedule(change: Change, order: Schedule, desk: Desk) -> list[Event]:
    own(change, desk, approval.OWN)
    move(change, Action.SCHEDULE)
    events = rescheduled(change, order.planned_start, order.planned_end, desk)
    return [*events, *voided(change, "its window is another one"), *beforehand(change, desk)] if events else []


def rescheduled(change: Change, begins: datetime | None, ends: datetime | None, desk: Desk) -> list[Event]:
    """Another window; nothing where it is the same. Refused in a freeze, but for an emergency."""
    if begins is not None and ends is None and change.model in desk.models:
        ends = begins + timedelta(minutes=desk.model(change.model).minutes)
    before = (change.planned_start, change.planned_end)
    if (begins, ends) == before:
        return []
    window(begins, ends)
    frozen = [each for each in desk.collisions if each.forbids]
    if frozen and change.change_class != "emergency":
        conflict(approval.FREEZE, f"the freeze {frozen[0].with_what} covers it then", freeze=frozen[0].with_what)
    change.planned_start, change.planned_end = begins, ends
    return [ChangeScheduled(**figures(change), previous_start=before[0], previous_end=before[1])]


def window(begins: datetime | None, ends: datetime | None) -> None:
    """Refuses what is no window."""
    if (begins is None) != (ends is None):
        raise Invalid.field("planned_end" if ends is None else "planned_start", "a window has a start and an end")
    if begins is None or ends is None:
        return
    if ends <= begins:
        message = "a window ends after it starts"
        conflict(approval.WINDOW_ORDER, message, errors=[{"field": "planned_end", "message": message}])
    if ends - begins > LONGEST:
        raise Invalid.field("planned_end", f"a window may have {LONGEST.days} days")


def edit(change: Change, order: Edit, desk: Desk) -> list[Event]:
    own(change, desk, approval.OWN)
    move(change, Action.EDIT)
    sent = order.model_fields_set
    fields = {name: getattr(order, name) for name in sorted(sent - {"planned_start", "planned_end"})}
    changes: dict[str, Altered] = {}
    for name, given in fields.items():
        if given is None and name not in NULLABLE:
            raise Invalid.field(name, "this cannot be taken away")
        after = list(dict.fromkeys(given)) if name == "items" else given
        if getattr(change, name) != after:
            changes[name] = Altered(before=_text(getattr(change, name)), after=_text(after))
            setattr(change, name, after)
    if change.model is not None and (kept := sorted(changes.keys() & set(PLAN))):
        conflict(
            approval.MODEL_ONLY,
            f"{', '.join(kept)}: a standard change is done as its model {change.model} says; classify it anew",
        )
    scope = not SCOPE.isdisjoint(changes)
    events: list[Event] = [ChangeEdited(**figures(change), changes=changes, scope_changed=scope)] if changes else []
    if sent & {"planned_start", "planned_end"}:
        begins = order.planned_start if "planned_start" in sent else change.planned_start
        ends = order.planned_end if "planned_end" in sent else change.planned_end
        moved = rescheduled(change, begins, ends, desk)
        events, scope = [*events, *moved], scope or bool(moved)
    return [*events, *(voided(change, "its scope is another one") if scope else []), *beforehand(change, desk)]


def _text(value: Any) -> str | int | bool | None:
    """A value as an event tells it; several are a text, one a line."""
    return "\n".join(value) if isinstance(value, list) else value
