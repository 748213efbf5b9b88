"""Small ServiceNow logs for tests: rows as keyword arguments over a plausible default."""

from pathlib import Path

from cli.servicenow.log import Log, Row
from cli.servicenow.planner import Plan, Step, Target, plan

DEFAULTS = {
    "number": "INC0000045",
    "incident_state": "New",
    "made_sla": "true",
    "opened_by": "Opened by  8",
    "opened_at": "29/2/2016 01:16",
    "sys_updated_by": "Updated by 21",
    "sys_updated_at": "29/2/2016 01:23",
    "closed_code": "code 5",
    "resolved_at": "29/2/2016 11:29",
    "closed_at": "5/3/2016 12:00",
    "impact": "2 - Medium",
    "urgency": "2 - Medium",
    "assignment_group": "Group 56",
}
COLUMNS = tuple(dict.fromkeys((*DEFAULTS, *Row._fields[2:])))


def line(**values: str) -> str:
    """One row; `row(state="Active", at="1/3/2016 10:00")` and any column by its name."""
    given = {
        {"state": "incident_state", "at": "sys_updated_at"}.get(name, name): value for name, value in values.items()
    }
    return ",".join((DEFAULTS | given).get(column, "?") for column in COLUMNS)


def written(folder: Path, *lines: str, header: str = ",".join(COLUMNS)) -> Path:
    path = folder / "log.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def planned(folder: Path, *lines: str, target: Target | None = None) -> list[Plan]:
    with Log(written(folder, *lines)) as log:
        return [plan(history, target or Target("northwind", "mail")) for history in log.histories()]


def steps(folder: Path, *lines: str) -> list[Step]:
    """The steps of the only incident in the lines."""
    (only,) = planned(folder, *lines)
    return only.steps


def verbs(folder: Path, *lines: str) -> list[tuple[int, str]]:
    return [(step["row"], step["action"]) for step in steps(folder, *lines)]
