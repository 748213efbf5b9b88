"""Tokens for the people of an embedded system, and the command that prints one."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.api import Failed

Data = Annotated[Path, typer.Option(envvar="STEWARD_DATA", help="Folder of the embedded system.")]
Url = Annotated[str, typer.Option(envvar="STEWARD_URL", help="Where Steward answers.")]
Token = Annotated[
    str | None,
    typer.Option(envvar="STEWARD_TOKEN", help="Bearer token; without it one of root of the embedded system is used."),
]
DEFAULT_DATA, DEFAULT_URL = Path("var"), "http://127.0.0.1:8000"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def token(
    name: Annotated[str, typer.Argument(help="Whose token: alice, bob, erin, carol, dave or root.")],
    data: Data = DEFAULT_DATA,
    lifetime: Annotated[str, typer.Option(help="How long it is valid: 90s, 30m, 12h, 2d.")] = "12h",
) -> None:
    """Print a bearer token of the embedded system for NAME.

    For instance: curl -H "Authorization: Bearer $(steward token alice)" http://127.0.0.1:8000/incident/incidents
    """
    print(issued(name, data, duration(lifetime)))


def issued(name: str, data: Path, lifetime: timedelta = timedelta(hours=12)) -> str:
    """A token signed with the key in `data`. Raises Failed for a person or folder that is not there."""
    # Imported here: the issuer brings the web framework with it, which the other commands need not wait for.
    from shared.local import issuer
    from shared.local.people import PEOPLE
    from shared.settings import Settings

    if (person := PEOPLE.get(name)) is None:
        raise Failed(f"there is nobody called {name}; there are {', '.join(PEOPLE)}")
    if not (data / issuer.FOLDER / issuer.PRIVATE).exists():
        raise Failed(f"no embedded system has been started in {data}: start it, or name its folder with --data")
    settings = Settings()
    try:
        return issuer.load(data, settings.oidc_issuer, settings.oidc_audience).issue(person, lifetime)
    except (issuer.KeyExposed, OSError) as error:
        raise Failed(str(error)) from error


def bearer(given: str | None, data: Path) -> str:
    """The token that a command uses: the given one, or one of the embedded system's administrator."""
    return given or issued("root", data)


def duration(text: str) -> timedelta:
    """`90s`, `30m`, `12h`, `2d`. Raises typer.BadParameter for anything else and for nothing at all."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if not match:
        raise typer.BadParameter(f'"{text}" is not a lifetime such as 90s, 30m, 12h or 2d')
    return timedelta(**{UNITS[match[2]]: int(match[1])})
