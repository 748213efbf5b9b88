"""fold(events) = row: whatever items and relationships go through, their events alone say what their rows say."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts import cmdb as contract
from contracts.cmdb import ItemTypeVersioned
from contracts.envelope import registry
from services.cmdb.domain.fold import fold
from services.cmdb.tables import Item, Relationship
from shared.database import columns
from tests.cmdb.samples import an_item, related
from tests.cmdb.test_past import Model
from tests.system import Steward


@pytest.mark.capability("CFG-5")
@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_the_events_of_any_history_fold_to_the_rows(travelled: Steward, data: st.DataObject) -> None:
    model = Model(travelled)
    for _ in range(data.draw(st.integers(3, 12))):
        await model.play(data)
    for id in model.items:
        await agree(travelled, Item, id)
    for id in model.edges.values():
        await agree(travelled, Relationship, id)


async def test_what_is_flagged_and_what_has_ended_folds_too(steward: Steward) -> None:
    printer, server = await an_item(steward, "printer"), await an_item(steward)
    edge = await related(steward, printer, "runs-on", server)
    for verb in ("maintain", "retire"):
        body = {"force": "x"} if verb == "retire" else {}
        answer = await steward.client("frank").post(f"/cmdb/items/{printer['id']}/{verb}", json=body)
        assert answer.status_code == 200
    await agree(steward, Item, printer["id"])
    await agree(steward, Relationship, edge["id"])


async def agree(steward: Steward, cls: Any, id: str) -> None:
    record = await steward.database("cmdb").load(cls, id)  # type: ignore[arg-type]  # the driver reads texts as well
    state = fold(await steward.runtime("cmdb").log.timeline(id))  # type: ignore[arg-type]
    assert state == {column: getattr(record, column) for column in columns(cls)}


def test_every_event_of_the_topic_has_its_place_in_the_fold() -> None:
    known = {*contract.ItemFact.__subclasses__(), *contract.RelationshipFact.__subclasses__(), ItemTypeVersioned}
    assert known == {each for each in registry().values() if each.topic == contract.TOPIC}
