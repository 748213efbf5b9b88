"""The life of an item and of a relationship, every way through them; and which role may take which way."""

from enum import StrEnum

from shared.lifecycle import Lifecycle


class Status(StrEnum):
    PLANNED = "planned"
    TEST = "test"
    LIVE = "live"
    MAINTENANCE = "maintenance"
    RETIRED = "retired"


class Action(StrEnum):
    TEST = "test"
    GO_LIVE = "go-live"
    MAINTAIN = "maintain"
    RETURN = "return"
    RETIRE = "retire"
    EDIT = "edit"


class Held(StrEnum):
    """Whether a relationship holds."""

    HOLDS = "holds"
    ENDED = "ended"


class RelationshipAction(StrEnum):
    REMOVE = "remove"


S, A = Status, Action
PRESENT = (S.PLANNED, S.TEST, S.LIVE, S.MAINTENANCE)
# Somebody relies on it: an item in maintenance is as much under control as a live one, or maintenance would be the way
# round change management.
IN_SERVICE = frozenset({S.LIVE, S.MAINTENANCE})

LIFECYCLE = Lifecycle(
    "an item",
    {
        (S.PLANNED, A.TEST): S.TEST,
        (S.PLANNED, A.GO_LIVE): S.LIVE,
        (S.TEST, A.GO_LIVE): S.LIVE,
        (S.LIVE, A.MAINTAIN): S.MAINTENANCE,
        (S.MAINTENANCE, A.RETURN): S.LIVE,
        # A retired item keeps its name and history for good; what comes in its place is another item.
        **{(status, A.RETIRE): S.RETIRED for status in PRESENT},
        **{(status, A.EDIT): status for status in PRESENT},
    },
)
RELATIONSHIP_LIFECYCLE = Lifecycle("a relationship", {(Held.HOLDS, RelationshipAction.REMOVE): Held.ENDED})

KEEPERS = frozenset({"configuration_manager"})
STAFF = frozenset(
    {
        "service_desk", "incident_manager", "problem_manager", "change_manager", "approver", "configuration_manager",
        "service_level_manager",
    }
)  # fmt: skip

# Role × verb. An administrator has each of them; customers' contacts have none: what runs where is nobody's else.
PERMISSIONS: dict[str, frozenset[str]] = {
    "item:register": KEEPERS,
    "item:read": STAFF,
    **{f"item:{action}": KEEPERS for action in Action},
    "relationship:read": STAFF,
    "relationship:add": KEEPERS,
    "relationship:remove": KEEPERS,
    "impact:read": STAFF,
    "estate:import": KEEPERS,
    "policy:read": STAFF,
    "policy:apply": KEEPERS,
    "log:follow": STAFF,
    "log:verify": STAFF,
    "dead-letter:read": STAFF,
    "dead-letter:settle": frozenset(),
}
