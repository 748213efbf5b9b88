"""The policies that come with Steward are accepted as they are written."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import applied
from tests.system import Steward

FOLDER = Path(__file__).parents[2] / "examples" / "policies"


class Words(yaml.SafeLoader):
    """Dates stay the text they are."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own form
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.load_all(path.read_text(), Loader=Words))


@pytest.mark.capability("SLM-2")
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
async def test_an_example_is_accepted_and_a_second_time_changes_nothing(fresh_steward: Steward, path: Path) -> None:
    by_service: dict[str, list[dict[str, Any]]] = {}
    for document in documents(path):
        by_service.setdefault(document["kind"].split("/")[0], []).append(document)
    for service, found in by_service.items():
        first = await applied(fresh_steward, service, found)
        assert [each["name"] for each in first["applied"]] == [each["name"] for each in found]
        again = await applied(fresh_steward, service, found)
        assert (again["applied"], len(again["unchanged"])) == ([], len(found))
