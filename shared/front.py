"""The outermost ASGI app: finds the service by the first part of the path, and answers what belongs to the whole.

`/livez`, `/readyz`, `/metrics`, `/openapi.json`, `/docs` and `/asyncapi.json` are the same for one service in its own
process and for all of them in one.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.asyncapi import document
from shared.http import platform, policies, problems
from shared.http.naming import operation_id, schema_names
from shared.http.problems import Problem
from shared.http.route import Dispatch
from shared.service import Runtime
from shared.settings import Settings
from shared.telemetry import LAG, METRICS, UNPUBLISHED, Observed

VERSION = "0.1.0"
log = structlog.get_logger(__name__)


class Front:
    """`/incident/…` goes to the service incident with its path untouched, so no gateway has to rewrite one."""

    def __init__(self, runtimes: Sequence[Runtime], settings: Settings, extra: Sequence[APIRouter] = ()) -> None:
        self.runtimes = runtimes
        self.settings = settings
        built = {each.service.name: application(each) for each in runtimes}
        self.services: dict[str, FastAPI] = {name: app for name, (app, _) in built.items()}
        self.observed: dict[str, ASGIApp] = {
            each.service.name: Observed(built[each.service.name][1], each.service.name, each.spans) for each in runtimes
        }
        self.whole = Observed(self._whole(extra), "steward")
        self.stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # Not every path begins with a stroke: there is `OPTIONS *`.
            name = scope["path"].lstrip("/").partition("/")[0]
            await self.observed.get(name, self.whole)(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] == "lifespan":
            await lifespan(receive, send)

    def _whole(self, extra: Sequence[APIRouter]) -> FastAPI:
        app = FastAPI(title="Steward", version=VERSION, openapi_url=None, docs_url=None, redoc_url=None)
        problems.install(app)
        for router in extra:
            app.include_router(router)

        @app.get("/livez")
        async def alive() -> dict[str, str]:
            return {"status": "alive"}

        @app.get("/readyz")
        async def ready() -> Response:
            services = {each.service.name: await each.ready(self.settings.relay_lag_limit) for each in self.runtimes}
            fine = not self.stopping and all(part["ok"] for parts in services.values() for part in parts.values())
            status = "ready" if fine else "stopping" if self.stopping else "not ready"
            return JSONResponse({"status": status, "services": services}, 200 if fine else 503)

        @app.get("/metrics")
        async def metrics() -> Response:
            for each in self.runtimes:
                if each.consumer:
                    LAG.labels(each.service.name).set(each.consumer.lag())
                if each.relay:
                    UNPUBLISHED.labels(each.service.name).set(each.relay.lag())
            return Response(generate_latest(METRICS), media_type=CONTENT_TYPE_LATEST)

        openapi = json.dumps(merged(self.services))
        consumed = {each.service.name: each.service.consumes for each in self.runtimes}
        asyncapi = json.dumps(document(consumed, VERSION))

        @app.get("/openapi.json")
        async def described() -> Response:
            return Response(openapi, media_type="application/json")

        @app.get("/asyncapi.json")
        async def told() -> Response:
            return Response(asyncapi, media_type="application/json")

        @app.get("/docs")
        async def docs() -> Response:
            return HTMLResponse(DOCS)

        @app.get("/")
        async def start() -> Response:
            return Response(status_code=307, headers={"Location": "/docs"})

        # The pages come from a wheel: no browser of an operator has to reach a content network.
        app.mount("/docs/files", StaticFiles(directory=str(files("fastapi_offline") / "static")))
        return app


def application(runtime: Runtime) -> tuple[FastAPI, Dispatch]:
    """The FastAPI app of one service, whose routes lie under the service's name, and the quick way to its routes."""
    service = runtime.service
    app = FastAPI(
        title=f"Steward: {service.title}", version="1", openapi_url=None, docs_url=None, redoc_url=None,
        max_body_size=platform.LARGEST_BODY, generate_unique_id_function=operation_id,
    )  # fmt: skip
    app.state.runtime = runtime
    problems.install(app)
    routers = [*service.routers, platform.router()]
    if service.policies:
        routers.append(policies.router(service.name, service.policies))
    for router in routers:
        app.include_router(router, prefix=f"/{service.name}")
    return app, Dispatch(app, f"/{service.name}", routers, platform.LARGEST_BODY)


async def lifespan(receive: Receive, send: Send) -> None:
    """Nothing hangs on the server's lifespan: `shared.run` starts and stops the work around it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def merged(services: Mapping[str, FastAPI]) -> dict[str, Any]:
    """One OpenAPI document of all services, in which no service's names depend on which others there are."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = common()
    shared = dict(schemas)
    for name, app in services.items():
        found = app.openapi()
        own = found.get("components", {}).get("schemas", {})
        names = schema_names(name, own, shared)
        schemas |= {names[each]: renamed(content, names) for each, content in own.items()}
        paths |= bodies_as_needed(renamed(found["paths"], names), schemas)
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Steward", "version": VERSION, "description": DESCRIPTION},
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": {"bearer": bearer}},
        "security": [{"bearer": []}],
    }


def bodies_as_needed(paths: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """A request whose body needs no field needs no body: `shared.http.route` reads none as an empty object."""
    for operation in (each for path in paths.values() for each in path.values()):
        if body := operation.get("requestBody"):
            of = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            body["required"] = bool(schemas[of].get("required"))
    return paths


def common() -> dict[str, Any]:
    """The schemas that every service has: those of the platform's routes, and the problem document."""
    app = FastAPI()
    for router in (platform.router(), policies.router("", ())):
        app.include_router(router)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**app.openapi()["components"]["schemas"], **problem.pop("$defs"), "Problem": problem}


def renamed(tree: Any, names: Mapping[str, str]) -> Any:
    """The same document with its references to these schemas led to their new names."""
    if isinstance(tree, dict):
        return {key: reference(value, names) if key == "$ref" else renamed(value, names) for key, value in tree.items()}
    return [renamed(each, names) for each in tree] if isinstance(tree, list) else tree


def reference(to: str, names: Mapping[str, str]) -> str:
    schema = to.rsplit("/", 1)[-1]
    return f"#/components/schemas/{names[schema]}" if schema in names else to


DESCRIPTION = "IT service management for ISO/IEC 20000. Every refusal is a problem document (RFC 9457)."
DOCS = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Steward: the API</title>
<link rel="stylesheet" href="/docs/files/swagger-ui.css"></head><body><div id="ui"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#ui", deepLinking: true, persistAuthorization: true})</script>
</body></html>"""
