"""The policy documents of this service by kind, and their specs as stored.

Names, versions and effective-from instants belong to the document around a spec.
"""

from types import MappingProxyType
from typing import Any

from services.sla.rules.agreement_spec import AgreementSpec
from services.sla.rules.calendar_spec import CalendarSpec, Part
from services.sla.rules.service_spec import ServiceSpec

SPECS: MappingProxyType[str, type[CalendarSpec | AgreementSpec | ServiceSpec]] = MappingProxyType(
    {"sla/Calendar": CalendarSpec, "sla/Agreement": AgreementSpec, "sla/Service": ServiceSpec}
)


def stored(spec: Part) -> dict[str, Any]:
    """The spec as JSON data that validates to the same spec again."""
    return spec.model_dump(mode="json", by_alias=True)
