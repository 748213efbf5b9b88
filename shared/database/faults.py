"""Which failures of a database are worth waiting for."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout


def passing(error: BaseException) -> bool:
    """Whether the same can work later: the database is away, or two transactions were in each other's way."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _away(error.orig)
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return _away(error)
    # The last is what the driver says where a server was killed while it was told something.
    return isinstance(error, OSError | TimeoutError | PoolTimeout | asyncpg.InternalClientError)


def _away(error: BaseException | None) -> bool:
    """By the class of the SQLSTATE: connection, serialisation, resources, shutdown, system; none: no server said it."""
    state = str(getattr(error, "sqlstate", None) or "")
    return not state or state[:2] in {"08", "40", "53", "57", "58"}
