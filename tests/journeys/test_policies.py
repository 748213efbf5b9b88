"""Rules as data, from the file that a person edits to the next record that is judged by it."""

import copy
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.builders import read
from tests.journeys.desk import Desk
from tests.journeys.documents import agreement, always
from tests.journeys.test_across_services import clocks, opened

HOUR = 3_600_000_000


@pytest.mark.capability("SLM-2", "SLM-4")
async def test_an_agreement_applied_from_a_file_counts_for_the_next_record(desk: Desk, tmp_path: Path) -> None:
    name = f"applied-{uuid4().hex[:8]}"
    file = tmp_path / "policies.yaml"
    first = [always(name), agreement(name, name, close="8h")]
    file.write_text(yaml.safe_dump_all(first))
    code, said, errors = await desk.command("apply", "-f", file)
    assert code == 0, errors
    assert name in said
    seen = (await clocks(desk, await opened(desk, service=name), close="running", resolve="running"))["close"]
    assert (seen["agreement"], seen["agreement_version"], seen["limit_microseconds"]) == (name, 1, 8 * HOUR)

    second = copy.deepcopy(first)
    second[1]["effective_from"] = "2020-01-02T00:00:00Z"
    second[1]["spec"]["targets"][0]["limits"]["3"] = "4h"
    file.write_text(yaml.safe_dump_all(second))
    code, _, errors = await desk.command("apply", "-f", file)
    assert code == 0, errors
    incident = await opened(desk, service=name)
    assert incident["priority"] == 3
    seen = (await clocks(desk, incident, close="running", resolve="running"))["close"]
    assert (seen["agreement_version"], seen["limit_microseconds"]) == (2, 4 * HOUR)


async def test_a_broken_policy_file_changes_nothing_and_says_which_line(desk: Desk, tmp_path: Path) -> None:
    name = f"broken-{uuid4().hex[:8]}"
    documents = [always(name), agreement(name, name)]
    documents[1]["spec"]["targets"][1]["limits"]["2"] = "soon"
    file = tmp_path / "policies.yaml"
    text = yaml.safe_dump_all(documents)
    file.write_text(text)
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "soon" in each)
    code, _, errors = await desk.command("apply", "-f", file)
    assert code == 1
    assert f"policies.yaml:{line}: " in errors
    incident = await opened(desk, service=name)
    await desk.drained()
    found = await read(desk.client("alice"), "/sla/clocks", record=incident["id"])
    assert found["items"] == []
