"""The OpenAPI document: what the framework sees, and what goes past it."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from snowmelt.api.access import needed_role
from snowmelt.api.context_door import PATH as CONTEXT_PATH
from snowmelt.api.contexts import FORMATS
from snowmelt.api.key_bodies import ApiKeyRequest
from snowmelt.api.online import PATH
from snowmelt.definitions import (
    AgenticContextResponse,
    AgenticDecision,
    AttributeGroup,
    AttributeKey,
    BatchSource,
    EventLog,
    RuleIntervention,
    Service,
)
from snowmelt.definitions.wire import (
    ErrorResponse,
    GetAttributeGroupAttributesRequest,
    GetServiceAttributesRequest,
    SelectivePublishRequest,
    UnpublishRequest,
)
from snowmelt.stores.registry import ROLES, Role

TEMPLATE: Final = "#/components/schemas/{model}"
BODIES: Final[tuple[type[BaseModel], ...]] = (
    AgenticContextResponse,
    AgenticDecision,
    ApiKeyRequest,
    AttributeGroup,
    AttributeKey,
    BatchSource,
    ErrorResponse,
    EventLog,
    GetAttributeGroupAttributesRequest,
    GetServiceAttributesRequest,
    RuleIntervention,
    SelectivePublishRequest,
    Service,
    UnpublishRequest,
)


def takes(*models: type[BaseModel]) -> dict[str, Any]:
    """Documents the body of an operation that reads it itself: one of ``models``."""
    references = [_reference(model) for model in models]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI) -> None:
    """Have ``app`` answer ``/openapi.json`` with the complete document, made when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, summary=app.summary, version=app.version, routes=app.routes)
    _, definitions = models_json_schema([(model, "validation") for model in BODIES], ref_template=TEMPLATE)
    components = document.setdefault("components", {})
    components["schemas"] = definitions.get("$defs", {}) | components.get("schemas", {})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["paths"][PATH] = {"post": _online()}
    document["paths"][CONTEXT_PATH] = {"get": _context()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _protect(operation, needed_role(method.upper(), path), path == PATH)
    return document


def _protect(operation: dict[str, Any], needed: Role | None, also_public: bool) -> None:
    """Says which role an operation needs."""
    if needed is None:
        return
    # Bearer tokens have no scopes; since OpenAPI 3.1 the list may name roles.
    operation["security"] = [{"token": [needed]}, *([{}] if also_public else [])]
    operation["responses"].setdefault("401", _error("Missing, unknown, revoked or expired token"))
    if needed != ROLES[0]:
        operation["responses"].setdefault("403", _error(f"The token has not the role {needed}"))


def _online() -> dict[str, Any]:
    """Reading attributes, which is served beside the framework."""
    return {
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
            "400": _error("Malformed request"),
            "404": _error("Unknown service, group, version or attribute"),
        },
    }


def _context() -> dict[str, Any]:
    """Reading an event log, which is served beside the framework too."""
    text = {"type": "string"}
    parameters = (
        ("name", "Of a published event log", True, text),
        ("identifier", "The session id", True, text),
        ("format", "Data, or text for a prompt", False, text | {"enum": list(FORMATS), "default": FORMATS[0]}),
    )
    return {
        "tags": ["event logs"],
        "summary": "The latest events of a session",
        "description": "Oldest first; a session that was never seen has an empty log.",
        "operationId": "get_event_log_buffer",
        "parameters": [
            {"name": name, "in": "query", "required": required, "description": what, "schema": schema}
            for name, what, required, schema in parameters
        ],
        "responses": {
            "200": {
                "description": "The log, in the format that was asked for",
                "content": {
                    "application/json": {"schema": _reference(AgenticContextResponse)},
                    "text/plain": {"schema": text},
                },
            },
            "400": _error("Missing parameter, unknown format"),
            "404": _error("No published event log has this name"),
        },
    }


def _error(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": _reference(ErrorResponse)}},
    }


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": TEMPLATE.format(model=model.__name__)}
