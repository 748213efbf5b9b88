"""States and moves of a record as one table. Pure: imports only the refusal it raises."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from shared.errors import Conflict

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


class Lifecycle(Generic[S, A]):
    """`moves` maps (state, action) to the state after it; what the table does not hold is refused."""

    def __init__(self, noun: str, moves: Mapping[tuple[S, A], S]) -> None:
        self.noun = noun
        self.moves = dict(moves)
        allowed: dict[S, list[A]] = {}
        for state, action in self.moves:
            allowed.setdefault(state, []).append(action)
        self._allowed = {state: tuple(actions) for state, actions in allowed.items()}

    def allowed(self, state: S) -> tuple[A, ...]:
        """The actions that the table has for this state, in the table's order."""
        return self._allowed.get(state, ())

    def after(self, state: S, action: A) -> S:
        """The state after the action. Raises Conflict that lists the allowed ones where the table has no such move."""
        try:
            return self.moves[state, action]
        except KeyError:
            names = [str(each) for each in self.allowed(state)]
            raise Conflict(
                f"cannot {action} {self.noun} while it is {state}; allowed now: {', '.join(names) or 'nothing'}",
                allowed=names,
            ) from None
