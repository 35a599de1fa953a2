"""``engines/published``: what an engine of another make would poll for."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from snowmelt.definitions.wire import (
    PublishedInterventionsForStream,
    PublishedStreamAttributes,
    intervention_response,
    published_attributes,
)
from snowmelt.stores.registry import Registry


def published_router(registry: Registry) -> APIRouter:
    """Read what is published."""
    router = APIRouter(prefix="/engines/published", tags=["engines"])

    @router.get(
        "/stream_attributes",
        response_model=PublishedStreamAttributes,
        summary="Every computation of published stream groups, each once",
    )
    def list_stream_attributes() -> JSONResponse:
        groups = [stored for stored in registry.groups.all(published_only=True) if stored.group.kind == "stream"]
        attributes = published_attributes((stored.group, stored.published_at) for stored in groups)
        return _answer("attributes", [one.model_dump(mode="json") for one in attributes], groups)

    @router.get(
        "/interventions",
        response_model=PublishedInterventionsForStream,
        summary="Every published intervention, with the keys that it goes to",
    )
    def list_published_interventions() -> JSONResponse:
        published = registry.interventions.published()
        interventions = [
            intervention_response(one.stored.intervention).to_wire()
            | {"target_attribute_keys": [{"name": name} for name in one.targets]}
            for one in published
        ]
        return _answer("interventions", interventions, [one.stored for one in published])

    return router


def _answer(kind: str, items: list[dict[str, Any]], stored: list[Any]) -> JSONResponse:
    newest: datetime | None = max((one.updated_at for one in stored), default=None)
    text = None if newest is None else newest.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return JSONResponse({kind: items, "published_at": text})
