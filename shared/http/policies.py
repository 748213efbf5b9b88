"""The routes for rules as data: apply a set of documents, and read what is in force and what was."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from shared import policies
from shared.database import Transaction
from shared.http.ask import JSON, Asked, Settled
from shared.http.query import Parameters
from shared.http.route import Room
from shared.policies import Document, Kind, Policy


class Documents(BaseModel):
    """At most 200 documents; see shared.policies for their shape."""

    model_config = ConfigDict(extra="forbid")

    documents: list[Annotated[dict[str, Any], WithJsonSchema(Document.model_json_schema())]] = Field(
        min_length=1, max_length=200
    )


class Applied(BaseModel):
    kind: str
    name: str
    version: int
    effective_from: datetime


class Outcome(BaseModel):
    """`applied` are new versions (what would be, in a dry run), `unchanged` the documents that are there already."""

    applied: list[Applied]
    unchanged: list[Applied]


class StoredPolicy(Applied):
    id: UUID
    spec: dict[str, Any]
    applied_by: str
    applied_at: datetime


class StoredPolicies(BaseModel):
    items: list[StoredPolicy]


class PolicyQuery(Parameters):
    dry_run: bool = False


def shown(policy: Policy) -> Applied:
    return Applied(kind=policy.kind, name=policy.name, version=policy.version, effective_from=policy.effective_from)


def router(service: str, kinds: Sequence[Kind]) -> Room:
    room = Room(tags=["policies"])

    @room.command("/policies", shows=Outcome, summary=f"Apply documents: {', '.join(kind.name for kind in kinds)}")
    async def apply(body: Documents, ask: Asked, query: Annotated[PolicyQuery, InQuery()]) -> Response:
        ask.require("policy:apply")

        async def act(transaction: Transaction) -> Settled:
            fresh, same = await policies.apply(transaction, body.documents, kinds, ask.cause(), dry_run=query.dry_run)
            outcome = Outcome(applied=[shown(each) for each in fresh], unchanged=[shown(each) for each in same])
            return Settled(outcome.model_dump_json())

        response = await ask.settle(act)
        await ask.runtime.read_policies()
        return response

    @room.reading("/policies", shows=StoredPolicies, summary="Every version of every document, as it was applied")
    async def stored(ask: Asked) -> Response:
        ask.require("policy:read")
        rows = await ask.database.rows(policies.READ, {})
        items = [{**row._mapping, "spec": msgspec.Raw(row.spec.encode())} for row in rows]
        return Response(msgspec.json.encode({"items": items}), media_type=JSON)

    return room
