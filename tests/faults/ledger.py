"""What a client knows of its own commands, written down as it happens: the only witness that no server can spoil."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

Outcome = Literal["acknowledged", "refused", "unknown"]


@dataclass
class Command:
    """One command, however often it was sent. `expects` are the types of its events, in their order.

    `outcome` is that of the last attempt: acknowledged (2xx), refused (4xx), unknown (a broken connection or a 5xx:
    done or not done). `doubts` counts the unknown attempts before it.
    """

    correlation: UUID
    service: str
    path: str
    expects: tuple[str, ...]
    outcome: Outcome = "unknown"
    doubts: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The Idempotency-Key, the same for every attempt."""
        return str(self.correlation)

    def __str__(self) -> str:
        return f"{self.outcome} {self.path} {self.correlation}"


class Ledger:
    """All commands of a run, and the same in a file, line by line, for whoever looks into a failure."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.commands: list[Command] = []

    def begin(self, command: Command) -> None:
        self.commands.append(command)

    def note(self, command: Command) -> None:
        """An attempt has ended."""
        line = {"key": command.key, "path": command.path, "outcome": command.outcome, "answer": command.answer}
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def of(self, outcome: Outcome) -> Sequence[Command]:
        return [each for each in self.commands if each.outcome == outcome]
