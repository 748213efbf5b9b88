"""The people of the embedded system, one or two for each side of a process. Data; a deployment has its issuer's."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """`organisation` is that of a customer's contact; staff have none."""

    subject: str
    name: str
    roles: tuple[str, ...]
    organisation: str | None = None


PEOPLE: Mapping[str, Person] = {
    person.subject: person
    for person in (
        Person("alice", "Alice", ("service_desk",)),
        Person("bob", "Bob", ("change_manager",)),
        Person("erin", "Erin", ("approver",)),
        Person("frank", "Frank", ("configuration_manager",)),
        Person("grace", "Grace", ("problem_manager", "service_level_manager")),
        Person("heidi", "Heidi", ("incident_manager", "service_desk")),
        Person("carol", "Carol", ("customer",), organisation="northwind"),
        Person("dave", "Dave", ("customer",), organisation="contoso"),
        Person("root", "Root", ("administrator",)),
    )
}
