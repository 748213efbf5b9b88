"""How schemas and nouns are called in the OpenAPI document."""

import pytest

from shared.http.naming import schema_names, singular

NUMBER, TEXT = {"type": "integer"}, {"type": "string"}


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("incidents", "incident"),
        ("policies", "policy"),
        ("known-errors", "known-error"),
        ("processes", "process"),
        ("branches", "branch"),
        ("boxes", "box"),
        ("people", "person"),
        ("history", "history"),
        ("access", "access"),
    ],
)
def test_of_many_there_is_one(many: str, one: str) -> None:
    assert singular(many) == one


def test_what_every_service_has_keeps_its_name_and_the_rest_has_the_services() -> None:
    own = {"SackView": NUMBER, "MillView": TEXT, "Letter": TEXT}
    names = schema_names("mill", own, {"Letter": TEXT})
    assert names == {"SackView": "MillSackView", "MillView": "MillView", "Letter": "Letter"}


def test_a_services_own_model_of_a_common_name_is_not_taken_for_it() -> None:
    own = {"shared__http__Letter": TEXT, "services__mill__Letter": NUMBER}
    names = schema_names("mill", own, {"Letter": TEXT})
    assert names == {"shared__http__Letter": "Letter", "services__mill__Letter": "MillLetter"}


def test_a_model_that_is_read_and_written_differently_is_two() -> None:
    names = schema_names("mill", {"Sack-Input": NUMBER, "Sack-Output": TEXT}, {})
    assert names == {"Sack-Input": "MillSackInput", "Sack-Output": "MillSack"}
