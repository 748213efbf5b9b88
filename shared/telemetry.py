"""What operators see: JSON logs with the correlation id, Prometheus metrics, one trace through requests and events."""

import logging
import re
import secrets
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

if TYPE_CHECKING:
    from shared.tracing import Spans

METRICS = CollectorRegistry()
REQUESTS = Histogram(
    "steward_http_request_seconds", "Time to answer, by route and status",
    ["service", "method", "route", "status"], registry=METRICS,
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip
TAKEN = Counter("steward_events_taken_total", "Events taken in", ["service", "topic"], registry=METRICS)
LAG = Gauge("steward_consumer_lag", "Events known and not yet taken in", ["service"], registry=METRICS)
UNPUBLISHED = Gauge("steward_relay_lag", "Events recorded and not yet published", ["service"], registry=METRICS)
PARKED = Gauge("steward_parked_messages", "Messages that wait for a person, by reason", ["service", "reason"],
               registry=METRICS)  # fmt: skip
RESTARTS = Counter("steward_task_restarts_total", "Background tasks that failed and were started again",
                   ["service", "task"], registry=METRICS)  # fmt: skip

TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent(scope: Scope) -> str:
    """The W3C trace context of this request's work: the caller's trace where it sent one, else a new one."""
    known: str | None = scope.get("traceparent")
    if known is None:
        given = dict(scope["headers"]).get(b"traceparent", b"")
        trace = given[3:35].decode() if TRACEPARENT.fullmatch(given) else secrets.token_hex(16)
        known = scope["traceparent"] = f"00-{trace}-{secrets.token_hex(8)}-01"
    return known


def configure_logging(level: str) -> None:
    """Every line a JSON object on standard error; libraries' lines too."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Frames without their locals: those hold tokens and customers' texts.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # Told by our own handler already, with the correlation id.
    logging.getLogger("uvicorn.error").addFilter(lambda line: not line.getMessage().startswith("Exception in ASGI"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class Observed:
    """ASGI: gives each request its correlation id, echoes it, binds it to the log, and measures the answer."""

    def __init__(self, app: ASGIApp, service: str, spans: "Spans | None" = None) -> None:
        self.app = app
        self.service = service
        self.spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        correlation = given(scope["headers"]) or uuid7()
        scope["correlation"] = correlation
        header = (b"x-correlation-id", str(correlation).encode())
        status = 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # What is sent is what it says it is: a browser must not guess a script out of a text.
                message["headers"] = [*message["headers"], header, (b"x-content-type-options", b"nosniff")]
            await send(message)

        span = self.spans.request(scope) if self.spans else None
        tokens = structlog.contextvars.bind_contextvars(service=self.service, correlation=str(correlation))
        try:
            await self.app(scope, receive, observed)
        finally:
            structlog.contextvars.reset_contextvars(**tokens)
            route = scope.get("route_path") or getattr(scope.get("route"), "path", "unmatched")
            REQUESTS.labels(self.service, scope["method"], route, status).observe(time.perf_counter() - started)
            if self.spans and span:
                self.spans.answered(span, scope["method"], str(route), status)


def given(headers: Iterable[tuple[bytes, bytes]]) -> UUID | None:
    """The caller's own correlation id, where it is a UUID."""
    for name, value in headers:
        if name == b"x-correlation-id":
            try:
                return UUID(value.decode("ascii"))
            except ValueError:
                return None
    return None
