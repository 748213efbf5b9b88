"""How the story is told: a record remembers its facts, a story counts sequences and log positions."""

from collections import Counter
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from contracts.envelope import Event, Message

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def identity(at: datetime, what: str) -> UUID:
    """The UUIDv7 of RFC 9562 for this instant; its random bits are a digest of `what`."""
    drawn = int.from_bytes(sha256(what.encode()).digest()[:10], "big")
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | (drawn >> 64 & 0xFFF) << 64 | 2 << 62 | drawn & (1 << 62) - 1)


def instant(text: str) -> datetime:
    """`2026-03-02 07:12` or `2026-03-02 07:12:30`, in UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


class Story:
    """The messages told so far, and the records that they are about by subject."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.records: dict[str, Record] = {}
        self._positions: Counter[str] = Counter()
        self._sequences: Counter[UUID] = Counter()

    def named(self, subject: str, name: str, at: str | None = None) -> Message:
        """The last message about this subject, or that of `at`, with this type given without prefix and version."""
        return next(
            each
            for each in reversed(self.messages)
            if (each.subject, each.type) == (subject, f"steward.{name}.v1")
            and at in (None, f"{each.occurred:%F %H:%M}")
        )

    def record(self, aggregate: UUID, subject: str, **known: object) -> "Record":
        """What the following messages are about; `known` are the facts that each of them repeats."""
        self.records[subject] = Record(self, aggregate, subject, known)
        return self.records[subject]

    def add(
        self,
        aggregate: UUID,
        subject: str,
        event: Event,
        at: datetime,
        actor: str,
        cause: Message | None,
        organisation: str | None,
        recorded: datetime | None,
    ) -> Message:
        source = "/" + event.topic.replace(".", "/")
        self._positions[source] += 1
        self._sequences[aggregate] += 1
        position = self._positions[source]
        message = Message(
            id=identity(recorded or at, f"{source} {position}"),
            source=source,
            type=event.wire_type(),
            subject=subject,
            aggregate_id=aggregate,
            sequence=self._sequences[aggregate],
            occurred=at,
            recorded=recorded or at,
            actor=actor,
            correlation=cause.correlation if cause else identity(at, f"command of {actor} at {at}"),
            causation=cause.id if cause else None,
            traceparent=TRACEPARENT,
            organisation=organisation,
            historical=recorded is not None,
            position=position,
            data=event.model_dump_json(),
        )
        self.messages.append(message)
        return message


class Record:
    """One aggregate of the story. What `tell` says about a fact it already knows stays known."""

    def __init__(self, story: Story, aggregate: UUID, subject: str, known: dict[str, object]) -> None:
        self.story, self.id, self.subject, self.known = story, aggregate, subject, known

    def tell(
        self,
        event: type[Event],
        at: str,
        actor: str,
        *,
        because: Message | None = None,
        recorded: str | None = None,
        **fields: object,
    ) -> Message:
        """`at`: see `instant`. `recorded` marks history, played in then. `fields` are those of the event."""
        for name in self.known.keys() & fields.keys():
            self.known[name] = fields[name]
        organisation = self.known.get("organisation")
        return self.story.add(
            self.id,
            self.subject,
            event.model_validate(self.known | fields),
            instant(at),
            actor,
            because,
            str(organisation) if organisation else None,
            instant(recorded) if recorded else None,
        )
