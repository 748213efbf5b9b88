"""From a message's text to an event of a class, and why that may not work."""

from pydantic import ValidationError

from contracts.envelope import Event, Message, registry


class Unread(Exception):
    """A message that no handler can be given."""

    def __init__(self, reason: str, fault: str) -> None:
        super().__init__(fault)
        self.reason = reason
        self.fault = fault


class NotFirst(Exception):
    """Earlier messages of the same record wait; they come first."""


def known(type: str) -> bool:
    """Whether there is a class for events of this type, wanted or not."""
    return type in registry()


def read(message: Message) -> Event:
    """The body as its class. Raises Unread where the type is unknown or the body does not fit it."""
    cls = registry().get(message.type)
    if cls is None:
        raise Unread("unknown-type", f"no event class is of type {message.type!r}")
    try:
        return cls.model_validate_json(message.data)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors())
        raise Unread("invalid", faults) from error
