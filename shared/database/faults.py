"""Which failures of a database are worth waiting for."""

import asyncpg


def passing(error: BaseException) -> bool:
    """Whether the same can work later: the database is away, or two transactions were in each other's way."""
    if not isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        # The driver's internal error is what it says of a connection that ended between two of its messages.
        return isinstance(error, OSError | TimeoutError | asyncpg.InternalClientError)
    # By the class of the SQLSTATE: connection, serialisation, resources, shutdown, system; none: no server said it.
    state = str(getattr(error, "sqlstate", None) or "")
    return not state or state[:2] in {"08", "40", "53", "57", "58"}
