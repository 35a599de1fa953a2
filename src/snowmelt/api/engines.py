"""``engines/publish`` and ``engines/unpublish``: the state of several definitions at once, all or nothing."""

from typing import Annotated, TypedDict

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.announcer import Announcer
from snowmelt.api.answers import failure
from snowmelt.api.bodies import Body, json_body, parse
from snowmelt.api.openapi import takes
from snowmelt.definitions.wire import (
    PublishResponse,
    SelectivePublishRequest,
    UnpublishRequest,
    UnpublishResponse,
)
from snowmelt.stores.registry import Registry

LATER = ("interventions", "event_logs", "agentic_decisions")


def engines_router(registry: Registry, announcer: Announcer) -> APIRouter:
    """Publish and unpublish what is registered."""
    router = APIRouter(prefix="/engines", tags=["engines"])

    @router.post(
        "/publish",
        response_model=PublishResponse,
        summary="Publish definitions, all or none",
        openapi_extra=takes(SelectivePublishRequest),
    )
    def publish(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        request = parse(SelectivePublishRequest, body)
        if missing := _later(request):
            return failure(501, missing)
        if request.is_empty():
            return JSONResponse({"status": "nothing to publish"})
        registry.publishing.publish(**_references(request))
        announcer.announce()
        return JSONResponse({"status": "published"})

    @router.post(
        "/unpublish",
        response_model=UnpublishResponse,
        summary="Unpublish definitions, all or none",
        openapi_extra=takes(UnpublishRequest),
    )
    def unpublish(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        request = parse(UnpublishRequest, body)
        if missing := _later(request):
            return failure(501, missing)
        if request.is_empty():
            return JSONResponse({"status": "nothing to unpublish"})
        registry.publishing.unpublish(**_references(request))
        announcer.announce()
        return JSONResponse({"status": "unpublished"})

    return router


class _References(TypedDict):
    keys: list[str]
    groups: list[tuple[str, int]]
    services: list[str]


def _references(request: SelectivePublishRequest) -> _References:
    return {
        "keys": [key.name for key in request.attribute_keys],
        "groups": [(group.name, group.version) for group in request.attribute_groups],
        "services": [service.name for service in request.services],
    }


def _later(request: SelectivePublishRequest) -> str | None:
    """Which of the kinds named here this release does not have."""
    kinds = [kind for kind in LATER if getattr(request, kind)]
    if not kinds:
        return None
    return f"{', '.join(kinds)}: not available in this release of Snowmelt. Nothing was changed."
