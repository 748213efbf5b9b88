"""The command `steward`: which subcommands there are, and how a failure is told.

Exit codes: 0 done, 1 failed (one line on the error stream says why), 2 typed wrongly.
"""

import sys
from typing import Any

import typer
from click.exceptions import Abort
from typer.core import TyperGroup

from cli import checks, imports, policies, tokens
from cli.api import Failed
from cli.estate.command import estate


class Commands(TyperGroup):
    """Tells a failure in one line; a traceback would be for us, not for the person who typed the command."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Failed as error:
            print(f"steward: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
        except (KeyboardInterrupt, Abort):
            print("steward: stopped", file=sys.stderr)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="IT service management for ISO/IEC 20000: a client of Steward's public API.",
)
app.command()(policies.apply)
imports.app.command()(estate)
app.add_typer(imports.app, name="import")
app.command()(tokens.token)
app.command()(checks.doctor)
app.command()(checks.verify)


if __name__ == "__main__":
    app()
