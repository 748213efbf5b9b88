"""Rules as data: documents with a kind and a name, in versions that take effect at an instant and are never edited.

A document is `{kind: sla/Calendar, name: office, effective_from: 2026-01-01T00:00:00Z, spec: {…}}`. A set of documents
is validated whole before any of it is stored; one whose content is the newest version's already changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import JSON, Column, DateTime, Index, Integer, Table, Text, UniqueConstraint, Uuid, text
from uuid_utils.compat import uuid7

from contracts.envelope import Event
from shared.database import Cause, Transaction
from shared.errors import Conflict, Invalid
from shared.events.tables import METADATA

POLICY = Table(
    "policy",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("effective_from", DateTime(timezone=True), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("applied_by", Text, nullable=False),
    Column("applied_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("kind", "name", "version"),
    Index(None, "kind", "name", "effective_from"),
)
LOCK = text("SELECT pg_advisory_xact_lock(7316004)")
READ = text(
    "SELECT id, kind, name, version, effective_from, spec::text AS spec, applied_by, applied_at FROM policy "
    "ORDER BY kind, name, version"
)


class Document(BaseModel):
    """One document as it is applied. `spec` is checked by the kind's own model."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    name: str = Field(min_length=1, max_length=200)
    effective_from: AwareDatetime
    spec: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """A stored version, or one that is `fresh`: about to be. `spec` is an instance of its kind's model."""

    id: UUID
    kind: str
    name: str
    version: int
    effective_from: datetime
    spec: Any
    fresh: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of document: its model, the event that tells of a new version, and what a whole set must satisfy.

    `check` gets all policies of the service as they would be, newest versions included, and returns faults as
    (kind, name, dotted path below the document, message).
    """

    name: str
    model: type[BaseModel]
    event: Callable[[Policy], Event]
    check: Callable[[Sequence[Policy]], Sequence[tuple[str, str, str, str]]] = lambda policies: ()


class Policies:
    """The policies of one service at hand, newest versions and all earlier ones."""

    def __init__(self, kinds: Sequence[Kind], found: Sequence[Policy]) -> None:
        self.kinds: Mapping[str, Kind] = {kind.name: kind for kind in kinds}
        self.found = tuple(sorted(found, key=lambda policy: policy.effective_from))
        self._of: dict[tuple[str, str | None], list[Policy]] = {}
        for policy in self.found:
            self._of.setdefault((policy.kind, policy.name), []).append(policy)
            self._of.setdefault((policy.kind, None), []).append(policy)

    def of(self, kind: str, name: str | None, at: datetime) -> Policy | None:
        """The version of a document that is in effect at an instant: the newest whose effective_from is not later.

        Without a name: of a kind of which there is one document, whatever it is called.
        """
        for policy in reversed(self._of.get((kind, name), ())):
            if policy.effective_from <= at:
                return policy
        return None

    def names(self, kind: str) -> list[str]:
        return sorted({policy.name for policy in self.found if policy.kind == kind})


async def stored(transaction: Transaction, kinds: Sequence[Kind]) -> list[Policy]:
    models = {kind.name: kind.model for kind in kinds}
    rows = await transaction.execute(READ)
    return [
        Policy(
            row.id, row.kind, row.name, row.version, row.effective_from, models[row.kind].model_validate_json(row.spec)
        )
        for row in rows
    ]


def planned(
    documents: Sequence[Mapping[str, Any]], kinds: Sequence[Kind], present: Sequence[Policy]
) -> tuple[list[Policy], list[Policy]]:
    """What these documents make new, and what they repeat. Raises Invalid that names every fault by its place."""
    by_name = {kind.name: kind for kind in kinds}
    newest = {(policy.kind, policy.name): policy for policy in present}
    fresh: list[Policy] = []
    same: list[Policy] = []
    place: dict[tuple[str, str], int] = {}
    errors: list[dict[str, object]] = []
    for number, content in enumerate(documents):
        where = f"documents.{number}"
        try:
            document = Document.model_validate(content)
            kind = by_name.get(document.kind)
            if kind is None:
                errors.append(_error(f"{where}.kind", f"one of {', '.join(sorted(by_name))}"))
                continue
            where += ".spec"
            spec = kind.model.model_validate(document.spec)
        except ValidationError as error:
            errors += _found(where, error)
            continue
        key = (document.kind, document.name)
        if key in place:
            errors.append(_error(f"documents.{number}.name", f"documents.{place[key]} is the same document"))
            continue
        place[key] = number
        last = newest.get(key)
        if last is not None and last.spec == spec and last.effective_from == document.effective_from:
            same.append(last)
            continue
        if last is not None and document.effective_from <= last.effective_from:
            message = (
                f"later than version {last.version}'s, {last.effective_from.isoformat()}: versions are never edited"
            )
            errors.append(_error(f"documents.{number}.effective_from", message))
            continue
        version = last.version + 1 if last else 1
        fresh.append(Policy(uuid7(), document.kind, document.name, version, document.effective_from, spec, fresh=True))
    if not errors:
        for kind in kinds:
            for of, name, path, message in kind.check([*present, *fresh]):
                errors.append(_error(f"documents.{place.get((of, name), 0)}.{path}", message))
    if errors:
        raise Invalid("; ".join(f"{each['field']}: {each['message']}" for each in errors[:5]), errors=errors)
    return fresh, same


def _error(field: str, message: str) -> dict[str, object]:
    return {"field": field, "message": message}


def _found(where: str, error: ValidationError) -> list[dict[str, object]]:
    return [
        _error(
            ".".join([where, *map(str, each["loc"])]),
            "this field is not known here" if each["type"] == "extra_forbidden" else each["msg"],
        )
        for each in error.errors(include_url=False, include_context=False)
    ]


async def apply(
    transaction: Transaction,
    documents: Sequence[Mapping[str, Any]],
    kinds: Sequence[Kind],
    cause: Cause,
    *,
    dry_run: bool,
) -> tuple[list[Policy], list[Policy]]:
    """Store the new versions with their events; under a lock, so that two callers cannot make the same version."""
    await transaction.execute(LOCK)
    fresh, same = planned(documents, kinds, await stored(transaction, kinds))
    if dry_run or not fresh:
        return fresh, same
    events = {kind.name: kind.event for kind in kinds}
    for policy in fresh:
        taken = await transaction.execute(
            text(
                "INSERT INTO policy (id, kind, name, version, effective_from, spec, applied_by, applied_at) VALUES "
                "(:id, :kind, :name, :version, :effective_from, CAST(:spec AS json), :by, :at) ON CONFLICT DO NOTHING "
                "RETURNING id"
            ),
            {
                "id": policy.id, "kind": policy.kind, "name": policy.name, "version": policy.version,
                "effective_from": policy.effective_from, "spec": policy.spec.model_dump_json(by_alias=True),
                "by": cause.actor, "at": cause.recorded,
            },
        )  # fmt: skip
        if taken.first() is None:
            raise Conflict(f"{policy.kind} {policy.name} got version {policy.version} from somebody else just now")
        await transaction.tell(policy.id, f"{policy.kind}/{policy.name}", events[policy.kind](policy), cause)
    return fresh, same
