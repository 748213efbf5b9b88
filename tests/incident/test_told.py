"""What a customer's contact hears on the stream: what happened to its records, never what staff write to each other."""

from dataclasses import replace

import pytest

from contracts.incident import IncidentCommented, IncidentEscalated, IncidentResolved
from contracts.story import messages
from services.incident.queries.timeline import told

SAMPLE = messages()[0]


@pytest.mark.parametrize(
    ("type", "data", "heard"),
    [
        (IncidentResolved.wire_type(), "{}", True),
        (IncidentCommented.wire_type(), '{"internal": false}', True),
        (IncidentCommented.wire_type(), '{"internal": true}', False),
        (IncidentEscalated.wire_type(), "{}", False),
        ("steward.priority_matrix.published.v1", "{}", False),
    ],
)
def test_a_customer_hears_of_what_concerns_it_alone(type: str, data: str, heard: bool) -> None:
    assert told(replace(SAMPLE, type=type, data=data)) is heard
