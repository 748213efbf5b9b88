"""How a service says what it does when something happened elsewhere.

A room's handlers.py ends in a table, `HANDLERS: Handlers = (Projection(...), Reaction(...))`. Each handler gets the
events of its classes as a list, in the order of each record, inside the transaction that also remembers them as taken
in; so its effect happens once. A Projection keeps rows that can be dropped and derived again from the topics; a
Reaction acts on the service's own records and is never run again.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import FromClause

from contracts.envelope import Event, Message
from shared.database import Cause, Transaction

E = TypeVar("E", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True)
class Delivery(Generic[E]):
    """An event with the attributes it came with; `traceparent` is the trace context of taking it in, with spans."""

    event: E
    message: Message
    traceparent: str | None = None

    def cause(self, now: datetime, actor: str | None = None) -> Cause:
        """The cause of what follows from this event: same correlation, the event as causation, its own instant."""
        return Cause(
            actor=actor or self.message.actor,
            occurred=self.message.occurred,
            recorded=now,
            correlation=self.message.correlation,
            causation=self.message.id,
            traceparent=self.traceparent or self.message.traceparent,
            historical=self.message.historical,
        )


@dataclass(frozen=True, slots=True)
class Work:
    """What a handler works with: the open transaction, and the time."""

    transaction: Transaction
    now: datetime


Handle = Callable[[Sequence[Delivery[Any]], Work], Awaitable[None]]


@dataclass(frozen=True)
class Projection:
    """`handle` derives the rows of `tables` (mapped classes' `__table__`) from these classes of events and from nothing
    else."""

    handle: Handle
    events: tuple[type[Event], ...]
    tables: tuple[FromClause, ...]


@dataclass(frozen=True)
class Reaction:
    """`handle` changes the service's own records because of these classes of events."""

    handle: Handle
    events: tuple[type[Event], ...]


Processing = Callable[[str, Projection | Reaction, list[Delivery[Any]]], AbstractContextManager[list[Delivery[Any]]]]
"""What is put around a handler's work: its topic, the handler and its events; gives the events to work with."""


def untraced(_: str, __: Projection | Reaction, events: list[Delivery[Any]]) -> nullcontext[list[Delivery[Any]]]:
    """Without spans."""
    return nullcontext(events)


Handlers = tuple[Projection | Reaction, ...]


def topics(handlers: Handlers) -> list[str]:
    """The topics these handlers need, sorted."""
    return sorted({event.topic for handler in handlers for event in handler.events})


def name(handler: Projection | Reaction) -> str:
    """Under which it is remembered what a handler has had."""
    return handler.handle.__name__
