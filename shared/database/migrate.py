"""Brings a service's database to its newest schema; safe when many replicas start at once.

A service's revisions lie in its migrations/versions. They are run here rather than by an env.py of each service's own:
what would be the same in all of them is written once.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.events.tables import METADATA

LOCK = 7_316_003
TURN = asyncio.Lock()


def revisions(folder: Path) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def upgrade(connection: Connection, folder: Path) -> None:
    """Run what is not yet run, in one transaction, under a lock that a second replica waits for."""
    scripts = revisions(folder)

    def steps(revision: Any, _: Any) -> Any:
        return scripts._upgrade_revs("head", revision)

    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    context = MigrationContext.configure(connection, opts={"fn": steps, "script": scripts})
    with Operations.context(context):
        context.run_migrations()


async def migrate(url: str, folder: Path) -> None:
    """Upgrade the database at `url` by the revisions in `folder`; all or nothing. Raises what PostgreSQL refuses."""
    engine = create_async_engine(url)
    try:
        # alembic's `op` is one for the whole process: two databases cannot be upgraded at a time.
        async with TURN, engine.begin() as connection:
            await connection.run_sync(upgrade, folder)
    finally:
        await engine.dispose()


async def pending(url: str, folder: Path) -> str | None:
    """The revision that is wanted and not there; None where the database is at its newest schema."""
    wanted = revisions(folder).get_current_head()
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            known = (await connection.execute(text("SELECT to_regclass('alembic_version')"))).scalar()
            found = None
            if known:
                found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    finally:
        await engine.dispose()
    return None if found == wanted else wanted


def drafted(connection: Connection, rows: MetaData) -> str:
    """The body of `upgrade()` that would bring this database to what the tables say; empty where it is there."""
    context = MigrationContext.configure(connection, opts={"target_metadata": [METADATA, rows], "compare_type": True})
    # Typed for one MetaData; several are documented for target_metadata and work here too.
    operations = produce_migrations(context, cast("MetaData", [METADATA, rows])).upgrade_ops
    if operations is None or operations.is_empty():
        return ""
    return render_python_code(operations, migration_context=context)


async def difference(url: str, rows: MetaData) -> str:
    """See `drafted`."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(drafted, rows)
    finally:
        await engine.dispose()


REVISION = '''"""{title}"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "{revision}"
down_revision = {previous!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
{before}    {body}
{after}

def downgrade() -> None:
    """Schemas only grow: an older program runs on a newer schema, so there is nothing to take back."""
'''


def write(folder: Path, title: str, body: str, before: Sequence[str] = (), after: Sequence[str] = ()) -> Path:
    """A new revision file after the newest one; `before` and `after` are SQL statements around the drafted body."""
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    previous = revisions(folder).get_current_head()
    revision = f"{len(list(versions.glob('*.py'))) + 1:04d}"
    path = versions / f"{revision}_{title.replace(' ', '_')}.py"
    statements = ["".join(f"    op.execute({sql!r})\n" for sql in part) for part in (before, after)]
    content = {"title": title, "revision": revision, "previous": previous, "body": body}
    path.write_text(REVISION.format(**content, before=statements[0], after=statements[1]))
    return path
