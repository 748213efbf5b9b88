"""One morning at a service desk, told in messages: where the committed example of every event comes from.

INC-1042 at Northwind's order portal is opened, misses its deadline, is resolved, reopened and confirmed, while the
problem behind it and the SLA clock on it move along. The values are chosen, the ids are derived from them, so that
the story is the same on every run.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from contracts.envelope import Message
from contracts.story import change, cmdb, incident, problem, sla
from contracts.story.teller import Story


@cache
def messages() -> tuple[Message, ...]:
    """The whole story: per producer in the order of its log, per record in the order of its sequence from 1."""
    story = Story()
    sla.policies(story)
    incident.policies(story)
    problem.policies(story)
    cmdb.policies(story)
    cmdb.estate(story)
    change.policies(story)
    problem.until_incident(story)
    incident.until_warning(story)
    sla.until_warning(story)
    incident.until_closed(story)
    sla.until_stopped(story)
    problem.until_closed(story)
    change.corrected(story)
    incident.others(story)
    sla.withdrawn(story)
    problem.others(story)
    cmdb.others(story)
    change.others(story)
    sla.looked_back(story)
    return tuple(story.messages)


@cache
def examples() -> Mapping[str, Message]:
    """The first message of each type, by wire type."""
    first: dict[str, Message] = {}
    for message in messages():
        first.setdefault(message.type, message)
    return MappingProxyType(dict(sorted(first.items())))
