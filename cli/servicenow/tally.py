"""What a plan would lead to, counted without a server, for a dry run."""

import itertools
from dataclasses import dataclass

from cli.servicenow.planner import Plan


@dataclass(slots=True)
class Tally:
    """Incidents; how many end closed; how many were reopened and given to another group at least once."""

    incidents: int = 0
    closed: int = 0
    reopened: int = 0
    reassigned: int = 0

    def add(self, plan: Plan) -> None:
        if not plan.steps:
            return
        actions = [step["action"] for step in plan.steps]
        groups = [step["body"].get("group") for step in plan.steps if step["action"] in ("open", "assign")]
        ends = [action for action in actions if action in ("close", "reopen")]
        self.incidents += 1
        self.closed += ends[-1:] == ["close"]
        self.reopened += "reopen" in actions
        self.reassigned += any(one != next_one for one, next_one in itertools.pairwise(groups))
