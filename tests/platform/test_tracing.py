"""Spans: one trace from a request through the events to what other services made of them, as a collector gets it."""

import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import text

from shared.events.handling import Delivery
from shared.service import Service
from shared.telemetry import TRACEPARENT
from shared.tracing import LAST_WORDS
from tests.builders import Json, told
from tests.platform.bakery import Oven, SackFilled, bakery, mill
from tests.system import SetClock, Steward, steward_of

TRACE, CALLERS = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTEXT = f"00-{TRACE}-{CALLERS}-01"
SERVER, CONSUMER, FAILED = 2, 5, 2


class Span(NamedTuple):
    """What is looked at of a span; ids in hexadecimal."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    status: int
    attributes: dict[str, str]

    @property
    def context(self) -> str:
        return f"00-{self.trace}-{self.id}-01"


class Collector:
    """Takes OTLP over HTTP, in the protocol's own messages."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                collector.take(ExportTraceServiceRequest.FromString(content))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing to standard error."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, request: ExportTraceServiceRequest) -> None:
        for sent in request.resource_spans:
            resource = {each.key: each.value.string_value for each in sent.resource.attributes}
            assert resource["service.namespace"] == "steward"
            for span in (each for scope in sent.scope_spans for each in scope.spans):
                attributes = {
                    each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes
                }
                self.spans.append(
                    Span(
                        resource["service.name"], span.name, span.kind, span.trace_id.hex(), span.span_id.hex(),
                        span.parent_span_id.hex(), span.status.code, attributes,
                    )
                )  # fmt: skip


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector = Collector()
    thread = Thread(target=collector.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


def only(found: list[Span], service: str, name: str, **attributes: str) -> Span:
    """The one span of this service and name with these attributes."""
    wanted = {key.replace("_", "."): value for key, value in attributes.items()}
    spans = [s for s in found if (s.service, s.name) == (service, name) and wanted.items() <= s.attributes.items()]
    assert len(spans) == 1, found
    return spans[0]


async def filled(steward: Steward) -> Json:
    sack = await told(steward.client("alice"), "/mill/sacks", {"grain": "rye", "weight": 25}, traceparent=CONTEXT)
    await steward.drained()
    return sack


async def contexts(steward: Steward, service: str) -> list[str]:
    """The trace contexts of a service's events, in their order."""
    rows = await steward.database(service).rows(text("SELECT traceparent FROM event ORDER BY position"), {})
    return [row.traceparent for row in rows]


Make = Callable[[Service], Awaitable[str]]


async def test_a_trace_leads_from_the_callers_span_to_what_other_services_made_of_the_event(
    collector: Collector, database_url: Make, workplace: Path
) -> None:
    async with steward_of([mill, bakery], database_url, workplace / "traced", SetClock()) as steward:
        sack = await filled(steward)
        told_by_mill, told_by_bakery = await contexts(steward, "mill"), await contexts(steward, "bakery")
    request = only(collector.spans, "mill", "POST /mill/sacks")
    assert (request.kind, request.trace, request.parent) == (SERVER, TRACE, CALLERS)
    assert request.attributes["http.response.status_code"] == "201"
    assert told_by_mill == [request.context]
    process = f"process {SackFilled.wire_type()}"
    taken = {
        handler: only(collector.spans, "bakery", process, steward_handler=handler)
        for handler in ("keep_flour", "print_label")
    }
    for span in taken.values():
        assert (span.kind, span.trace, span.parent) == (CONSUMER, TRACE, request.id)
        assert span.attributes["messaging.destination.name"] == "steward.mill"
        assert span.attributes["cloudevents.event_subject"] == sack["number"]
    assert told_by_bakery == [taken["print_label"].context]
    assert len({span.id for span in collector.spans}) == len(collector.spans) == 3


async def test_what_fails_is_marked_as_failed(collector: Collector, database_url: Make, workplace: Path) -> None:
    def fault(_: Delivery[SackFilled]) -> None:
        raise RuntimeError("no flour today")

    async with steward_of([mill, bakery], database_url, workplace / "failing", SetClock()) as steward:
        Oven.fault = staticmethod(fault)
        await filled(steward)
    taken = [span for span in collector.spans if span.attributes.get("steward.handler") == "keep_flour"]
    assert taken
    assert {span.status for span in taken} == {FAILED}
    assert only(collector.spans, "mill", "POST /mill/sacks").status != FAILED


async def test_without_a_collector_the_context_is_passed_on_all_the_same(database_url: Make, workplace: Path) -> None:
    async with steward_of([mill, bakery], database_url, workplace / "untraced", SetClock()) as steward:
        await filled(steward)
        for context in [*await contexts(steward, "mill"), *await contexts(steward, "bakery")]:
            assert context.split("-")[1] == TRACE


async def test_a_switched_off_sdk_sends_nothing_and_hinders_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, database_url: Make, workplace: Path
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    async with steward_of([mill, bakery], database_url, workplace / "off", SetClock()) as steward:
        await told(steward.client("alice"), "/mill/sacks", {"grain": "rye", "weight": 25})
        await steward.drained()
        (context,) = {*await contexts(steward, "mill"), *await contexts(steward, "bakery")}
    assert TRACEPARENT.fullmatch(context.encode())
    assert collector.spans == []


async def test_a_collector_that_never_answers_holds_up_neither_answers_nor_the_end(
    monkeypatch: pytest.MonkeyPatch, database_url: Make, workplace: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        async with steward_of([mill, bakery], database_url, workplace / "deaf", SetClock()) as steward:
            await filled(steward)
            began = time.monotonic()
        # Without a bound the exporter would wait for ten seconds, several times.
        assert time.monotonic() - began < LAST_WORDS + 4
