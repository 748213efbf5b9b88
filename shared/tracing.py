"""Spans for OpenTelemetry, sent by OTLP over HTTP where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.

Requests and events carry the W3C trace context in any case. With spans, its ids are theirs: one for each request, and
one for each event that a handler takes in, a child of what the event came from. So a trace shows a command and
everything that followed from it elsewhere. Only processes that send spans import this module.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from contracts.envelope import Message
from shared.events.handling import Delivery, Projection, Reaction, name

LAST_WORDS = 5.0
"""Seconds for what is still to be sent when the process stops."""
W3C = TraceContextTextMapPropagator()


def exporting() -> SpanProcessor:
    """Sends spans in batches from a thread of its own; the SDK's environment variables say where and how."""
    return BatchSpanProcessor(OTLPSpanExporter())


async def exported(processor: SpanProcessor) -> None:
    """Send what is left. A collector that does not answer is not waited for any longer than LAST_WORDS."""
    # Not in one of the loop's threads, without whose end the process does not end either.
    sending = Thread(target=processor.shutdown, daemon=True)
    sending.start()
    await asyncio.to_thread(sending.join, LAST_WORDS)


class Spans:
    """One service's spans."""

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        resource = Resource.create({"service.namespace": "steward", "service.name": service})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(processor)
        self._tracer = provider.get_tracer("steward")

    def request(self, scope: Scope) -> Span:
        """Begin the span of a request, within the caller's where it named one. The request's events will name it."""
        given = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        span = self._tracer.start_span(
            scope["method"],
            W3C.extract({"traceparent": given}),
            SpanKind.SERVER,
            {
                "http.request.method": scope["method"],
                "url.path": scope["path"],
                "url.scheme": scope["scheme"],
                "steward.correlation": str(scope["correlation"]),
            },
        )
        if context := traceparent(span):
            scope["traceparent"] = context
        return span

    def answered(self, span: Span, method: str, route: str, status: int) -> None:
        """End a request's span."""
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end()

    @contextmanager
    def processing(
        self, topic: str, handler: Projection | Reaction, events: Sequence[Delivery[Any]]
    ) -> Iterator[list[Delivery[Any]]]:
        """A span for each of these while the block lasts, which the events that follow from it will name. Where the
        block raises, they end as failed."""
        spans = [self._process(topic, name(handler), each.message) for each in events]
        try:
            yield [replace(each, traceparent=traceparent(span)) for each, span in zip(events, spans, strict=True)]
        except BaseException as error:
            for each in spans:
                each.record_exception(error)
                each.set_status(StatusCode.ERROR, repr(error))
            raise
        finally:
            for each in spans:
                each.end()

    def _process(self, topic: str, handler: str, message: Message) -> Span:
        return self._tracer.start_span(
            f"process {message.type}",
            W3C.extract({"traceparent": message.traceparent or ""}),
            SpanKind.CONSUMER,
            {
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.destination.name": topic,
                "cloudevents.event_id": str(message.id),
                "cloudevents.event_type": message.type,
                "cloudevents.event_subject": message.subject,
                "steward.correlation": str(message.correlation),
                "steward.handler": handler,
            },
        )


def traceparent(span: Span) -> str | None:
    """The span as the W3C header names it; None where OTEL_SDK_DISABLED has it be none."""
    carrier: dict[str, str] = {}
    W3C.inject(carrier, set_span_in_context(span))
    return carrier.get("traceparent")
