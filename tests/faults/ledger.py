"""What clients know of their own commands, written down as it happens: the only witness that no server can spoil."""

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
    done or not done). `doubts` counts the unknown attempts before it. `changed` is what it was answered when it was
    sent once more after everything had come back, where that was not the same.
    """

    correlation: UUID
    service: str
    path: str
    expects: tuple[str, ...]
    outcome: Outcome = "unknown"
    doubts: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict)
    who: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    changed: str | None = None

    @property
    def key(self) -> str:
        """The Idempotency-Key, the same for every attempt."""
        return str(self.correlation)

    def __str__(self) -> str:
        return f"{self.outcome} {self.path} {self.correlation}"


class Ledger:
    """All commands of a run; and each client's in a file of its own, attempt by attempt, for whoever looks into a
    failure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: list[Command] = []
        folder.mkdir(parents=True, exist_ok=True)

    def begin(self, command: Command) -> None:
        self.commands.append(command)

    def note(self, client: str, command: Command) -> None:
        """An attempt of this client has ended."""
        line = {"key": command.key, "path": command.path, "outcome": command.outcome, "answer": command.answer}
        with (self.folder / f"{client}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def of(self, outcome: Outcome) -> Sequence[Command]:
        return [each for each in self.commands if each.outcome == outcome]
