"""The rule in force, for those who work in a transaction and have no request at hand."""

from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import text

from shared.database import Transaction

M = TypeVar("M", bound=BaseModel)
IN_FORCE = text(
    "SELECT CAST(spec AS text) AS spec FROM policy WHERE kind = :kind AND effective_from <= :at "
    "ORDER BY effective_from DESC LIMIT 1"
)


async def in_force(transaction: Transaction, kind: str, model: type[M], at: datetime, otherwise: M) -> M:
    """The newest version of the one document of this kind; `otherwise` while there is none."""
    spec = (await transaction.execute(IN_FORCE, {"kind": kind, "at": at})).scalar()
    return otherwise if spec is None else model.model_validate_json(spec)
