"""Two tiny services that the tests of the platform run on: what is shared needs no noun of a real process.

The mill fills sacks and grinds them. The bakery follows it: it keeps what flour there is and prints a label for each
sack (projections; a label is a record with events of its own), and bakes a loaf of each ground sack (a reaction).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID, uuid5

from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import JSON, Boolean, Computed, DateTime, MetaData, Text, Uuid, text
from sqlalchemy import Sequence as Numbers
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.responses import Response

from contracts.envelope import Event
from shared.auth import Permissions
from shared.database import Record, naming
from shared.database.page import Listing
from shared.database.records import new
from shared.errors import Conflict
from shared.events.handling import Delivery, Handlers, Projection, Reaction, Work
from shared.http.ask import Asked, Query, View
from shared.http.route import Room
from shared.policies import Kind, Policy
from shared.service import Service

Instant = DateTime(timezone=True)
LABELS = UUID("5a0e6a0c-5d9f-4f2e-8f3e-7a6a0b6a1c11")


class SackFilled(Event):
    topic: ClassVar[str] = "steward.mill"
    name: ClassVar[str] = "sack.filled"
    grain: str
    weight: int


class SackNoted(Event):
    topic: ClassVar[str] = "steward.mill"
    name: ClassVar[str] = "sack.noted"
    note: str


class SackGround(Event):
    topic: ClassVar[str] = "steward.mill"
    name: ClassVar[str] = "sack.ground"
    fineness: int = 1


class RecipePublished(Event):
    topic: ClassVar[str] = "steward.mill"
    name: ClassVar[str] = "recipe.published"
    recipe: str


class LabelPrinted(Event):
    topic: ClassVar[str] = "steward.bakery"
    name: ClassVar[str] = "label.printed"
    weight: int


class LoafBaked(Event):
    topic: ClassVar[str] = "steward.bakery"
    name: ClassVar[str] = "loaf.baked"
    sack: UUID


EVENTS: dict[str, type[Event]] = {
    each.wire_type(): each for each in (SackFilled, SackNoted, SackGround, RecipePublished, LabelPrinted, LoafBaked)
}


class MillRow(DeclarativeBase):
    metadata = MetaData(naming_convention=naming)
    type_annotation_map = {datetime: Instant, str: Text, UUID: Uuid}  # noqa: RUF012


class BakeryRow(DeclarativeBase):
    metadata = MetaData(naming_convention=naming)
    type_annotation_map = {datetime: Instant, str: Text, UUID: Uuid}  # noqa: RUF012


SACKS = Numbers("sack_number", metadata=MillRow.metadata)
LABEL_NUMBERS = Numbers("label_number", metadata=BakeryRow.metadata)
LOAVES = Numbers("loaf_number", metadata=BakeryRow.metadata)


class Sack(Record, MillRow):
    __tablename__ = "sack"

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'SCK-' || nextval('sack_number')"))
    grain: Mapped[str]
    weight: Mapped[int]
    state: Mapped[str]
    notes: Mapped[list[str]] = mapped_column(JSON)
    filled_at: Mapped[datetime]
    ground: Mapped[bool] = mapped_column(Boolean, Computed("state = 'ground'", persisted=True))
    search: Mapped[str] = mapped_column(TSVECTOR, Computed("to_tsvector('simple', grain)", persisted=True))


class Flour(BakeryRow):
    __tablename__ = "flour"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    weight: Mapped[int]
    notes: Mapped[str]
    ground: Mapped[bool]


class Label(Record, BakeryRow):
    __tablename__ = "label"

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'LBL-' || nextval('label_number')"))
    weight: Mapped[int]


class Loaf(Record, BakeryRow):
    __tablename__ = "loaf"

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'LOAF-' || nextval('loaf_number')"))
    sack: Mapped[UUID]


# ---------------------------------------------------------------------------------------------------------- the mill


class Fill(BaseModel):
    model_config = ConfigDict(extra="forbid")
    grain: str = Field(max_length=1000)
    weight: int = Field(25, ge=1, le=10**6)
    organisation: str | None = None


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")
    note: str


class Grind(BaseModel):
    model_config = ConfigDict(extra="forbid")
    fineness: int = 1


class SackView(BaseModel):
    id: UUID
    number: str
    version: int
    organisation: str | None
    grain: str
    weight: int
    state: str
    notes: list[str]
    filled_at: AwareDatetime


class Sacks(BaseModel):
    items: list[SackView]
    next: str | None


class SackQuery(Query):
    grain: list[str] | None = None
    state: list[Literal["filled", "ground"]] | None = None
    organisation: str | None = None
    weight: int | None = None
    heavier: int | None = None
    at_least: int | None = None
    lighter: int | None = None
    at_most: int | None = None
    unowned: bool | None = None
    filled_after: AwareDatetime | None = None
    sack: UUID | None = None
    q: str | None = None


SACK_LIST = Listing(
    source="sack",
    shown={name: f'sack."{name}"' for name in SackView.model_fields},
    filters={
        "grain": ("grain", "any"),
        "state": ("state", "in"),
        "organisation": ("organisation", "eq"),
        "weight": ("weight", "eq"),
        "heavier": ("weight", "gt"),
        "at_least": ("weight", "gte"),
        "lighter": ("weight", "lt"),
        "at_most": ("weight", "lte"),
        "unowned": ("organisation", "null"),
        "filled_after": ("filled_at", "gte"),
        "sack": ("id", "eq"),
        "q": ("search", "search"),
    },
    sorts={"filled_at": ("filled_at", "timestamptz"), "weight": ("weight", "int"), "grain": ("grain", "text")},
    default="-filled_at",
)
VIEW = View(SackView)
STAFF = frozenset({"service_desk"})
COMMON = {
    "policy:read": STAFF,
    "policy:apply": frozenset[str](),
    "log:follow": STAFF | {"customer"},
    "log:verify": STAFF,
    "dead-letter:read": STAFF,
    "dead-letter:settle": frozenset[str](),
}
mill_permissions = Permissions(
    {"sack:fill": STAFF | {"customer"}, "sack:read": STAFF | {"customer"}, "sack:grind": STAFF, **COMMON},
    everything=frozenset({"administrator"}),
)
mill_routes = Room(tags=["sacks"])


@mill_routes.command("/sacks", shows=SackView, status=201, summary="Fill a sack")
async def fill(body: Fill, ask: Asked) -> Response:
    ask.require("sack:fill")
    sack = new(Sack, organisation=ask.scope or body.organisation, grain=body.grain, weight=body.weight, state="filled",
               notes=[], filled_at=ask.now)  # fmt: skip
    return await ask.create(sack, [SackFilled(grain=body.grain, weight=body.weight)], VIEW)


@mill_routes.command("/sacks/{id}/note", shows=SackView, summary="Write on it; the same note twice says nothing new")
async def note(id: UUID, body: Note, ask: Asked) -> Response:
    ask.require("sack:grind")

    def decide(sack: Sack) -> Sequence[Event]:
        if sack.notes and sack.notes[-1] == body.note:
            return []
        sack.notes = [*sack.notes, body.note]
        return [SackNoted(note=body.note)]

    return await ask.change(Sack, id, decide, VIEW)


@mill_routes.command("/sacks/{id}/grind", shows=SackView, summary="Grind it: once")
async def grind(id: UUID, body: Grind, ask: Asked) -> Response:
    ask.require("sack:grind")

    def decide(sack: Sack) -> Sequence[Event]:
        if sack.state != "filled":
            raise Conflict("it is ground already", allowed=[])
        sack.state = "ground"
        sack.notes = [*sack.notes, "ground"]
        return [SackNoted(note="ground"), SackGround(fineness=body.fineness)]

    return await ask.change(Sack, id, decide, VIEW)


@mill_routes.command("/sacks/{id}", method="PATCH", match=True, shows=SackView, summary="Write on it")
async def edit(id: UUID, body: Note, ask: Asked) -> Response:
    ask.require("sack:grind")

    def decide(sack: Sack) -> Sequence[Event]:
        sack.notes = [*sack.notes, body.note]
        return [SackNoted(note=body.note)]

    return await ask.change(Sack, id, decide, VIEW, match=True)


@mill_routes.reading("/sacks", shows=Sacks)
async def sacks(ask: Asked, query: Annotated[SackQuery, InQuery()]) -> Response:
    ask.require("sack:read")
    return await ask.page(SACK_LIST, query)


@mill_routes.reading("/sacks/{id}", shows=SackView)
async def sack(id: UUID, ask: Asked) -> Response:
    ask.require("sack:read")
    return await ask.show(Sack, id, VIEW)


class Recipe(BaseModel):
    model_config = ConfigDict(extra="forbid")
    flour: int


def recipe_published(policy: Policy) -> Event:
    return RecipePublished(recipe=policy.name)


mill = Service(
    name="mill", title="Milling", clause="-", rows=MillRow.metadata, routers=(mill_routes,),
    permissions=mill_permissions, policies=(Kind("mill/Recipe", Recipe, recipe_published),),
    told=lambda message: message.type in {SackFilled.wire_type(), SackNoted.wire_type()},
)  # fmt: skip


# -------------------------------------------------------------------------------------------------------- the bakery


class Oven:
    """What goes wrong in the handlers; a test sets it. Called with each delivery before its effect."""

    fault: Callable[[Delivery[Any]], None] = staticmethod(lambda delivery: None)


async def keep_flour(deliveries: Sequence[Delivery[Any]], work: Work) -> None:
    """One row for each sack: its weight, what was written on it in order, and whether it is ground."""
    for each in deliveries:
        Oven.fault(each)
        at = {"id": each.message.aggregate_id}
        if isinstance(each.event, SackFilled):
            row = at | {"number": each.message.subject, "weight": each.event.weight}
            await work.transaction.execute(
                text("INSERT INTO flour (id, number, weight, notes, ground) VALUES (:id, :number, :weight, '', false)"),
                row,
            )
        elif isinstance(each.event, SackNoted):
            await work.transaction.execute(
                text("UPDATE flour SET notes = notes || :note || ';' WHERE id = :id"), at | {"note": each.event.note}
            )
        else:
            await work.transaction.execute(text("UPDATE flour SET ground = true WHERE id = :id"), at)


async def print_label(deliveries: Sequence[Delivery[SackFilled]], work: Work) -> None:
    for each in deliveries:
        label = new(Label, weight=each.event.weight)
        label.id = uuid5(LABELS, str(each.message.aggregate_id))
        work.transaction.record(label, [LabelPrinted(weight=each.event.weight)], each.cause(work.now))


async def bake(deliveries: Sequence[Delivery[SackGround]], work: Work) -> None:
    for each in deliveries:
        loaf = new(Loaf, sack=each.message.aggregate_id)
        work.transaction.record(loaf, [LoafBaked(sack=each.message.aggregate_id)], each.cause(work.now))


HANDLERS: Handlers = (
    Projection(keep_flour, (SackFilled, SackNoted, SackGround), (Flour.__table__,)),
    Projection(print_label, (SackFilled,), (Label.__table__,)),
    Reaction(bake, (SackGround,)),
)
bakery = Service(
    name="bakery", title="Baking", clause="-", rows=BakeryRow.metadata, routers=(),
    permissions=Permissions(COMMON, everything=frozenset({"administrator"})), handlers=HANDLERS,
)  # fmt: skip
