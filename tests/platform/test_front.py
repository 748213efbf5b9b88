"""What belongs to the whole: readiness, metrics, the description of the API and its pages."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from shared.front import merged
from tests.builders import read
from tests.platform.streams import Stream
from tests.platform.test_commands import refused, sack
from tests.system import Steward

METHODS = {"get", "post", "patch", "put", "delete"}


async def test_a_system_that_works_is_alive_and_ready(village: Steward) -> None:
    client = village.client(None)
    assert (await client.get("/livez")).json() == {"status": "alive"}
    await village.drained()
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert set(answer.json()["services"]["bakery"]) == {"database", "relay", "consumer"}
    assert set(answer.json()["services"]["mill"]) == {"database", "relay"}


async def test_without_its_database_it_is_not_ready_and_says_so_but_lives(
    village: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> Any:
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(village.database("mill"), "rows", gone)
    monkeypatch.setattr(village.database("mill").driver, "fetch", gone)
    client = village.client("alice")
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert answer.json()["services"]["mill"]["database"]["ok"] is False
    assert answer.json()["services"]["bakery"]["database"]["ok"] is True
    assert (await client.get("/livez")).status_code == 200
    refusal = await client.get("/mill/sacks")
    refused(refusal, 503, "unavailable")
    assert refusal.headers["retry-after"] == "1"
    assert "nobody listens" not in refusal.text


async def test_a_consumer_that_does_not_get_on_is_not_ready(village: Steward, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = village.runtime("bakery").consumer
    assert consumer is not None
    monkeypatch.setattr(consumer, "healthy", lambda: False)
    answer = await village.client(None).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["services"]["bakery"]["consumer"]["ok"] is False


async def test_who_stops_is_not_ready_any_more(fresh_village: Steward) -> None:
    fresh_village.system.front.stopping = True
    answer = await fresh_village.client(None).get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopping")


async def test_metrics_are_there_for_requests_consumers_and_parked_messages(village: Steward) -> None:
    await sack(village)
    await village.drained()
    await village.client(None).get("/readyz")
    found = (await village.client(None).get("/metrics")).text
    for line in (
        r'steward_http_request_seconds_count{method="POST",route="/mill/sacks",service="mill",status="201"} [1-9]',
        r'steward_consumer_lag{service="bakery"} 0',
        r'steward_events_taken_total{service="bakery",topic="steward.mill"} [1-9]',
        r'steward_parked_messages{reason="poison",service="bakery"} \d',
    ):
        assert re.search(re.sub(r"([{}])", r"\\\1", line), found), line
    # A path is measured by its route: ids must not make a metric each.
    assert not re.search(r'route="[^"]*[0-9a-f]{8}-[0-9a-f]{4}', found)


async def test_paths_and_methods_that_nobody_foresaw_do_not_each_make_a_metric(village: Steward) -> None:
    for path in ("/mill/a1", "/mill/sacks/1/2/3", "/b2", "/mill/sacks/c3"):
        await village.client("alice").get(path)
    found = (await village.client(None).get("/metrics")).text
    assert not re.search(r'route="[^"]*(a1|b2|c3|/1/2/3)', found)


@pytest.mark.parametrize("path", ["", "*", "//", "/..", "/mill/../mill/sacks", "/mill//sacks", "http:"])
async def test_odd_paths_are_not_found_rather_than_faults(village: Steward, path: str) -> None:
    stream = await raw(village, {"type": "http", "method": "OPTIONS" if path == "*" else "GET", "path": path})
    assert stream.status in {404, 405, 307}, stream.text


async def test_a_websocket_is_refused(village: Steward) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await village.system.front({"type": "websocket", "path": "/mill/stream", "headers": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def raw(village: Steward, scope: dict[str, Any]) -> Stream:
    stream = Stream()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    whole = {"asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "query_string": b"", "headers": [],
             "client": None, "server": ("x", 80), "root_path": "", "raw_path": scope["path"].encode()}  # fmt: skip
    await village.system.front(whole | scope, receive, stream.send)
    return stream


def references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(tree, list):
        for each in tree:
            yield from references(each)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield path, method, operation


@pytest.fixture(scope="session")
async def described(steward: Steward) -> dict[str, Any]:
    """The merged description of every service there is."""
    return await read(steward.client(None), "/openapi.json")


class TestTheDescription:
    def test_it_is_openapi_3_1_with_every_path_of_every_service(self, described: Any, steward: Steward) -> None:
        assert described["openapi"].startswith("3.1.")
        assert set(described) >= {"openapi", "info", "paths", "components"}
        assert {path.split("/")[1] for path in described["paths"]} >= set(steward.services)
        for name, app in steward.system.front.services.items():
            assert {path for path in described["paths"] if path.startswith(f"/{name}/")} == set(app.openapi()["paths"])

    def test_every_schema_that_is_named_is_there_and_is_a_schema(self, described: Any) -> None:
        schemas = described["components"]["schemas"]
        for reference in references(described):
            place, _, name = reference.rpartition("/")
            assert (place, name in schemas) == ("#/components/schemas", True), reference
        for schema in schemas.values():
            Draft202012Validator.check_schema(schema)

    def test_parameters_of_a_path_are_those_in_its_braces(self, described: Any) -> None:
        for path, method, operation in operations(described):
            named = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
            assert sorted(named) == sorted(re.findall(r"{(\w+)}", path)), (method, path)
            every = [(each["in"], each["name"]) for each in operation.get("parameters", ())]
            assert len(every) == len(set(every)), (method, path)

    def test_every_operation_has_a_name_of_its_own_a_summary_and_a_tag(self, described: Any) -> None:
        names = [operation["operationId"] for _, _, operation in operations(described)]
        assert len(names) == len(set(names))
        for path, method, operation in operations(described):
            assert operation["summary"], (method, path)
            assert operation["tags"], (method, path)

    def test_every_command_takes_an_idempotency_key_and_changes_take_if_match(self, described: Any) -> None:
        for path, method, operation in operations(described):
            headers = {each["name"]: each for each in operation.get("parameters", ()) if each["in"] == "header"}
            if method == "post":
                assert "Idempotency-Key" in headers, path
            if method == "patch":
                assert headers["If-Match"]["required"] is True, path

    def test_refusals_are_described_as_problem_documents(self, described: Any) -> None:
        for path, method, operation in operations(described):
            if path.startswith(("/auth",)):
                continue
            content = operation["responses"]["4XX"]["content"]
            assert set(content) == {"application/problem+json"}, (method, path)
            assert "422" not in operation["responses"], (method, path)

    @pytest.mark.parametrize(
        ("method", "path", "name"),
        [
            ("post", "/incident/incidents", "openIncident"),
            ("get", "/incident/incidents", "listIncidents"),
            ("get", "/incident/incidents/{id}", "getIncident"),
            ("patch", "/incident/incidents/{id}", "editIncident"),
            ("post", "/incident/incidents/{id}/close", "closeIncident"),
            ("get", "/incident/incidents/{id}/timeline", "getIncidentTimeline"),
            ("post", "/incident/people", "addIncidentPerson"),
            ("post", "/incident/policies", "applyIncidentPolicies"),
            ("post", "/incident/history/complete", "completeIncidentHistory"),
            ("post", "/problem/problems/{id}/request-change", "requestChangeProblem"),
            ("post", "/sla/dead-letters/{id}/replay", "replaySlaDeadLetter"),
        ],
    )
    def test_operations_have_the_names_that_clients_call_them_by(
        self, described: Any, method: str, path: str, name: str
    ) -> None:
        assert described["paths"][path][method]["operationId"] == name

    def test_a_service_is_called_the_same_whoever_is_beside_it(self, described: Any, steward: Steward) -> None:
        for name, app in steward.system.front.services.items():
            alone = merged({name: app})
            for part in (("paths",), ("components", "schemas")):
                whole, own = described, alone
                for step in part:
                    whole, own = whole[step], own[step]
                assert {each: whole[each] for each in own} == own, name

    def test_only_a_body_that_needs_something_is_needed(self, described: Any) -> None:
        bodies = {path: item["post"]["requestBody"]["required"] for path, item in described["paths"].items()
                  if "requestBody" in item.get("post", ())}  # fmt: skip
        assert bodies["/incident/incidents"] is True
        assert bodies["/incident/incidents/{id}/start"] is False

    def test_it_says_how_to_sign_in(self, described: Any) -> None:
        assert described["security"] == [{"bearer": []}]
        assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def app_of(inner: type[BaseModel], outer: type[BaseModel], path: str) -> FastAPI:
    app = FastAPI()

    @app.get(path, response_model=outer)
    async def get() -> None:
        """Nothing."""

    assert inner
    return app


def test_schemas_of_one_name_and_different_content_stay_apart_with_all_that_refer_to_them() -> None:
    def models(field: str) -> tuple[type[BaseModel], type[BaseModel]]:
        inner = type("Item", (BaseModel,), {"__annotations__": {field: str}})
        # Word for word the same in both services, and yet not the same: it speaks of another Item.
        outer = type("Page", (BaseModel,), {"__annotations__": {"items": list[inner]}})  # type: ignore[valid-type]  # made here
        return inner, outer

    document = merged({"mill": app_of(*models("grain"), "/mill"), "bakery": app_of(*models("dough"), "/bakery")})
    fields = {}
    for path in ("/mill", "/bakery"):
        answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        page = document["components"]["schemas"][answer.rsplit("/", 1)[-1]]
        item = document["components"]["schemas"][page["properties"]["items"]["items"]["$ref"].rsplit("/", 1)[-1]]
        fields[path] = set(item["properties"])
    assert fields == {"/mill": {"grain"}, "/bakery": {"dough"}}


async def test_the_pages_of_the_api_need_no_other_host(village: Steward) -> None:
    client = village.client(None)
    page = await client.get("/docs")
    assert page.status_code == 200
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", page.text)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith("/")
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].split(";")[0] in {"text/css", "text/javascript", "application/javascript"}
    assert (await client.get("/")).headers["location"] == "/docs"
    assert (await client.get("/docs/files/../../front.py")).status_code == 404


async def test_the_events_are_described_too(steward: Steward) -> None:
    document = await read(steward.client(None), "/asyncapi.json")
    assert document["asyncapi"].startswith("3.")
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert {runtime.service.topic for runtime in steward.system.runtimes.values()} <= addresses


async def test_a_browser_is_told_not_to_guess(village: Steward) -> None:
    for path in ("/livez", "/docs", "/mill/sacks", "/mill/nowhere"):
        assert (await village.client("alice").get(path)).headers["x-content-type-options"] == "nosniff", path
