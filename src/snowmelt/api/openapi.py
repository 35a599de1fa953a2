"""The OpenAPI document: what the framework sees, and what goes past it."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from snowmelt.api.access import needed_role
from snowmelt.api.asgi import MAX_BODY_BYTES
from snowmelt.api.context_door import PATH as CONTEXT_PATH
from snowmelt.api.contexts import FORMATS
from snowmelt.api.deliveries import PATH as INTERVENTIONS_PATH
from snowmelt.api.examples import EXAMPLES
from snowmelt.api.failures import ANSWERS, SCHEMAS, Failure, Incident, add_failures, answered, protect, reference
from snowmelt.api.later import LATER, Later, later
from snowmelt.api.online import PATH
from snowmelt.definitions import AgenticContextResponse, InterventionInstance
from snowmelt.definitions.wire import GetAttributeGroupAttributesRequest, GetServiceAttributesRequest

UNUSED: Final = ("HTTPValidationError", "ValidationError")
"""What the framework tells of requests that are wrong; `failures` tells it as it is."""
LATER_METHODS: Final = ("get", "post")
"""Stand for all methods of an area that comes later."""


def takes(*models: type[BaseModel]) -> dict[str, Any]:
    """Documents the body of an operation that reads it itself: one of ``models``."""
    references = [reference(model) for model in models]
    content = {
        "schema": references[0] if len(references) == 1 else {"anyOf": references},
        "examples": {model.__name__: {"value": EXAMPLES[model]} for model in models},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def describe(app: FastAPI) -> None:
    """Have ``app`` answer ``/openapi.json`` with the complete document, made when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, summary=app.summary, version=app.version, routes=app.routes)
    models: tuple[type[BaseModel], ...] = (*EXAMPLES, *ANSWERS, AgenticContextResponse)
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=SCHEMAS)
    components = document.setdefault("components", {})
    schemas = definitions.get("$defs", {}) | components.get("schemas", {})
    components["schemas"] = {name: schema for name, schema in schemas.items() if name not in UNUSED}
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "The sandbox token, an API key, or a JWT that an API key was exchanged for.",
        }
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            add_failures(method.upper(), path, operation)
    document["paths"][PATH] = {"post": _online()}
    document["paths"][CONTEXT_PATH] = {"get": _context()}
    document["paths"][INTERVENTIONS_PATH] = {"get": _stream(), "post": _push()}
    for area in LATER:
        _announce(document["paths"], area)
    return document


def _online() -> dict[str, Any]:
    """The operation that is served beside the framework."""
    operation = {
        "tags": ["attributes"],
        "summary": "Current values of attributes",
        "description": "Either `service` or `attributes` is given. "
        "Each column of the answer has one entry per identifier, in the order of the request. "
        "Without a token: a public service, one key, one identifier that is a UUID.",
        "operationId": "get_online_attributes",
        **takes(GetServiceAttributesRequest, GetAttributeGroupAttributesRequest),
        "responses": {
            "200": {
                "description": "Columns by attribute",
                "content": {
                    "application/json": {
                        "schema": {"type": "object", "additionalProperties": {"type": "array", "items": {}}},
                        "example": {"cart_value": [250.5, None]},
                    }
                },
            },
            "400": answered(Failure, "Malformed request"),
            "404": answered(Failure, "Unknown service, group, version or attribute"),
            "413": answered(Failure, f"The body is longer than {MAX_BODY_BYTES:,} bytes"),
            "500": answered(Incident, "Something unforeseen"),
        },
    }
    protect(operation, needed_role("POST", PATH))
    operation["security"].append({})  # public services
    return operation


def _context() -> dict[str, Any]:
    """Reading an event log, which is served beside the framework too."""
    text = {"type": "string"}
    parameters = (
        ("name", "Of a published event log", True, text, "recent"),
        ("identifier", "The session id", True, text, "a-session"),
        (
            "format",
            "Data, or text for a prompt",
            False,
            text | {"enum": list(FORMATS), "default": FORMATS[0]},
            FORMATS[0],
        ),
    )
    operation: dict[str, Any] = {
        "tags": ["event logs"],
        "summary": "The latest events of a session",
        "description": "Oldest first; a session that was never seen has an empty log.",
        "operationId": "get_event_log_buffer",
        "parameters": [
            {"name": name, "in": "query", "required": required, "description": what, "schema": schema, "example": shown}
            for name, what, required, schema, shown in parameters
        ],
        "responses": {
            "200": {
                "description": "The log, in the format that was asked for",
                "content": {
                    "application/json": {"schema": reference(AgenticContextResponse)},
                    "text/plain": {"schema": text},
                },
            },
            "400": answered(Failure, "Missing parameter, unknown format"),
            "404": answered(Failure, "No published event log has this name"),
            "500": answered(Incident, "Something unforeseen"),
        },
    }
    protect(operation, needed_role("GET", CONTEXT_PATH))
    return operation


TARGETS: Final = {
    "name": "domain_userid",
    "in": "query",
    "style": "form",
    "explode": True,
    "description": "Identifiers. Any other attribute key may stand beside it or in its place, and one is needed.",
    "schema": {"type": "array", "items": {"type": "string"}},
    "example": ["218e8926-3858-431d-b2ed-66da03a1cbe5"],
}


def _stream() -> dict[str, Any]:
    """The stream of interventions, served beside the framework."""
    resume = "The id of the last event that a subscriber has; it then gets what it missed, for some minutes."
    permit = "Of `interventions/tokens`; needed only where the server is set to ask for it."
    return {
        "tags": ["interventions"],
        "summary": "Interventions for some identifiers, as they come",
        "description": "Server-Sent Events. The `data` of each is an intervention as JSON.",
        "operationId": "stream_interventions",
        "parameters": [
            TARGETS,
            {"name": "Last-Event-ID", "in": "header", "description": resume, "schema": {"type": "string"}},
            {"name": "last_event_id", "in": "query", "description": resume, "schema": {"type": "string"}},
            {"name": "token", "in": "query", "description": permit, "schema": {"type": "string"}},
        ],
        "responses": {
            "200": {
                "description": "The stream",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            "400": answered(
                Failure, "No targets, too many, an unknown attribute key, or an identifier that can be guessed"
            ),
            "401": answered(Failure, "No token, or one that does not hold, where one is needed"),
            "403": answered(Failure, "A token for others"),
            "500": answered(Incident, "Something unforeseen"),
            "503": answered(Failure, "Too many streams are open"),
        },
        "security": [],
    }


def _push() -> dict[str, Any]:
    """The push of an intervention, served beside the framework."""
    statuses = {"type": "string", "enum": ["undelivered", "success", "failure"]}
    operation: dict[str, Any] = {
        "tags": ["interventions"],
        "summary": "Send an intervention to whoever is subscribed to some identifiers",
        "operationId": "push_intervention",
        "parameters": [TARGETS],
        **takes(InterventionInstance),
        "responses": {
            "200": {
                "description": "`success` if a subscriber was there, `undelivered` if none was, `failure` if the "
                "outbox cannot be written",
                "content": {"application/json": {"schema": {"type": "object", "properties": {"status": statuses}}}},
            },
            "400": answered(Failure, "No targets, an unknown attribute key, or a body that is no intervention"),
            "413": answered(Failure, f"The body is longer than {MAX_BODY_BYTES:,} bytes"),
            "500": answered(Incident, "Something unforeseen"),
        },
    }
    protect(operation, needed_role("POST", INTERVENTIONS_PATH))
    return operation


def _announce(paths: dict[str, Any], area: Later) -> None:
    """Adds an area that comes later, unless something is served there already."""
    placed = area.path.replace("*", "{name}", 1).replace("*", "{version}", 1)
    operations = paths.setdefault(placed, {})
    for method in LATER_METHODS:
        operation: dict[str, Any] = {
            "tags": ["not there yet"],
            "summary": later(area.path),
            "description": "So does every path below it, with every method.",
            "operationId": f"{method}_{area.path.rsplit('/', 1)[-1]}_later",
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in ("name", "version")
                if f"{{{name}}}" in placed
            ],
            "responses": {"501": answered(Failure, "Not available in this release")},
        }
        if operation["parameters"]:
            operation["responses"]["404"] = answered(Failure, "No such path")
        protect(operation, needed_role(method.upper(), area.path))
        operations.setdefault(method, operation)
