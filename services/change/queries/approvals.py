"""Approvals that were given, and delegations that are in force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from uuid_utils.compat import uuid7

from contracts.change import ApprovalGiven
from services.change.rules.approval import Given
from services.change.tables import Change
from shared.database import Transaction
from shared.database.graph import Rows
from shared.database.page import Listing

GIVEN = text(
    'SELECT step, "by", for_whom, given_at, note, round FROM approval WHERE change = :change ORDER BY given_at, id'
)
# Shared with whoever else approves by it; whoever takes it back waits until this is decided.
DELEGATED = text(
    "SELECT roles FROM delegation WHERE approver = :approver AND delegate = :delegate AND begins <= :now "
    "AND ends > :now AND ended_at IS NULL ORDER BY id FOR SHARE"
)
GIVE = text(
    'INSERT INTO approval (id, change, requester, round, step, "by", for_whom, counted, given_at, note) VALUES '
    "(:id, :change, :requester, :round, :step, :by, :for_whom, coalesce(CAST(:for_whom AS text), :by), :now, :note)"
)
DELEGATIONS = Listing(
    source="delegation",
    shown={name: f"delegation.{name}" for name in (
        "id", "number", "version", "approver", "delegate", "roles", "begins", "ends", "granted_at", "ended_at")},
    filters={
        "approver": ("approver", "eq"),
        "delegate": ("delegate", "eq"),
        "at": ("(ended_at IS NULL OR ended_at > :f_at) AND ends > :f_at AND begins", "lte"),
    },
    sorts={"granted_at": ("granted_at", "timestamptz")},
    default="-granted_at",
)  # fmt: skip


async def all_given(database: Rows, change: UUID) -> Sequence[Any]:
    """Every approval of a change, of every round, in order."""
    return await database.rows(GIVEN, {"change": change})  # type: ignore[no-any-return]  # Rows' answer


async def given(database: Rows, change: Change) -> list[Given]:
    """The approvals that count now."""
    rows = await all_given(database, change.id)
    return [Given(row.step, row.by, row.for_whom, row.given_at, row.note) for row in rows if row.round == change.round]


async def delegated(transaction: Transaction, approver: str, delegate: str, now: datetime) -> frozenset[str] | None:
    """The roles that somebody approves with in another's place now; None where there is no delegation."""
    rows = await transaction.rows(DELEGATED, {"approver": approver, "delegate": delegate, "now": now})
    return frozenset(role for row in rows for role in row.roles) if rows else None


async def keep(transaction: Transaction, change: Change, event: ApprovalGiven, now: datetime) -> None:
    """The row of an approval, whose constraints are the last word on who may not give one."""
    await transaction.execute(
        GIVE,
        {
            "id": uuid7(), "change": change.id, "requester": change.requester, "round": change.round,
            "step": event.step, "by": event.by, "for_whom": event.for_whom, "now": now, "note": event.note,
        },
    )  # fmt: skip
