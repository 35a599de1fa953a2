"""The OpenAPI document: what the framework sees, and what goes past it."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from snowmelt.api.access import needed_role
from snowmelt.api.deliveries import PATH as INTERVENTIONS_PATH
from snowmelt.api.key_bodies import ApiKeyRequest
from snowmelt.api.online import PATH
from snowmelt.definitions import (
    AgenticDecision,
    AttributeGroup,
    AttributeKey,
    BatchSource,
    EventLog,
    InterventionInstance,
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
    AgenticDecision,
    ApiKeyRequest,
    AttributeGroup,
    AttributeKey,
    BatchSource,
    ErrorResponse,
    EventLog,
    GetAttributeGroupAttributesRequest,
    GetServiceAttributesRequest,
    InterventionInstance,
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
    document["paths"][INTERVENTIONS_PATH] = {"get": _stream(), "post": _push()}
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
    """The operation that is served beside the framework."""
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


TARGETS: Final = {
    "name": "targets",
    "in": "query",
    "required": True,
    "style": "form",
    "explode": True,
    "description": "Attribute keys and their identifiers: `domain_userid=...`. A key may be repeated.",
    "schema": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    "example": {"domain_userid": ["218e8926-3858-431d-b2ed-66da03a1cbe5"]},
}


def _stream() -> dict[str, Any]:
    """The stream of interventions, served beside the framework."""
    resume = "The id of the last event that a subscriber has; it then gets what it missed, for some minutes."
    return {
        "tags": ["interventions"],
        "summary": "Interventions for some identifiers, as they come",
        "description": "Server-Sent Events. The `data` of each is an intervention as JSON.",
        "operationId": "stream_interventions",
        "parameters": [
            TARGETS,
            {"name": "Last-Event-ID", "in": "header", "description": resume, "schema": {"type": "string"}},
            {"name": "last_event_id", "in": "query", "description": resume, "schema": {"type": "string"}},
        ],
        "responses": {
            "200": {
                "description": "The stream",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            "400": _error("No targets, too many, an unknown attribute key, or an identifier that can be guessed"),
            "503": _error("Too many streams are open"),
        },
    }


def _push() -> dict[str, Any]:
    """The push of an intervention, served beside the framework."""
    statuses = {"type": "string", "enum": ["undelivered", "success", "failure"]}
    return {
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
            "400": _error("No targets, an unknown attribute key, or a body that is no intervention"),
            "413": _error("The body is too long"),
        },
    }


def _error(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": _reference(ErrorResponse)}},
    }


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": TEMPLATE.format(model=model.__name__)}
