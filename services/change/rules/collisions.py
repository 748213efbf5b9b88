"""What collides (CHG-7): changes that meet on items or on what depends on them, freezes, major incidents, windows.

Pure: what reaches what in the graph comes in as an answer, `Reach`; who asks the graph is `queries.collisions`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.change.rules.windows import Freeze, Interval, Window, overlap

SPACE = UUID("6f6b1d6e-5f0c-5b7e-9c39-6d0e4f1f2a41")
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned: which change, on which items, for which service, by which team, when. `id` is None for a request
    that is not recorded yet."""

    id: UUID | None
    number: str | None
    items: tuple[str, ...]
    service: str | None
    group: str | None
    window: Interval
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """What lies around a change's items: the way to each name that a failure of them is felt by, and to each that they
    depend on, the items themselves among both. `complete`: no bound ended the search."""

    felt_by: Mapping[str, Path]
    depends_on: Mapping[str, Path]
    complete: bool = True

    def path(self, names: Iterable[str]) -> Path | None:
        """The shortest way to one of these names; the first of them by name where several are as near."""
        found = [ways[name] for name in names for ways in (self.felt_by, self.depends_on) if name in ways]
        return min(found, key=lambda path: (len(path), path), default=None)


@dataclass(frozen=True, slots=True)
class Major:
    """An open major incident."""

    id: UUID
    number: str
    service: str | None
    ci: str | None
    declared_at: datetime


@dataclass(frozen=True, slots=True)
class Collision:
    """One thing in the way. `id` is the same for both changes of a pair, and another one for another time."""

    id: UUID
    kind: str
    overlap_start: datetime
    overlap_end: datetime
    other: UUID | None = None
    other_number: str | None = None
    with_what: str | None = None
    path: Path = ()

    @property
    def forbids(self) -> bool:
        """Whether nobody can agree to it: a freeze ends, or the change is an emergency."""
        return self.kind == "freeze"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that a plan may collide with, named: freezes and windows by their documents' names."""

    others: Sequence[Plan]
    freezes: Mapping[str, Freeze]
    windows: Mapping[str, Window]
    majors: Sequence[Major]


def collisions(plan: Plan, reach: Reach, around: Surroundings) -> list[Collision]:
    """All of them, in the order of their beginning."""
    found = [
        *(each for other in around.others for each in _with_change(plan, reach, other)),
        *_freezes(plan, reach, around.freezes),
        *_majors(plan, reach, around.majors),
        *_windows(plan, reach, around.windows),
    ]
    return sorted(found, key=lambda each: (each.overlap_start, each.kind, each.with_what or "", str(each.other)))


def _with_change(plan: Plan, reach: Reach, other: Plan) -> Iterator[Collision]:
    both = overlap(plan.window, other.window)
    if both is None or other.id == plan.id:
        return
    path = reach.path(other.items)
    if path is not None:
        kind = "same-item" if len(path) == 1 else "dependent-item"
        yield _collision(plan, kind, both, other=other, path=path)
    if plan.group is not None and plan.group == other.group:
        yield _collision(plan, "same-team", both, other=other, what=plan.group)


def _freezes(plan: Plan, reach: Reach, freezes: Mapping[str, Freeze]) -> Iterator[Collision]:
    for name, freeze in freezes.items():
        both = overlap(plan.window, (freeze.begins, freeze.ends))
        path = () if freeze.everything else covers(plan, reach, (*freeze.services, *freeze.items))
        if both is not None and path is not None:
            yield _collision(plan, "freeze", both, what=name, path=path)


def _majors(plan: Plan, reach: Reach, majors: Sequence[Major]) -> Iterator[Collision]:
    for major in majors:
        concerned = [name for name in (major.ci, major.service) if name is not None]
        path = reach.path(concerned)
        if path is None and plan.service is not None and plan.service == major.service:
            path = (plan.service,)
        # When it will end is not known, so everything planned after its declaration meets it until it does.
        if path is not None and plan.window[1] > major.declared_at:
            both = max(plan.window[0], major.declared_at), plan.window[1]
            yield _collision(plan, "major-incident", both, what=major.number, path=path)


def _windows(plan: Plan, reach: Reach, windows: Mapping[str, Window]) -> Iterator[Collision]:
    for name, window in windows.items():
        path = covers(plan, reach, (*window.services, *window.items))
        outside = window.outside(*plan.window) if path is not None else None
        if path is not None and outside is not None:
            yield _collision(plan, "outside-window", outside, what=name, path=path)


def covers(plan: Plan, reach: Reach, names: Collection[str]) -> Path | None:
    """The way from the change to one of these names, where it is about one of them or is felt by one of them."""
    if plan.service is not None and plan.service in names:
        return (plan.service,)
    found = [reach.felt_by[name] for name in names if name in reach.felt_by]
    return min(found, key=lambda path: (len(path), path), default=None)


def _collision(
    plan: Plan, kind: str, both: Interval, *, other: Plan | None = None, what: str | None = None, path: Path = ()
) -> Collision:
    return Collision(
        id=identity(kind, [plan.id, other.id if other else None], what, both),
        kind=kind,
        overlap_start=both[0],
        overlap_end=both[1],
        other=other.id if other else None,
        other_number=other.number if other else None,
        with_what=what,
        path=path,
    )


def identity(kind: str, changes: Iterable[UUID | None], what: str | None, both: Interval) -> UUID:
    """Whoever of a pair is looked at, and however often: the same collision has the same id."""
    pair = sorted(str(each) for each in changes if each is not None)
    # A same-item collision becomes one of dependent items when the changed items are others: that is another one.
    return uuid5(SPACE, "|".join([kind, *pair, what or "", *(each.astimezone(UTC).isoformat() for each in both)]))
