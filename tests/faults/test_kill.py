"""The short run of `make faults`: kill -9 of every service, PostgreSQL and Kafka, while people's commands are
acknowledged. Nothing is lost, nothing is done twice, nothing is out of order, and all of it comes back by itself."""

import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.local import kafka as local_kafka
from shared.local.processes import CannotStart
from shared.local.system import found_services
from tests.conftest import not_available
from tests.faults.campaign import Campaign

pytestmark = pytest.mark.kafka


@pytest.mark.timeout(480)
async def test_nothing_acknowledged_is_lost_doubled_or_inverted_by_any_kill(
    workplace: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        local_kafka.jars(), local_kafka.java()
    except CannotStart as reason:
        not_available(reason)
    seed = int(os.environ.get("STEWARD_FAULTS_SEED") or random.randrange(1_000_000))
    said: list[str] = []
    campaign = Campaign(seed, len(found_services()) + 3, workplace / "faults", free_port(), said.append)
    campaign.announce()
    outcome = await campaign.run()
    told = "\n".join((f"STEWARD_FAULTS_SEED={seed}", *said, *map(str, outcome.findings.all[:20])))
    assert outcome.clean, told
    assert outcome.kills == sum(each.kills for each in campaign.strikes), told
    assert len(outcome.ledger.of("acknowledged")) > 10 * outcome.kills, told
    assert json.loads((workplace / "faults" / "report.json").read_text())["line"] == outcome.line()
    with capsys.disabled():
        sys.stdout.write(f"\nSTEWARD_FAULTS_SEED={seed} {outcome.line()}\n")
